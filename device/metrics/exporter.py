"""Open what the [metrics] of the settings ask for."""

from __future__ import annotations

import contextlib

from ..errors import UsageError
from ..outputs.live import LiveRun
from ..resources import install_hint


def open_metrics(live: LiveRun, stack: contextlib.ExitStack) -> None:
    """Enter the server and the file of the metrics on the stack.

    Raises UsageError for a wrong address, and without prometheus-client; FacetError for a port that
    is taken.
    """
    try:
        import prometheus_client  # noqa: F401
    except ImportError as error:
        raise UsageError("prometheus-client is not installed", install_hint("metrics")) from error
    from .collector import RunCollector, registry_of
    from .server import MetricsServer
    from .textfile import MetricsFile

    settings = live.settings.metrics
    live.stopwatch.keep_histograms()
    registry = registry_of(RunCollector(live))
    if settings.listen:
        server = stack.enter_context(MetricsServer(registry, settings.listen))
        live.state.supervise(server.worker)
    if settings.file:
        file = stack.enter_context(MetricsFile(registry, settings.file, settings.file_every_s))
        live.state.supervise(file.worker)
