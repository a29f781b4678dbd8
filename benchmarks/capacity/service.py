"""This service, with many live sessions at once."""

from __future__ import annotations

import psutil
import requests
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.capacity.stage import Used
from benchmarks.quality import service
from benchmarks.quality.run import Run
from tests.support.recordings import Recording
from tests.support.server import Server


class Service:
    """See the module.

    Args:
        server: a server that is ready.
        container: `wav`, or `webm`, what the chunks are.
    """

    name = "this service"

    def __init__(self, server: Server, container: str) -> None:
        self._server = server
        self._container = container

    def live(self, recording: Recording, chunk_s: float) -> Run:
        """Post a recording as the page does."""
        options = {"language": recording.language} if recording.language else {}
        return service.live(self._server, recording, options, chunk_s, self._container, paced=True)

    def used(self) -> Used:
        """Return what the server's processes have used."""
        master = psutil.Process(self._server.process.pid)
        processes = [master, *master.children(recursive=True)]
        times = [one.cpu_times() for one in processes]
        passes, windows = self._passes()
        return Used(
            cpu_s=sum(one.user + one.system for one in times),
            passes=passes,
            windows=windows,
            rss_mb=sum(one.memory_info().rss for one in processes) / 1e6,
        )

    def _passes(self) -> tuple[int, int]:
        """Return the passes of the model so far, and how many windows they were over."""
        text = requests.get(f"{self._server.url}/metrics", timeout=30).text
        counted = {"transcriber_batch_windows_count": 0.0, "transcriber_batch_windows_sum": 0.0}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name in counted:
                    counted[sample.name] += sample.value
        passes, windows = counted.values()
        return int(passes), int(windows)
