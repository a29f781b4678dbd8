"""Every setting of the service: name, type, default and one sentence, all in one place.

Settings come from environment variables of the same name in capitals. `Settings.from_env`
reads them once at start; nothing else in the project reads the environment.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# Exactly as browsers send it: no path, no slash at the end, no pattern.
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")

# What the library that speaks S3 reads from the environment itself.
_S3_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
# As S3 has them, and nothing that could be a password.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
# CTranslate2's; which of them a device can do is known once it is looked for.
_COMPUTE_TYPES = (
    *("auto", "default", "int8", "int8_float32", "int8_float16", "int8_bfloat16"),
    *("int16", "float16", "bfloat16", "float32"),
)


class SettingError(ValueError):
    """A setting has a value that can't be used; the message names it and says what would do."""


def setting(
    default: Any,
    doc: str,
    *,
    least: float | None = None,
    most: float | None = None,
    choices: tuple[str, ...] = (),
    may_be_empty: bool = False,
    secret: bool = False,
) -> Any:
    """Declare one setting: its default, a sentence for the documentation, and what it may be.

    An empty value counts as none, so that the default holds, unless it means something.
    """
    metadata = {"doc": doc, "least": least, "most": most, "choices": choices}
    metadata["may_be_empty"] = may_be_empty
    return dataclasses.field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True)
