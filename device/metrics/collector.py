"""The figures of a run in Prometheus's terms, read when they are asked for.

The loop counts what it counts anyway; nothing here runs between two scrapes.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector, CollectorRegistry

from .. import __version__
from ..outputs.live import LiveRun
from ..outputs.status_log import hottest_c
from ..stopwatch import BUCKETS_S, Histogram
from ..tflite import runtime_name
from ..types import STATES

CPU_TIME = "facet_process_cpu_seconds"


class RunCollector(Collector):
    """Yields the metrics of docs/metrics.md.

    temperature_c: returns degrees Celsius, None if unknown. now: unix time, s.
    """

    def __init__(
        self,
        live: LiveRun,
        temperature_c: Callable[[], float | None] = hottest_c,
        now: Callable[[], float] = time.time,
    ):
        self.live, self._temperature_c = live, temperature_c
        self._started = now()

    def collect(self) -> Iterator[Metric]:
        live = self.live
        yield from self._run()
        yield from self._frames()
        if live.settings.permits.people_in_view:
            yield from self._faces()
        if live.settings.permits.effort:
            yield self._stages()
        yield from self._outputs()
        temperature = self._temperature_c()
        if temperature is not None:
            yield GaugeMetricFamily(
                "facet_temperature_celsius", "Hottest sensor of the computer.", temperature
            )

    def _run(self) -> Iterator[Metric]:
        live = self.live
        about = {
            "version": __version__,
            "model": live.settings.attributes.model.stem,
            "detector": live.settings.faces.detector,
            "runtime": runtime_name(),
            "camera": live.camera,
        }
        yield InfoMetricFamily("facet_build", "Version, model and camera of the run.", about)
        yield GaugeMetricFamily(
            "facet_start_time_seconds", "When the run began, unix time.", self._started
        )

    def _frames(self) -> Iterator[Metric]:
        live = self.live
        newest, frames = live.state.wait(-1, 0.0)  # returns at once
        yield CounterMetricFamily("facet_frames", "Frames that were analyzed.", frames)
        yield CounterMetricFamily(
            "facet_frames_dropped",
            "Frames of a live camera that a newer one replaced before they were analyzed.",
            live.dropped(),
        )
        yield GaugeMetricFamily(
            "facet_camera_reconnecting",
            "1 while the camera is gone and is being opened again.",
            float(live.reconnecting()),
        )
        if newest and newest.age_s is not None and live.settings.permits.effort:
            yield GaugeMetricFamily(
                "facet_frame_age_seconds",
                "Age of the newest frame of a live camera when its analysis ended.",
                newest.age_s,
            )

    def _faces(self) -> Iterator[Metric]:
        state = self.live.state
        newest, counted = state.newest(), state.faces_by_state()
        in_view = GaugeMetricFamily(
            "facet_faces", "Faces in the newest frame, by state.", labels=["state"]
        )
        total = CounterMetricFamily(
            "facet_faces_analyzed", "Faces of all frames, by state.", labels=["state"]
        )
        for name in STATES:  # all of them from the start: a rate needs a first value
            faces = newest.faces if newest else ()
            in_view.add_metric([name], sum(face.state == name for face in faces))
            total.add_metric([name], counted.get(name, 0))
        yield in_view
        yield total
        visits = state.visits()
        yield CounterMetricFamily(
            "facet_visits", "Visits that have ended.", visits[-1].number if visits else 0
        )

    def _stages(self) -> Metric:
        family = HistogramMetricFamily(
            "facet_stage_duration_seconds", "Time of a stage of a frame.", labels=["stage"]
        )
        for stage, histogram in self.live.stopwatch.histograms.items():
            buckets, sum_s = buckets_of(histogram)
            family.add_metric([stage], buckets, sum_s)
        return family

    def _outputs(self) -> Iterator[Metric]:
        rows = {log: counts() for log, counts in self.live.rows.items()}
        written = CounterMetricFamily(
            "facet_log_rows_written", "Rows of a CSV log on the disk.", labels=["log"]
        )
        lost = CounterMetricFamily(
            "facet_log_rows_lost", "Rows of a CSV log that were dropped.", labels=["log"]
        )
        waiting = GaugeMetricFamily(
            "facet_queue_length",
            "Rows of a log or frames of a recording that wait for the disk; firings of rules; "
            "visits for the store.",
            labels=["queue"],
        )
        for log, counts in rows.items():
            written.add_metric([log], counts.written)
            lost.add_metric([log], counts.lost)
            waiting.add_metric([log], counts.waiting)
        for name, length in self.live.waiting.items():
            waiting.add_metric([name], length())
        yield from (written, lost, waiting)


def buckets_of(histogram: Histogram) -> tuple[list[tuple[str, float]], float]:
    """Return Prometheus's buckets, (upper limit, cumulative count), and the sum in s."""
    limits = [*map(str, BUCKETS_S), "+Inf"]
    counts = itertools.accumulate(list(histogram.counts))
    return list(zip(limits, map(float, counts), strict=True)), histogram.sum_s


class ProcessFigures(Collector):
    """Yields memory, files and processor time of the process: facet_process_...

    processor_time: whether it may; it grows faster while a face is in view.
    """

    def __init__(self, processor_time: bool):
        from prometheus_client.process_collector import ProcessCollector

        # With a prefix: the textfile collector has process_... of its own.
        self._all = ProcessCollector(namespace="facet", registry=None)
        self._processor_time = processor_time

    def collect(self) -> Iterator[Metric]:
        for metric in self._all.collect():
            if self._processor_time or metric.name != CPU_TIME:
                yield metric


def registry_of(collector: RunCollector) -> CollectorRegistry:
    """Return a registry with a run's metrics, and those of its process that privacy permits."""
    registry = CollectorRegistry()
    registry.register(collector)
    registry.register(ProcessFigures(collector.live.settings.permits.effort))
    return registry
