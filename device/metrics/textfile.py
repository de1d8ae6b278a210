"""Write the metrics as a file for node_exporter's textfile collector, whole at any moment."""

from __future__ import annotations

import contextlib
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.registry import CollectorRegistry

from ..errors import FacetError, os_reason
from ..files import write_atomic
from ..log import log
from ..worker import Worker

MODE = 0o644  # node_exporter is another user; the figures name nobody


class MetricsFile:
    """Writes a registry into `path` every `every_s` seconds from a thread of its own.

    A disk that refuses is reported once, and tried again. The file is deleted at the end: figures
    of a run that is over would look like those of one that hangs.
    """

    def __init__(self, registry: CollectorRegistry, path: Path, every_s: float):
        self._registry, self._path, self._every_s = registry, path, every_s
        self._failed = False
        self.worker = Worker("the metrics file", self._write_all)

    def __enter__(self) -> MetricsFile:
        self.worker.start()
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self.worker.__exit__(*exc)
        finally:
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _write_all(self, worker: Worker) -> None:
        while True:
            self.write()
            if worker.stopping.wait(self._every_s):
                return

    def write(self) -> None:
        """Write the file now."""
        try:
            write_atomic(self._path, generate_latest(self._registry), MODE, sync=False)
        except OSError as error:
            if not self._failed:
                message = f"cannot write the metrics {self._path}: {os_reason(error)}"
                log.warning("%s", FacetError(message, "file in [metrics], in another folder"))
            self._failed = True
            return
        if self._failed:
            log.info("writing the metrics %s again", self._path)
        self._failed = False
