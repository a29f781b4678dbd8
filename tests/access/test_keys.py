"""The keys in `API_KEYS`: what can be read, what is refused, and whose a key is."""

from __future__ import annotations

import pytest

from config.settings import SettingError, Settings
from transcriber.access.keys import KeyRing

ALICE, BOB = "correct-horse-battery", "x:y=z/with+signs~~"
RING = KeyRing.parse(f"alice:{ALICE}, bob : {BOB},")


def test_each_key_has_its_holder() -> None:
    assert RING.is_needed
    assert RING.holder(ALICE) == "alice"
    assert RING.holder(BOB) == "bob"


@pytest.mark.parametrize(
    "key", ["", ALICE[:-1], ALICE + "x", ALICE.upper(), "alice", "é", "\ud800"]
)
def test_another_key_is_nobodys(key: str) -> None:
    assert RING.holder(key) is None


def test_without_keys_none_is_needed() -> None:
    assert not KeyRing.parse(" ").is_needed


@pytest.mark.parametrize(
    "text",
    [
        ",",
        ALICE,
        f"alice:{ALICE};bob:{BOB}",
        f":{ALICE}",
        "alice:",
        "alice:short",
        f"al ice:{ALICE}",
        f"alice:{ALICE} {ALICE}",
        f"alice:{ALICE}é",
        f"alice:{ALICE},alice:{BOB}",
        f"alice:{ALICE},bob:{ALICE}",
    ],
)
def test_what_can_not_be_a_key_is_refused_and_no_key_is_told(text: str) -> None:
    with pytest.raises(SettingError, match=r"^API_KEYS: .* name:key") as refused:
        KeyRing.parse(text)
    assert ALICE not in str(refused.value)
    assert "short" not in str(refused.value).replace("too short", "")


def test_nothing_that_is_printed_tells_a_key() -> None:
    assert ALICE not in repr(RING)
    assert ALICE not in repr(Settings(api_keys=f"alice:{ALICE}"))
