"""Run the pipeline over a clip or a scene, and take its figures."""

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..camera import Camera
from ..outputs import Result
from ..pipeline import Models, Pipeline, assemble
from ..settings import Settings
from ..tflite import Network, runtime_name
from . import naive

KEPT = 32  # inputs of each network, invoked in turn when the bare models are timed


class Watcher:
    """An output that sees when the first face was labelled, and how often labels change."""

    def __init__(self):
        self.first_label_s: float | None = None
        self.changes = 0
        self._said: dict[int, set[str]] = {}

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def write(self, result: Result) -> bool:
        if self.first_label_s is None and any(result.labels):
            self.first_label_s = process_age_s()
        for track, labels in zip(result.tracks, result.labels, strict=True):
            before, now = self._said.get(track.id), set(labels)
            self.changes += len(now ^ before) if before is not None else 0
            self._said[track.id] = now
        return True


class Recorded:
    """A network that counts what it is asked, and keeps some of it."""

    def __init__(self, network: Network):
        self._network, self.count, self.inputs = network, 0, []

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        if len(self.inputs) < KEPT:
            self.inputs.append(batch.copy())
        self.count += 1
        return self._network.run(batch)


def process_age_s() -> float:
    """Return how long ago this process was started, in steps of 10 ms."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def memory_mb() -> float:
    """Return what this process holds now, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak_memory_mb() -> float:
    """Return the most this process has held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(
    settings: Settings, models: Models, opened: Callable[[], Camera], rounds: int
) -> dict[str, object]:
    """Return the figures of `rounds` runs over a camera that `opened` opens anew each time.

    Each run of a film or scene is followed by the bare models' invocations for it: the overhead
    ratio is the median of the rounds'. A live camera is run once, without that ratio.
    """
    names = models.classifier.card.names
    figures: dict[str, object] = {}
    ratios, rates = [], []
    counts: dict[str, tuple[int, list[np.ndarray]]] = {}
    for number in range(rounds):
        watcher = Watcher()
        with opened() as camera:
            pipeline = assemble(settings, models, camera, [watcher], names)
            totals = pipeline.run(settings.outputs.max_frames)
            live, name, camera_fps = camera.live, camera.name, camera.fps
        rates.append(totals.frames / totals.seconds if totals.seconds else 0.0)
        if number == 0:
            # Before anything else is done, which would count as memory.
            figures = _once(pipeline, watcher, name, camera_fps)
        if live:
            break
        counts = counts or _invocations(settings, models, opened)
        bare_s = sum(
            _bare_s(getattr(models, part).network, *asked) for part, asked in counts.items()
        )
        ratios.append(totals.seconds / bare_s if bare_s else 0.0)
    figures |= {
        "runtime": runtime_name(),
        "threads": settings.runtime.threads,
        "fps": float(np.median(rates)),
        "overhead_ratio": float(np.median(ratios)) if ratios else None,
        "invocations": {part: count for part, (count, _) in counts.items()},
    }
    if counts and (told := counts["classifier"][0]):
        figures["told_hz"] = told / figures["face_seconds"]
        spent_s = sum(pipeline.watch.last["attributes"])
        figures["ms_per_face"] = 1000 * spent_s / told
    return figures


def _once(pipeline: Pipeline, watcher: Watcher, name: str, camera_fps: float) -> dict[str, object]:
    totals = pipeline.totals
    film_s = totals.frames / camera_fps
    return {
        "camera": name,
        "frames": totals.frames,
        "faces": totals.faces,
        "face_seconds": totals.faces / camera_fps,
        "label_changes_per_minute": 60 * watcher.changes / film_s if film_s else 0.0,
        "startup_to_first_label_s": watcher.first_label_s,
        "peak_memory_mb": peak_memory_mb(),
        "final_memory_mb": memory_mb(),
        "stages_ms": {
            stage: dict(
                zip(
                    ("p50", "p95", "p99"),
                    (np.percentile(times, (50, 95, 99)) * 1000).tolist(),
                    strict=True,
                )
            )
            for stage, times in pipeline.watch.last.items()
            if times
        },
    }


def _invocations(
    settings: Settings, models: Models, opened: Callable[[], Camera]
) -> dict[str, tuple[int, list[np.ndarray]]]:
    """Return how often each network runs for the clip, and some of what it is given.

    Films are handled alike at every run, whatever the machine's speed.
    """
    parts = {part: getattr(models, part) for part in ("searcher", "looker", "classifier")}
    networks = {part: one.network for part, one in parts.items()}
    recorded = {part: Recorded(network) for part, network in networks.items()}
    try:
        for part, one in parts.items():
            one.network = recorded[part]
        with opened() as camera:
            assemble(settings, models, camera, [], models.classifier.card.names).run(
                settings.outputs.max_frames
            )
    finally:
        for part, one in parts.items():
            one.network = networks[part]
    return {part: (one.count, one.inputs) for part, one in recorded.items()}


def _bare_s(network: Network, count: int, inputs: list[np.ndarray]) -> float:
    """Return how long so many bare invocations take, over the same inputs, s."""
    return sum(network.invoke_s(inputs[n % len(inputs)]) for n in range(count))


def measure_naive(
    settings: Settings, models: Models, opened: Callable[[], Camera], path: Path, rounds: int
) -> dict[str, float]:
    """Return the frames/s of the naive loop and of the pipeline, in turns, and their ratio."""
    network = naive.float_network(path, models, settings.runtime.threads)
    ours, theirs = [], []
    for _ in range(rounds):
        with opened() as camera:
            pipeline = assemble(settings, models, camera, [], models.classifier.card.names)
            totals = pipeline.run(settings.outputs.max_frames)
        ours.append(totals.frames / totals.seconds)
        with opened() as camera:
            frames, _, seconds = naive.run(camera, models, network)
        theirs.append(frames / seconds)
    return {
        "fps": float(np.median(ours)),
        "naive_fps": float(np.median(theirs)),
        "naive_ratio": float(np.median(np.array(ours) / np.array(theirs))),
    }


class MemoryWatcher(Watcher):
    """One that also sees how memory grows after the first tenth of so many frames."""

    def __init__(self, frames: int):
        super().__init__()
        self._settled, self._frames = frames // 10, 0
        self._before_mb = 0.0

    def write(self, result: Result) -> bool:
        self._frames += 1
        if self._frames == self._settled:
            self._before_mb = memory_mb()
        return super().write(result)

    @property
    def growth_mb(self) -> float:
        return memory_mb() - self._before_mb


def measure_growth(settings: Settings, models: Models, scene: Camera, frames: int) -> dict:
    """Return how much memory grows over so many frames of a scene, MB."""
    watcher = MemoryWatcher(frames)
    pipeline = assemble(settings, models, scene, [watcher], models.classifier.card.names)
    totals = pipeline.run()
    return {"frames": totals.frames, "memory_growth_mb": watcher.growth_mb}
