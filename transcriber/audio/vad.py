"""Voice activity, frame by frame, with the network's state kept from chunk to chunk.

Silero VAD v6 (MIT, https://github.com/snakers4/silero-vad), in the ONNX form that faster-whisper
ships. Only new audio is run; a session that goes on for hours costs the same at its end.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from faster_whisper.utils import get_assets_path

from transcriber.audio.resample import NO_SAMPLES, Samples

FRAME_SAMPLES = 512  # 32 ms at 16 kHz, fixed by the network
_CONTEXT_SAMPLES = 64  # of the frame before, fixed by the network
_STATE_SHAPE = (1, 1, 128)
_MEAN_SAMPLES = 160  # 10 ms
QUIET_PROB, QUIET_FRAMES = 0.2, 32  # a second of frames below that is quiet


@functools.lru_cache(maxsize=1)
def _network() -> Any:
    onnxruntime.disable_telemetry_events()  # nobody is told what is transcribed here
    options = onnxruntime.SessionOptions()
    # One thread: a frame is far too little work to share, and the model needs the cores.
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    path = Path(get_assets_path()) / "silero_vad_v6.onnx"
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _silent_state() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    return np.zeros(_STATE_SHAPE, np.float32), np.zeros(_STATE_SHAPE, np.float32)


class _HighPass:
    """Takes slow movement out of the signal: each sample less the mean of the 10 ms around it.

    A bump against the microphone or a draught of air is loud and slow; left in, it silences the
    network for many seconds. The output is late by half the mean's length.
    """

    def __init__(self) -> None:
        self._history = np.zeros(_MEAN_SAMPLES, np.float64)

    def push(self, samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        audio = np.concatenate([self._history, samples])
        self._history = audio[len(audio) - _MEAN_SAMPLES :].copy()
        sums = np.cumsum(audio)
        means = (sums[_MEAN_SAMPLES:] - sums[:-_MEAN_SAMPLES]) / _MEAN_SAMPLES
        half = _MEAN_SAMPLES // 2
        filtered: npt.NDArray[np.float64] = audio[half : half + len(means)] - means
        return filtered


class VoiceActivity:
    """Speech probability of each 32 ms frame of one session's audio.

    The network hears the audio through a high-pass filter, and its state is forgotten after a
    second of quiet: without either it can stay deaf to clear speech after a loud bump.
    """

    def __init__(self) -> None:
        self._filters = (_HighPass(), _HighPass())
        self._h, self._c = _silent_state()
        self._quiet_frames = 0
        self._context = np.zeros(_CONTEXT_SAMPLES, np.float32)
        self._rest: Samples = NO_SAMPLES

    def push(self, samples: Samples) -> npt.NDArray[np.float32]:
        """Return the probabilities of the frames that these samples complete.

        Args:
            samples: the next audio, float32, shape (n,), 16 kHz.

        Returns:
            float32, shape (frames,); the samples of an unfinished frame are kept.
        """
        filtered = samples.astype(np.float64)
        for high_pass in self._filters:
            filtered = high_pass.push(filtered)
        audio = np.concatenate([self._rest, filtered.astype(np.float32)])
        frames = len(audio) // FRAME_SAMPLES
        self._rest = audio[frames * FRAME_SAMPLES :].copy()
        if frames == 0:
            return np.zeros(0, np.float32)
        batch = audio[: frames * FRAME_SAMPLES].reshape(frames, FRAME_SAMPLES)
        tails = batch[:, -_CONTEXT_SAMPLES:]
        context = np.concatenate([self._context[None, :], tails[:-1]])
        self._context = tails[-1].copy()
        return self._run(np.concatenate([context, batch], axis=1))

    def pass_over(self, samples: Samples) -> npt.NDArray[np.float32]:
        """Go on behind audio that needs not be heard; return a zero for each frame it completes."""
        audio = np.concatenate([self._rest, samples])
        frames = len(audio) // FRAME_SAMPLES
        self._rest = audio[frames * FRAME_SAMPLES :].copy()
        return np.zeros(frames, np.float32)

    def _run(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Run the network, forgetting its state wherever a second of quiet has passed."""
        done: list[npt.NDArray[np.float32]] = []
        while len(batch):
            # That second can be over at the end of these frames at the earliest.
            part = batch[: QUIET_FRAMES - self._quiet_frames]
            batch = batch[len(part) :]
            output, h, c = _network().run(None, {"input": part, "h": self._h, "c": self._c})
            probabilities = np.asarray(output, np.float32).reshape(len(part))
            loud = np.flatnonzero(probabilities >= QUIET_PROB)
            quiet = len(part) - 1 - int(loud[-1]) if len(loud) else self._quiet_frames + len(part)
            self._quiet_frames = quiet
            done.append(probabilities)
            self._h, self._c = h, c
            if quiet == QUIET_FRAMES:
                self._h, self._c = _silent_state()
                self._quiet_frames = 0
        return np.concatenate(done)
