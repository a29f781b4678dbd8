"""How something is to be transcribed, as the fields of a request."""

from __future__ import annotations

from typing import Literal

Task = Literal["transcribe", "translate"]


def form_fields(language: str | None, task: Task, prompt: str, hotwords: str) -> dict[str, str]:
    """Return the fields that say so; what the server takes anyway is left out."""
    fields = {"language": language or "", "prompt": prompt, "hotwords": hotwords}
    fields["task"] = "" if task == "transcribe" else task
    return {name: value for name, value in fields.items() if value}
