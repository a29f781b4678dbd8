"""What the lines of the log look like, and which request and session each belongs to."""

from __future__ import annotations

import contextlib
import contextvars
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

_PLAIN = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# The last two are put in by `About`; the library names the rest as Python does.
_JSON = "%(asctime)s %(levelname)s %(name)s %(message)s %(request)s %(session)s"
_JSON_NAMES = {"asctime": "time", "levelname": "level", "name": "logger"}

# The logger of what was said: silent unless `config` is told otherwise, whoever sets up logging.
SAID = "transcriber.said"
_NEVER = logging.CRITICAL + 1
logging.getLogger(SAID).setLevel(_NEVER)

_about: contextvars.ContextVar[dict[str, str]] = contextvars.ContextVar("about", default={})  # noqa: B039 (never changed)


@contextlib.contextmanager
def about(**names: str) -> Iterator[None]:
    """Let the lines that this thread writes meanwhile tell the `request` or `session` they are of.

    A session is told by its log name: its id is the key to it.
    """
    token = _about.set({**_about.get(), **names})
    try:
        yield
    finally:
        _about.reset(token)


def begin(request: str) -> None:
    """From here on this thread serves another request."""
    _about.set({"request": request})


def note_session(session: str) -> None:
    """The request that this thread serves is one of this session."""
    _about.set({**_about.get(), "session": session})


def end() -> None:
    """The request is over: what the thread writes next belongs to none."""
    _about.set({})


def config(level: str, form: str, text: bool = False) -> dict[str, Any]:
    """Return the configuration of Python's logging, for gunicorn's lines and the service's.

    Args:
        level: the least level that is written.
        form: `plain` or `json`, one object a line.
        text: whether what was said is written, too.
    """
    formatter: dict[str, Any] = {"()": _Plain, "fmt": _PLAIN}
    if form == "json":
        formatter = {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": _JSON,
            "rename_fields": _JSON_NAMES,
            "json_ensure_ascii": False,
        }
    warnings_only = {"level": "WARNING", "propagate": True, "handlers": []}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"about": {"()": About}},
        "formatters": {"lines": formatter},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
                "formatter": "lines",
                "filters": ["about"],
            }
        },
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        "loggers": {
            "gunicorn.error": warnings_only,
            # It would tell of every window; the request's own line says what matters.
            "faster_whisper": warnings_only,
            SAID: {"level": "INFO" if text else _NEVER},
        },
    }


def set_up(level: str, form: str, text: bool = False) -> None:
    """Configure logging, unless whoever runs the application has done so."""
    if not logging.getLogger().handlers:
        logging.config.dictConfig(config(level, form, text))


class About(logging.Filter):
    """Adds to each record the request and the session that it belongs to, None where unknown."""

    def filter(self, record: logging.LogRecord) -> bool:
        known = _about.get()
        for name in ("request", "session"):
            if not hasattr(record, name):
                setattr(record, name, known.get(name))
        return True


class _Plain(logging.Formatter):
    """Ends the message with the request and the session."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        told = ((name, getattr(record, name, None)) for name in ("request", "session"))
        about = "".join(f" {name}={value}" for name, value in told if value)
        return super().formatMessage(record) + about
