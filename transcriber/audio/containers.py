"""Which containers are accepted, and how their first bytes look.

Only the bytes decide: the name and the media type of an upload are never trusted. The demuxer
is then named to FFmpeg together with a whitelist, because FFmpeg's own probing would follow
playlists, scripts and session descriptions to files and hosts of an attacker's choice.
"""

from __future__ import annotations

from dataclasses import dataclass

HEAD_BYTES = 12  # enough to recognise any of them


@dataclass(frozen=True)
class Container:
    """One accepted container.

    Attributes:
        name: what we call it.
        demuxer: FFmpeg's name of the one demuxer that may open it.
        has_clock: packets carry times that survive lost bytes, so gaps can be measured.
    """

    name: str
    demuxer: str
    has_clock: bool = False


WEBM = Container("webm", "matroska", has_clock=True)
MP4 = Container("mp4", "mov", has_clock=True)
OGG = Container("ogg", "ogg", has_clock=True)
WAV = Container("wav", "wav")
FLAC = Container("flac", "flac")
MP3 = Container("mp3", "mp3")

ACCEPTED_NAMES = ("webm", "ogg", "mp4", "m4a", "wav", "flac", "mp3", "audio/L16")
ACCEPTED_TEXT = "webm, ogg, mp4/m4a, wav, flac, mp3, or raw audio/L16;rate=R;channels=C"

# Only sound: a video stream or an exotic codec in one of these containers is not decoded.
CODECS = (
    "opus,libopus,vorbis,aac,alac,flac,mp3,mp3float,mp2,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s32le,pcm_u8,pcm_f32le,pcm_f64le,pcm_alaw,pcm_mulaw"
)

_OGG_FIRST_PAGE = 0x02
_RESERVED_MPEG_VERSION = 0x08
_BAD_BITRATE, _BAD_RATE = 0xF0, 0x0C


def sniff(head: bytes) -> Container | None:
    """Return the container that begins with `head` (at least `HEAD_BYTES` of it), or None."""
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return WEBM
    if head[4:8] == b"ftyp":
        return MP4
    if head[:4] == b"OggS" and len(head) > 5 and head[5] & _OGG_FIRST_PAGE:
        return OGG
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return WAV
    if head[:4] == b"fLaC":
        return FLAC
    if head[:3] == b"ID3" or _is_mpeg_frame(head):
        return MP3
    return None


def starts_new_stream(head: bytes, current: Container | None) -> Container | None:
    """Return the container of the new stream that `head` starts, or None if it goes on.

    An MPEG frame begins with only twelve set bits, which also happen by chance in the middle
    of other containers and at every frame of a running MP3: inside a stream they mean nothing.
    """
    found = sniff(head)
    if found is MP3 and current is not None and head[:3] != b"ID3":
        return None
    return found


def _is_mpeg_frame(head: bytes) -> bool:
    if len(head) < 3 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version_ok = head[1] & 0x18 != _RESERVED_MPEG_VERSION
    layer_ok = head[1] & 0x06 in (0x02, 0x04)  # layer III or II
    rates_ok = head[2] & _BAD_BITRATE not in (_BAD_BITRATE, 0) and head[2] & _BAD_RATE != _BAD_RATE
    return version_ok and layer_ok and rates_ok