class Settings:
    """All settings with their defaults, in groups; docs/settings.md is written from them."""

    # Serving
    host: str = setting("0.0.0.0", "Address to listen on.")
    port: int = setting(7860, "Port to listen on.", least=1, most=65535)
    threads: int = setting(
        64, "Request threads; each waiting reply or long poll holds one.", least=8
    )
    most_bodies: int = setting(
        128, "Request bodies that are read at once; above it new ones get 503.", least=1, most=800
    )
    body_timeout_s: float = setting(
        30.0,
        "A body that takes longer gets 408; for each MiB it has 8 s more. A reply has as long to be"
        " taken.",
        least=0.1,
    )
    cors_origins: str = setting(
        "*", "Origins whose pages may call the API, separated by commas; `*` allows any."
    )
    compat: str = setting(
        "openai,whisper.cpp,asr-webservice",
        "APIs of other services that are answered as well, separated by commas; empty for none.",
        may_be_empty=True,
    )
    servers: str = setting(
        "",
        "Servers that the page may use, preferred first, as a JSON list of `{name, url}` or of"
        " addresses; `.` is the page's own; empty means `config/servers.json`.",
    )
    log_level: str = setting(
        "info",
        "Least level that is logged: debug, info, warning or error.",
        choices=("debug", "info", "warning", "error"),
    )
    log_format: str = setting(
        "plain", "Lines of the log as `plain` text or as `json` objects.", choices=("plain", "json")
    )
    log_text: int = setting(
        0, "Whether what was said is written to the log, too: 1 or 0.", least=0, most=1
    )

    # Who may use it, and how much
    api_keys: str = setting(
        "",
        "Keys that may use the service, as `name:key`, separated by commas; empty asks nobody for"
        " a key.",
        secret=True,
    )
    key_requests_per_minute: int = setting(
        0, "Requests a minute with one key; 0 is any number.", least=0
    )
    key_sessions: int = setting(
        0, "Sessions and uploads at once with one key; 0 is any number.", least=0
    )
    key_audio_s_per_day: int = setting(
        0, "Seconds of audio in 24 hours with one key; 0 is any number.", least=0
    )
    address_requests_per_minute: int = setting(
        0, "Requests a minute from one address; 0 is any number.", least=0
    )
    address_sessions: int = setting(
        0, "Sessions and uploads at once from one address; 0 is any number.", least=0
    )
    address_audio_s_per_day: int = setting(
        0, "Seconds of audio in 24 hours from one address; 0 is any number.", least=0
    )
    trusted_proxies: str = setting(
        "",
        "Addresses and networks of proxies whose `X-Forwarded-For` counts, separated by commas;"
        " `private` is every private network.",
    )

    # Model
    model: str = setting("auto", "`auto`, a Whisper size, a hub name (`owner/name`) or a folder.")
    device: str = setting(
        "auto",
        "`auto`, `cpu` or `cuda`; `auto` takes CUDA where it can be used.",
        choices=("auto", "cpu", "cuda"),
    )
    compute_type: str = setting(
        "auto",
        "CTranslate2 compute type; `auto` is float16 on CUDA, and on a CPU int8, or float32 where"
        " it was faster at the first start; for models larger than `base` int8.",
        choices=_COMPUTE_TYPES,
    )
    models_dir: str = setting(
        "", "Folder for downloaded models; empty means a folder under the user's cache."
    )
    hf_endpoint: str = setting(
        "",
        "Address of the model hub; empty means the public one. Same name as the hub's own tools.",
    )
    workers: int = setting(3, "Size of the worker pool that runs the model.", least=1)
    cpu_threads: int = setting(
        0,
        "Threads of a model call on a CPU; 0 means half the cores: two calls fit.",
        least=0,
    )
    batch_size: int = setting(
        0,
        "Sessions that one worker decodes the partial text of together, at most; 0 means 16 on"
        " CUDA, and 1 on a CPU, which gains nothing by it.",
        least=0,
        most=64,
    )
    queue_limit: int = setting(
        0,
        "Model jobs that may wait; above it new audio gets 503 and nothing is stored. 0 means two"
        " for each session there may be, and 12 for recordings.",
        least=0,
    )
    job_timeout_s: float = setting(
        120.0,
        "A model call longer than this makes `/health` say `stuck`; 10 s later the process is"
        " replaced, and its sessions go on.",
        least=1,
    )
    partial_model: str = setting(
        "",
        "A second, smaller model for the partial lane: a size, a hub name or a folder; empty means"
        " the same model.",
    )
    partial_context: str = setting(
        "auto",
        "Encoder window of the partial lane: 15 or 30 seconds; `auto` is 15 where measured safe.",
        choices=("auto", "15", "30"),
    )

    # Live sessions
    max_sessions: int = setting(
        0, "Live sessions at once; 0 means 10 on a CPU and 100 on CUDA.", least=0
    )
    session_ttl_s: float = setting(
        300.0, "A session without a chunk for this long is flushed and expires.", least=0.1
    )
    keep_transcripts_s: float = setting(
        3600.0, "Ended sessions stay readable for this long.", least=0
    )
    data_dir: str = setting(
        "auto",
        "Folder where sessions are written down, so that they go on after a crash; `auto` is one"
        " for each port under the user's cache, and empty (`DATA_DIR=`) keeps them in memory only.",
        may_be_empty=True,
    )
    keep_audio_s: float = setting(
        0.0, "The audio of a session stays on disk for this long after its end.", least=0
    )
    archive_url: str = setting(
        "",
        "Where the audio and the text of each session that ends are stored: `file:///folder` or"
        " `s3://bucket/prefix`; empty means nowhere.",
    )
    gap_timeout_s: float = setting(
        15.0, "A missing chunk is given up after this long; the transcript shows a gap.", least=0.1
    )
    latency_target_ms: int = setting(
        500,
        "Target for the reply to a chunk; past it, final text is left to the next reply. Partial"
        " passes are spaced out past it if they also take 2.5 times what the model takes"
        " undisturbed.",
        least=1,
    )
    final_hold_s: float = setting(
        1.2,
        "A word becomes final once so much audio follows it; more is steadier, less is sooner.",
        least=0.2,
        most=10,
    )
    reply_wait_s: float = setting(
        10.0, "Longest wait for a pass before a chunk is answered 202.", least=0
    )

    decoders: int = setting(
        2, "Processes that decode the bytes of live sessions, apart from the service.", least=1
    )
    decode_timeout_s: float = setting(
        20.0,
        "A decoder process that takes longer for one chunk is ended; its sessions go on in another"
        " one.",
        least=1,
    )

    # Limits of what is accepted
    max_upload_mb: int = setting(256, "Largest request body, in MiB.", least=1)
    max_chunk_mb: int = setting(16, "Largest body of one live chunk, in MiB.", least=1)
    max_audio_s: float = setting(
        14400.0, "Longest recording or live session, in seconds of audio.", least=1
    )
    max_chunk_s: float = setting(
        300.0, "Longest audio in one live chunk, in seconds of audio.", least=1
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from the environment.

        Raises:
            SettingError: a value has the wrong type or lies below its bound.
        """
        environ = os.environ if environ is None else environ
        values = {}
        for field in dataclasses.fields(cls):
            raw = environ.get(field.name.upper())
            if raw is not None and (raw.strip() or field.metadata["may_be_empty"]):
                values[field.name] = _parse(field, raw.strip())
        return cls(**values)

    def models_path(self) -> Path:
        """Return the folder that holds downloaded models."""
        return Path(self.models_dir).expanduser() if self.models_dir else _cache() / "models"

    def measured_path(self) -> Path:
        """Return the file that remembers what was measured of this machine."""
        return _cache() / "measured.json"

    def data_path(self) -> Path | None:
        """Return the folder where sessions are written down, None for nowhere.

        Two servers on one machine listen on two ports, so each has its own.
        """
        if self.data_dir == "auto":
            return _cache() / "sessions" / str(self.port)
        return Path(self.data_dir).expanduser() if self.data_dir else None

    def archive(self) -> str | None:
        """Return where sessions are archived, None for nowhere.

        Raises:
            SettingError: that is no such address, or sessions are in memory only.
        """
        if not self.archive_url:
            return None
        try:
            address = urlsplit(self.archive_url)
            known = {"file": not address.netloc and address.path.startswith("/")}
            known["s3"] = _BUCKET.fullmatch(address.netloc) is not None
        except ValueError:  # brackets that belong to no address
            address, known = urlsplit(""), {}
        if not known.get(address.scheme) or address.query or address.fragment:
            raise SettingError(
                "ARCHIVE_URL is no place for an archive; write file:///srv/archive or"
                " s3://bucket/prefix, with what an S3 server asks for in AWS_ACCESS_KEY_ID,"
                " AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL"
            )
        # Without them the library would ask the network of some clouds for credentials.
        if address.scheme == "s3" and not all(map(os.environ.get, _S3_KEYS)):
            raise SettingError(f"ARCHIVE_URL names a bucket: set {' and '.join(_S3_KEYS)} too")
        if self.data_path() is None:
            raise SettingError(
                "ARCHIVE_URL needs sessions that are written down until the archive has them:"
                " leave DATA_DIR out, or give it a folder"
            )
        return self.archive_url.rstrip("/")

    def origins(self) -> list[str]:
        """Return the allowed origins as a list, `["*"]` for any.

        Raises:
            SettingError: one can't be the origin of a page.
        """
        origins = [origin.strip() for origin in self.cors_origins.split(",") if origin.strip()]
        for origin in origins:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise SettingError(
                    f"CORS_ORIGINS: {origin!r} is no origin; write https://talk.example or"
                    " http://localhost:8080, without a path, or * alone for any"
                )
        return origins


def _cache() -> Path:
    """Return this service's folder in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "live-transcription"


def _parse(field: dataclasses.Field[Any], raw: str) -> Any:
    default: Any = field.default
    name, kind = field.name.upper(), type(default)
    try:
        value = kind(raw)
        if kind is float and not math.isfinite(value):  # `nan` and `inf` are floats, but no numbers
            raise ValueError
    except ValueError:
        what = {int: "a whole number", float: "a number"}[kind]
        raise SettingError(
            f"{name}={raw!r} is not {what}; the default is {field.default}"
        ) from None
    least, most, choices = (field.metadata[key] for key in ("least", "most", "choices"))
    if choices and value not in choices:
        raise SettingError(f"{name}={raw!r} is not one of {', '.join(choices)}")
    if most is not None and value > most:
        raise SettingError(f"{name}={raw} is above {most}; the default is {field.default}")
    if least is not None and value < least:
        raise SettingError(f"{name}={raw} is below {least}; the default is {field.default}")
    return value
