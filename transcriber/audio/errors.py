"""What can go wrong with audio.

AudioError
  +- NotAudio      no container of ours begins like this
  +- Undecodable   an allowed container, but nothing can be got out of it
  +- TooLong       more seconds of audio than the caller allows
  +- NoDecoder     nothing is wrong with it, but there is nothing to decode it just now
"""

from __future__ import annotations


class AudioError(ValueError):
    """Audio that can't be used; the message is fit for the person who sent it."""


class NotAudio(AudioError):
    """The bytes begin like no container that is accepted."""


class Undecodable(AudioError):
    """The container is one of ours, but it is damaged or holds no usable audio."""


class TooLong(AudioError):
    """The audio goes on for more seconds than allowed."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"The audio is longer than the limit of {limit_s:g} s.")
        self.limit_s = limit_s


class NoDecoder(AudioError):
    """No decoder process can be started at the moment."""
