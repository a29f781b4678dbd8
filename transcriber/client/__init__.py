"""The Python client: live sessions and whole recordings, with failover. It needs `requests`."""

from transcriber.client.errors import ClientError, RequestError
from transcriber.client.following import watch
from transcriber.client.live import DEFAULT_SERVER, LiveClient
from transcriber.client.replies import Partial, Reply, Segment, Word
from transcriber.client.uploading import Progress, Transcription, transcribe

__all__ = [
    "DEFAULT_SERVER",
    "ClientError",
    "LiveClient",
    "Partial",
    "Progress",
    "Reply",
    "RequestError",
    "Segment",
    "Transcription",
    "Word",
    "transcribe",
    "watch",
]
