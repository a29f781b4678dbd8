"""Figures for Prometheus: counted as things happen, or read from the service when asked for.

Names follow Prometheus' conventions: base units, `_total` for what only grows. Ratios are left to
whoever asks: the real-time factor is `transcriber_pass_model_seconds_sum` over
`transcriber_audio_seconds_total{state="received"}`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from transcriber.archive.archiver import ArchiveState
from transcriber.engine.pool import PoolState
from transcriber.engine.source import Timing
from transcriber.engine.window import Window
from transcriber.gpu import GpuMemory
from transcriber.live.store import StoreState
from transcriber.live.tally import Totals

# When each series began is of no use to anybody here, and doubles their number.
disable_created_metrics()  # type: ignore[no-untyped-call]
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60)


class Metrics:
    """What one service tells Prometheus.

    Args:
        pool, queue_depth, sessions, totals, decoders_ended, gpus, archive: read the present state,
            each time the figures are asked for.
    """

    def __init__(
        self,
        pool: Callable[[], PoolState],
        queue_depth: Callable[[], int],
        sessions: Callable[[], StoreState],
        totals: Callable[[], Totals],
        decoders_ended: Callable[[], int] = lambda: 0,
        gpus: Callable[[], Sequence[GpuMemory]] = list,
        archive: Callable[[], ArchiveState] = ArchiveState,
    ) -> None:
        registry = self._registry = CollectorRegistry()
        self._requests = Histogram(
            "transcriber_request_seconds",
            "Requests, and the time until the reply began; a long poll waits for news.",
            ["route", "method", "status"],
            registry=registry,
            buckets=_SECONDS,
        )
        self._chunks = Counter(
            "transcriber_chunks",
            "Chunks of live sessions by how they were answered: complete, early, repeated.",
            ["reply"],
            registry=registry,
        )
        self._queue = Histogram(
            "transcriber_pass_queue_seconds",
            "How long a pass waited for a worker.",
            ["lane"],
            registry=registry,
            buckets=_SECONDS,
        )
        self._model = Histogram(
            "transcriber_pass_model_seconds",
            "How long a pass took in the model.",
            ["lane"],
            registry=registry,
            buckets=_SECONDS,
        )
        self._batches = Histogram(
            "transcriber_batch_windows",
            "Windows that a worker of the pool decoded together.",
            registry=registry,
            buckets=(1, 2, 4, 8, 16, 32, 64),
        )
        state = _State(pool, queue_depth, sessions, totals, decoders_ended, gpus, archive)
        registry.register(state)
        ProcessCollector(registry=registry)

    def note_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(route, method, str(status)).observe(seconds)

    def note_chunk(self, reply: str) -> None:
        """A chunk was answered: `complete`, `early` (202) or `repeated`."""
        self._chunks.labels(reply).inc()

    def note_pass(self, window: Window, timing: Timing) -> None:
        """The model has decoded a window."""
        self._queue.labels(window.lane.value).observe(timing.queue_s)
        self._model.labels(window.lane.value).observe(timing.model_s)

    def note_job(self, windows: int) -> None:
        """A worker has begun to decode so many windows together."""
        self._batches.observe(windows)

    def render(self, accepted: str) -> tuple[bytes, str]:
        """Return all figures and their content type, in a form that `accepted` allows."""
        try:
            encode, content_type = choose_encoder(accepted)
        except (TypeError, ValueError):  # a version that is none
            encode, content_type = choose_encoder("")
        return encode(self._registry), content_type


@dataclass(eq=False)  # it is known by itself, as all collectors are
class _State(Collector):
    """What need not be counted, because it can be read; see `Metrics`."""

    pool: Callable[[], PoolState]
    queue_depth: Callable[[], int]
    sessions: Callable[[], StoreState]
    totals: Callable[[], Totals]
    decoders_ended: Callable[[], int]
    gpus: Callable[[], Sequence[GpuMemory]]
    archive: Callable[[], ArchiveState]
    _highest: dict[str, float] = field(default_factory=dict)

    def collect(self) -> Iterable[Metric]:
        """Yield the figures as they are now."""
        pool, sessions, totals = self.pool(), self.sessions(), self.totals()
        for name, doc, value in (
            ("queue_depth", "Passes and recordings that wait for a worker.", self.queue_depth()),
            ("workers", "Size of the worker pool.", pool.size),
            ("workers_busy", "Workers with a pass under way.", pool.busy),
            ("oldest_job_seconds", "Age of the oldest pass under way.", pool.oldest_job_s),
            ("sessions_active", "Sessions and uploads under way.", sessions.active),
            ("sessions_limit", "How many of them there may be.", sessions.limit),
            ("audio_pending_seconds", "Audio not final yet.", totals.audio.pending),
        ):
            yield GaugeMetricFamily(f"transcriber_{name}", doc, value=float(value))
        started = CounterMetricFamily(
            "transcriber_sessions_started", "Sessions and uploads that began.", labels=["kind"]
        )
        for kind in ("session", "upload"):
            started.add_metric([kind], totals.started.get(kind, 0))
        yield started
        finished = CounterMetricFamily(
            "transcriber_sessions_finished",
            "Sessions and uploads that are over: ended, failed, expired, deleted, or refused"
            " because they were no audio.",
            labels=["kind", "outcome"],
        )
        for (kind, outcome), count in totals.finished.items():
            finished.add_metric([kind, outcome], count)
        yield finished
        yield CounterMetricFamily(
            "transcriber_decoders_ended",
            "Decoder processes that ended though they were not meant to.",
            value=self.decoders_ended(),
        )
        yield self._audio(totals)
        yield from self._archive()
        yield from self._gpu_memory()

    def _archive(self) -> Iterable[Metric]:
        state = self.archive()
        return [
            CounterMetricFamily(
                "transcriber_archived", "Sessions that were archived.", value=state.archived
            ),
            CounterMetricFamily(
                "transcriber_archive_failures",
                "Attempts to archive a session that failed; each is repeated.",
                value=state.failures,
            ),
            GaugeMetricFamily(
                "transcriber_archive_waiting",
                "Ended sessions that are not archived yet.",
                value=state.waiting,
            ),
        ]

    def _gpu_memory(self) -> Iterable[Metric]:
        used = GaugeMetricFamily(
            "transcriber_gpu_memory_used_bytes", "Memory in use on a graphics card.", labels=["gpu"]
        )
        total = GaugeMetricFamily(
            "transcriber_gpu_memory_bytes", "Memory of a graphics card.", labels=["gpu"]
        )
        for one in self.gpus():
            used.add_metric([str(one.gpu)], one.used)
            total.add_metric([str(one.gpu)], one.total)
        return [used, total]

    def _audio(self, totals: Totals) -> Metric:
        audio = CounterMetricFamily(
            "transcriber_audio_seconds",
            "Audio received; of it final, silent, dropped with its session; and lost on the way.",
            labels=["state"],
        )
        seconds = {
            "received": totals.audio.received,
            "final": totals.audio.final,
            "silence": totals.audio.silence,
            "lost": totals.audio.lost,
            "dropped": totals.dropped_s,
        }
        for state, now in seconds.items():
            # What looked like silence may turn out as speech that begins; a counter never falls.
            value = max(now, self._highest.get(state, 0.0))
            self._highest[state] = value
            audio.add_metric([state], value)
        return audio
