"""One live session of a peer. It runs in the peer's own environment and imports nothing of ours.

    python program.py whisperlivekit ws://127.0.0.1:PORT/asr
    python program.py whisper-streaming MODEL_FOLDER THREADS LANGUAGE

Samples (16 kHz, one channel, 16 bits) come on standard input as they are spoken; its end is the
end of the audio. Each line of standard output is JSON: `{"ready": true}` when audio may come, then
what there is to show each time it changes, `{"end": true}` when there is no more. Then it waits to
be ended, so that its CPU time can still be read.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import sys
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

RATE_HZ, SAMPLE_BYTES = 16_000, 2
# As whisper_streaming's own: audio for a pass, text given to it as a prompt, the longest buffer.
PASS_S, PROMPT_CHARS, BUFFER_S = 1.0, 200, 15.0
_PIECE_BYTES = 64_000
_LONGEST_WAIT_S = 3600.0


def main() -> None:
    """Run one session, and wait to be ended."""
    parent = os.getppid()
    kind, *rest = sys.argv[1:]
    if kind == "whisperlivekit":
        _whisperlivekit(*rest)
    else:
        _whisper_streaming(*rest)
    _tell({"end": True})
    pause = threading.Event()
    # Where the benchmark died without ending it, it ends by itself.
    while os.getppid() == parent:
        pause.wait(1)


def _tell(message: Mapping[str, object]) -> None:
    print(json.dumps(message), flush=True)


def _whisperlivekit(url: str) -> None:
    """Carry audio to a server's WebSocket, and what it tells back."""
    client = importlib.import_module("websockets.sync.client")
    with client.connect(url, max_size=None) as connection:

        def send() -> None:
            while piece := os.read(sys.stdin.fileno(), _PIECE_BYTES):
                connection.send(piece)
            # An empty message is the end of the audio there.
            connection.send(b"")

        _tell({"ready": True})
        threading.Thread(target=send, daemon=True).start()
        for text in connection:
            message = json.loads(text)
            if message.get("type") == "ready_to_stop":
                return
            _tell(message)


def _whisper_streaming(folder: str, threads: str, language: str) -> None:
    """Run the package's processor between standard input and output.

    It trims its buffer by time: by sentences, as the paper also does, is not written yet.
    """
    package = importlib.import_module("whisper_streaming")
    backend = importlib.import_module("whisper_streaming.backend")
    receiver = _Receiver()
    processor = package.ASRProcessor(
        package.ASRProcessor.ProcessorConfig(
            sampling_rate=RATE_HZ,
            prompt_size=PROMPT_CHARS,
            audio_receiver_timeout=_LONGEST_WAIT_S,
            audio_trimming=package.TimeTrimming(BUFFER_S),
            language=language or None,
        ),
        receiver,
        _Sender(),
        package.Backend.FASTER_WHISPER,
        backend.FasterWhisperModelConfig(
            folder, device="cpu", compute_type="int8", cpu_threads=int(threads)
        ),
        backend.FasterWhisperTranscribeConfig(),
        backend.FasterWhisperFeatureExtractorConfig(),
    )
    # The first pass takes longer than any other.
    processor.backend.transcribe(np.zeros(RATE_HZ, np.float32), "")
    _tell({"ready": True})
    processor.run()


class _Receiver:
    """What the processor takes its audio from, and that one's queue: a second for each pass.

    The package's own receivers do the same: who is late works the rest off second by second.
    """

    def __init__(self) -> None:
        self.queue = self
        self._bytes = bytearray()
        self._ended = False
        self._changed = threading.Condition()

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._read, daemon=True).start()

    def close(self) -> None:
        """Do nothing: all is read."""

    def get(self, timeout: float) -> Any:
        """Return the samples of the next second, or the last ones.

        Raises:
            queue.Empty: there are no more; the processor then tells the words that it still holds.
        """
        size = round(PASS_S * RATE_HZ) * SAMPLE_BYTES
        with self._changed:
            self._changed.wait_for(lambda: self._ended or len(self._bytes) >= size, timeout)
            data, self._bytes = self._bytes[:size], self._bytes[size:]
        if not data:
            raise queue.Empty
        return np.frombuffer(bytes(data), "<i2").astype(np.float32) / 32768

    def _read(self) -> None:
        ended = False
        while not ended:
            # Whole samples, however the pipe cuts them.
            piece = sys.stdin.buffer.read(RATE_HZ // 10 * SAMPLE_BYTES)
            ended = not piece
            with self._changed:
                self._bytes += piece
                self._ended = ended
                self._changed.notify()


class _Sender:
    """What the processor gives its words to, and that one's queue."""

    def __init__(self) -> None:
        self.queue = self
        self._text = ""

    def start(self) -> None:
        """Do nothing: words are told at once."""

    def close(self) -> None:
        """Do nothing: every word was told."""

    def put_nowait(self, words: Any) -> None:
        """Tell all text so far."""
        self._text += words.word
        _tell({"final": self._text})


if __name__ == "__main__":
    main()
