"""The keys that may use the service, each with the name of its holder."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

from config.settings import SettingError

LEAST_KEY_CHARS = 16
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
# What a header can carry, and the list of keys too.
_KEY = re.compile(r"[!-+\--:<-~]+")  # plain ASCII without comma, semicolon and space
_FORM = f"write name:key, separated by commas, each key at least {LEAST_KEY_CHARS} characters long"


@dataclass(frozen=True)
class KeyRing:
    """Named keys, of which only digests are kept; without any, everybody may come in."""

    _digests: tuple[tuple[str, bytes], ...] = ()

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Read `name:key, name:key`.

        Raises:
            SettingError: it can't be read so; the message tells names, never a key.
        """
        if text.strip() and not text.strip(", "):
            raise SettingError(f"API_KEYS: there is no key in it; {_FORM}")
        digests: dict[str, bytes] = {}
        for number, entry in enumerate(filter(None, map(str.strip, text.split(","))), start=1):
            name, _, key = (part.strip() for part in entry.partition(":"))
            if not _NAME.fullmatch(name) or not key:
                raise SettingError(f"API_KEYS: entry {number} is not name:key; {_FORM}")
            if len(key) < LEAST_KEY_CHARS or not _KEY.fullmatch(key):
                raise SettingError(
                    f"API_KEYS: the key of {name} is too short, or has a sign that none can have;"
                    f" {_FORM}"
                )
            digest = _digest(key)
            if name in digests or digest in digests.values():
                raise SettingError(f"API_KEYS: {name} or its key is there twice; {_FORM}")
            digests[name] = digest
        return cls(tuple(digests.items()))

    @property
    def is_needed(self) -> bool:
        """Whether a key is asked for at all."""
        return bool(self._digests)

    def holder(self, key: str) -> str | None:
        """Return whose key this is, None if it is nobody's.

        The time that it takes tells nothing: digests are compared, each of them to its end.
        """
        digest, found = _digest(key), None
        for name, known in self._digests:
            if hmac.compare_digest(digest, known):
                found = name
        return found


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
