"""Raw 16-bit PCM, as `audio/L16;rate=R;channels=C` names it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transcriber.audio.errors import NotAudio

MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 384_000
MAX_CHANNELS = 8
_MAX_DIGITS = 9  # int() itself refuses numbers of thousands of digits
# Samples to look at before a guess at the byte order counts as sure.
_SURE_SAMPLES = 1_600


@dataclass(frozen=True)
class PcmFormat:
    """Rate in Hz, channels, and byte order (`little`, `big`, or `auto`) of raw PCM."""

    rate_hz: int
    channels: int = 1
    order: str = "auto"

    @classmethod
    def parse(cls, media_type: str) -> PcmFormat | None:
        """Read an `audio/L16` media type; None if it is another type.

        Raises:
            NotAudio: it is `audio/L16`, but a parameter is missing or out of range.
        """
        kind, *parameters = [part.strip() for part in media_type.split(";")]
        if kind.lower() != "audio/l16":
            return None
        values = {
            key.strip().lower(): value.strip().strip('"')
            for key, _, value in (parameter.partition("=") for parameter in parameters)
        }
        rate_hz = _number(values, "rate", None, MIN_RATE_HZ, MAX_RATE_HZ)
        channels = _number(values, "channels", 1, 1, MAX_CHANNELS)
        order = values.get("endianness", "auto").lower().removesuffix("-endian")
        if order not in ("auto", "little", "big"):
            raise NotAudio("audio/L16: endianness is little-endian or big-endian.")
        return cls(rate_hz, channels, order)


def _number(values: dict[str, str], key: str, default: int | None, low: int, high: int) -> int:
    raw = values.get(key, "" if default is None else str(default))
    digits = raw.isascii() and raw.isdigit() and len(raw) <= _MAX_DIGITS
    if not digits or not low <= int(raw) <= high:
        raise NotAudio(
            f"audio/L16 needs {key}={low}…{high}, as in audio/L16;rate=16000;channels=1."
        )
    return int(raw)


class PcmReader:
    """Turns bytes of raw PCM, cut anywhere, into interleaved int16 samples.

    RFC 2586 says that audio/L16 is big-endian, yet most programs send what their processor has.
    Speech is smooth: in the wrong order its low bytes become high bytes, so sample differences
    grow manyfold. With `order="auto"` the smoother reading wins, and stays once it is sure.
    """

    def __init__(self, fmt: PcmFormat) -> None:
        self.format = fmt
        self._order: str | None = None if fmt.order == "auto" else fmt.order
        self._rest = b""

    def read(self, data: bytes) -> npt.NDArray[np.int16]:
        """Return the whole frames in `data`, shape (frames, channels); keep the rest for later."""
        data = self._rest + data
        whole = len(data) - len(data) % (2 * self.format.channels)
        self._rest = data[whole:]
        raw = np.frombuffer(data[:whole], dtype="<i2")
        order = self._order or self._guess(raw)
        samples = raw if order == "little" else raw.byteswap()
        return samples.astype(np.int16, copy=False).reshape(-1, self.format.channels)

    def drop_rest(self) -> None:
        """Forget a half sample, because the bytes that would complete it are lost."""
        self._rest = b""

    def _guess(self, raw: npt.NDArray[np.int16]) -> str:
        step = self.format.channels
        roughness = {
            order: float(np.abs(np.diff(samples[::step].astype(np.int32))).sum())
            for order, samples in (("little", raw), ("big", raw.byteswap()))
        }
        order = "little" if roughness["little"] <= roughness["big"] else "big"
        low, high = sorted(roughness.values())
        if len(raw) >= _SURE_SAMPLES and high > 4 * low:
            self._order = order
        return order
