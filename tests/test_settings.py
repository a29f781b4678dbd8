"""Every setting: its type, its bound, what is said when it is wrong, and that it is documented."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path

import pytest

from config.document import PAGE, document
from config.settings import SettingError, Settings

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
FIELDS = dataclasses.fields(Settings)
NAMES = [field.name for field in FIELDS]
NUMBERS = [field for field in FIELDS if type(field.default) in (int, float)]


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_env({}) == Settings()
    blank = {field.name.upper(): "  " for field in FIELDS if not field.metadata["may_be_empty"]}
    assert Settings.from_env(blank) == Settings()


def test_sessions_are_written_down_under_the_cache_by_port_or_where_one_says_or_nowhere() -> None:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    by_port = Settings.from_env({"PORT": "8080"}).data_path()
    assert by_port == cache / "live-transcription/sessions/8080"
    assert Settings.from_env({"DATA_DIR": "/srv/a"}).data_path() == Path("/srv/a")
    assert Settings.from_env({"DATA_DIR": ""}).data_path() is None


def test_values_come_with_their_types() -> None:
    settings = Settings.from_env({"PORT": " 8080 ", "SESSION_TTL_S": "1.5", "MODEL": "base"})
    assert (settings.port, settings.session_ttl_s, settings.model) == (8080, 1.5, "base")


def test_other_variables_are_left_alone() -> None:
    assert Settings.from_env({"port": "1", "PATH": "/bin", "HOME": "/"}) == Settings()


@pytest.mark.parametrize("field", NUMBERS, ids=lambda field: field.name)
def test_what_is_no_number_is_refused_by_name(field: dataclasses.Field[object]) -> None:
    name = field.name.upper()
    with pytest.raises(SettingError, match=rf"^{name}='many' is not a.*{field.default}"):
        Settings.from_env({name: "many"})


@pytest.mark.parametrize("field", NUMBERS, ids=lambda field: field.name)
def test_what_lies_below_the_bound_is_refused_by_name(field: dataclasses.Field[object]) -> None:
    least = field.metadata["least"]
    assert least is not None
    with pytest.raises(SettingError, match=rf"^{field.name.upper()}=.* is below {least}"):
        Settings.from_env({field.name.upper(): f"{least - 1:g}"})


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_what_is_no_finite_number_is_none(text: str) -> None:
    with pytest.raises(SettingError, match=f"^MAX_AUDIO_S='{text}' is not a number"):
        Settings.from_env({"MAX_AUDIO_S": text})


@pytest.mark.parametrize("name, value", [("DEVICE", "tpu"), ("COMPUTE_TYPE", "int3")])
def test_what_is_none_of_the_choices_is_refused_with_all_of_them(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{name}='{value}' is not one of auto, "):
        Settings.from_env({name: value})


def test_a_fraction_is_no_whole_number() -> None:
    with pytest.raises(SettingError, match=r"PORT='7860\.5' is not a whole number"):
        Settings.from_env({"PORT": "7860.5"})


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_the_bound_itself_and_the_default_are_allowed(field: dataclasses.Field[object]) -> None:
    for value in (field.metadata["least"], field.default):
        if value not in (None, ""):
            settings = Settings.from_env({field.name.upper(): str(value)})
            assert getattr(settings, field.name) == value


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_setting_has_one_sentence(field: dataclasses.Field[object]) -> None:
    doc = field.metadata["doc"]
    assert doc[0].isupper() or doc[0] == "`"
    assert doc.endswith(".")


def test_the_page_of_settings_is_what_the_command_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == document(), "docs/settings.md is old: `make docs`"


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_setting_has_one_row_on_the_page(field: dataclasses.Field[object]) -> None:
    (row,) = [line for line in document().splitlines() if f"| `{field.name.upper()}` |" in line]
    assert field.metadata["doc"] in row


def test_the_readme_says_the_same_of_the_first_few() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+) \| (.+) \|$", README, re.MULTILINE)
    assert len(rows) >= 5
    for name, default, sentence in rows:
        assert f"| `{name}` | {default} |" in document()
        assert sentence in document()


# -- what is derived ----------------------------------------------------------------------------


def test_origins_are_separated_by_commas() -> None:
    assert Settings().origins() == ["*"]
    origins = Settings(cors_origins="https://a.example, https://b.example,").origins()
    assert origins == ["https://a.example", "https://b.example"]


def test_models_have_a_folder_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Settings().models_path() == tmp_path / "live-transcription" / "models"
    assert Settings(models_dir="~/models").models_path() == Path.home() / "models"


@pytest.mark.parametrize(
    "origin", ["talk.example", "https://talk.example/", "https://*.example", "https://a.example/b"]
)
def test_what_no_page_can_have_as_its_origin_is_refused(origin: str) -> None:
    with pytest.raises(SettingError, match=r"^CORS_ORIGINS: .* is no origin; write https://"):
        Settings(cors_origins=f"https://ok.example, {origin}").origins()


@pytest.mark.parametrize(
    "origin", ["http://localhost:8080", "https://[::1]:1", "https://a-b.example"]
)
def test_origins_are_those_that_browsers_send(origin: str) -> None:
    assert Settings(cors_origins=origin).origins() == [origin]


@pytest.fixture
def s3_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the library that speaks S3 reads itself."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")


@pytest.mark.parametrize(
    "address", ["file:///srv/archive", "s3://bucket", "s3://my.bucket-1/talks/2026/"]
)
def test_an_archive_is_a_folder_or_a_bucket(address: str, s3_keys: None) -> None:
    assert Settings(archive_url=address).archive() == address.rstrip("/")
    assert Settings().archive() is None


@pytest.mark.parametrize(
    "address",
    [
        *("/srv/archive", "file://srv/archive", "file:archive", "http://a.example/b", "s3:bucket"),
        *("s3://", "s3:///prefix", "s3://id:word@bucket", "s3://bucket?region=x", "s3://[bucket"),
    ],
)
def test_what_is_no_place_for_an_archive_is_refused_and_not_repeated(
    address: str, s3_keys: None
) -> None:
    with pytest.raises(SettingError, match=r"^ARCHIVE_URL .*s3://bucket/prefix") as told:
        Settings(archive_url=address).archive()
    assert "word" not in str(told.value)


def test_a_bucket_needs_keys_that_are_named(monkeypatch: pytest.MonkeyPatch, s3_keys: None) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(SettingError, match=r"^ARCHIVE_URL .*AWS_SECRET_ACCESS_KEY"):
        Settings(archive_url="s3://bucket").archive()
    assert Settings(archive_url="file:///srv/archive").archive(), "a folder needs none"


def test_an_archive_needs_sessions_that_are_written_down(s3_keys: None) -> None:
    with pytest.raises(SettingError, match=r"^ARCHIVE_URL .*DATA_DIR"):
        Settings(archive_url="s3://bucket", data_dir="").archive()
