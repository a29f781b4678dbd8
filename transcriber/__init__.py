"""Live transcription over plain HTTP: audio in pieces by POST, words out as they settle."""

__version__ = "0.1.0"
