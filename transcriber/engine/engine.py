"""The engine: finds, loads and checks the model in the background, and owns the worker pool."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from config.settings import Settings
from transcriber.engine import lanes
from transcriber.engine.device import Device, choose_device, cores, model_candidates
from transcriber.engine.model import WHISPER_LANGUAGES, SpeechModel
from transcriber.engine.models import Models
from transcriber.engine.pool import PoolState, WorkerPool
from transcriber.engine.source import Source
from transcriber.engine.tuning import compute_type
from transcriber.engine.weights import Progress, WeightsError, resolve
from transcriber.engine.window import Decoded, Lane, Listener, Window

log = logging.getLogger(__name__)

# Windows that a GPU decodes in hardly more time than one.
_CUDA_BATCH = 16

Stage = Literal["starting", "ready", "failed"]


@dataclass(frozen=True)
class EngineState:
    """What `/health` tells about the model.

    Attributes:
        stage: `starting` while the model is fetched and loaded, then `ready` or `failed`.
        detail: one sentence on what is going on or wrong; empty when all is as asked.
        degraded: a model is serving in place of the one wished for.
        partial_model: the partial lane's own model, if it has one.
    """

    stage: Stage = "starting"
    detail: str = "The model is being looked for."
    degraded: bool = False
    model: str | None = None
    device: str | None = None
    compute_type: str | None = None
    partial_model: str | None = None


class EngineNotReady(RuntimeError):
    """The model is not there yet, or could not be had; carries the state."""

    def __init__(self, state: EngineState) -> None:
        super().__init__(state.detail)
        self.state = state


class Engine:
    """The models and their pool of workers.

    Args:
        settings: the service's settings.
        on_ready: called once, from the loading thread, when the model is ready; the partial lane's
            own model may still be on its way then.
    """

    def __init__(self, settings: Settings, on_ready: Callable[[], None] | None = None) -> None:
        self._settings = settings
        self._on_ready = on_ready
        self._lock = threading.Lock()
        self._state = EngineState()
        self._settled = threading.Event()
        self._models: Models | None = None
        self._cpu_threads = settings.cpu_threads or max(1, cores() // 2)
        # More calls at once than there are cores for would only take turns, each slower.
        self._slots = threading.BoundedSemaphore(max(1, cores() // self._cpu_threads))
        self.pool = WorkerPool(self._decode, settings.workers, settings.job_timeout_s)
        self._loader = threading.Thread(target=self._load, name="model-loader", daemon=True)

    def start(self) -> None:
        """Begin to load the model; returns at once."""
        self._loader.start()

    def wait_settled(self, timeout_s: float) -> bool:
        """Wait until nothing is being loaded any more: all is ready, or has failed."""
        return self._settled.wait(timeout_s)

    def stop(self) -> None:
        """Stop the workers."""
        self.pool.stop()

    @property
    def state(self) -> EngineState:
        """The present state; never waits."""
        with self._lock:
            return self._state

    @property
    def pool_state(self) -> PoolState:
        """The pool's present state; never waits for the model."""
        return self.pool.state()

    def model(self) -> SpeechModel:
        """Return the loaded model, the one of the final lane.

        Raises:
            EngineNotReady: it is still loading or has failed.
        """
        return self._loaded().main

    def _loaded(self) -> Models:
        if self._models is None:
            raise EngineNotReady(self.state)
        return self._models

    def languages(self) -> tuple[str, ...]:
        """Return the codes of the languages that the model knows, or may know once it is there."""
        if self._models is not None:
            return self._models.main.languages
        return ("en",) if self._settings.model.endswith(".en") else WHISPER_LANGUAGES

    def submit(self, lane: Lane, source: Source) -> None:
        """Ask the pool for one pass."""
        self.pool.submit(lane, source)

    def _decode(self, window: Window, listener: Listener) -> Decoded:
        return self._loaded().decode(window, listener)

    def _set(self, **changes: object) -> None:
        with self._lock:
            self._state = replace(self._state, **changes)  # type: ignore[arg-type]

    def _load(self) -> None:
        try:
            self._load_main()
            if self._models is not None:
                if self._on_ready is not None:
                    self._on_ready()
                self._load_partial(self._models.main)
        finally:
            self._settled.set()

    def _load_main(self) -> None:
        try:
            device = choose_device(self._settings.device, self._settings.compute_type)
            self._load_first_of(model_candidates(self._settings.model, device, cores()), device)
        except Exception as error:  # whatever happens, the process stays up and says why
            log.exception("The model could not be loaded")
            self._set(stage="failed", detail=f"The model could not be loaded: {error}")

    def _load_first_of(self, names: list[str], device: Device) -> None:
        problems: list[str] = []
        for name in names:
            try:
                model = self._open(name, device)
            except (WeightsError, RuntimeError, ValueError, OSError) as error:
                problems.append(str(error) if len(names) == 1 else f"{name}: {error}")
                log.warning("Model %s can't be had: %s", name, error)
                continue
            self._models = Models(model)
            batch = _CUDA_BATCH if model.device.name == "cuda" else 1
            self.pool.batch = self._settings.batch_size or batch
            detail = ""
            if problems:
                detail = f"Serving {name} instead of {names[0]}, which can't be had. {problems[0]}"
                log.warning("%s", detail)
            self._set(
                stage="ready",
                detail=detail,
                degraded=bool(problems),
                model=model.name,
                device=model.device.name,
                compute_type=model.device.compute_type,
            )
            return
        self._set(stage="failed", detail=" ".join(problems))
        log.error("No model can be loaded. %s", " ".join(problems))

    def _load_partial(self, main: SpeechModel) -> None:
        """Load the partial lane's own model; the main one serves that lane meanwhile, or for good.

        Its device is the main model's, which has been proved to work.
        """
        name, state = self._settings.partial_model, self.state
        if name in ("", main.name):
            return
        try:
            partial = self._open(name, main.device)
        except Exception as error:  # whatever it is, the main model goes on serving
            log.warning("PARTIAL_MODEL %s can't be had", name, exc_info=True)
            problem = f"PARTIAL_MODEL={name} can't be had, {main.name} serves both lanes. {error}"
            self._set(detail=f"{state.detail} {problem}".strip(), degraded=True)
            return
        self._models = Models(main, partial)
        self._set(detail=state.detail, partial_model=partial.name)

    def _open(self, name: str, device: Device) -> SpeechModel:
        settings = self._settings
        found = resolve(
            name,
            models_dir=settings.models_path(),
            hub_endpoint=settings.hf_endpoint or None,
            progress=self._tell,
        )
        self._set(detail=f"The model {name} is being loaded.")
        try:
            return self._build(name, found.path, self._tuned(name, found.path, device))
        except RuntimeError as error:
            if device.name != "cuda":
                raise
            log.warning("CUDA can't be used, running on the CPU instead: %s", error)
            return self._build(name, found.path, Device("cpu", "int8"))

    def _tuned(self, name: str, path: Path, device: Device) -> Device:
        """Return the device with the compute type that suits it, unless one is wished for."""
        settings = self._settings
        if device.name != "cpu" or settings.compute_type != "auto":
            return device
        kind = compute_type(path, name, self._cpu_threads, settings.measured_path())
        return Device("cpu", kind)

    def _build(self, name: str, path: Path, device: Device) -> SpeechModel:
        settings = self._settings
        model = SpeechModel(
            path,
            name,
            device,
            settings.workers,
            self._cpu_threads,
            settings.partial_context,
            self._slots if device.name == "cpu" else None,
        )
        lanes.canary(model)
        return model

    def _tell(self, progress: Progress) -> None:
        self._set(detail=progress.message)
