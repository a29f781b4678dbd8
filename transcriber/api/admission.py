"""Whether new audio is welcome just now."""

from __future__ import annotations

from transcriber.api.errors import Problem
from transcriber.api.service import service
from transcriber.engine.window import DecodingOptions
from transcriber.live.errors import QueueFull


def admit(options: DecodingOptions) -> None:
    """Refuse new audio that can't be served now, or asks for what the model can't do.

    Raises:
        Problem, EngineNotReady, QueueFull: with what is in the way.
    """
    if service().draining:
        raise Problem(
            "draining", "Send the chunk to another server, or try again.", retry_after_s=5
        )
    model = service().engine.model()
    if options.language is not None and options.language not in model.languages:
        knows = f"does not know {options.language}" if model.multilingual else "knows only English"
        raise Problem("bad-field", f"{model.name} {knows}.", at_field="language")
    if not model.multilingual and options.task == "translate":
        raise Problem("bad-field", f"{model.name} can't translate.", at_field="task")
    if service().queue_full:
        raise QueueFull
