"""Run the pipeline over a clip or a scene, and measure it."""

import copy
import dataclasses
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..camera import Camera, is_live
from ..models import Models
from ..pipeline import Pipeline, build_pipeline
from ..settings import Settings
from ..tflite import Fill, runtime_name
from ..types import Result
from . import baseline

KEPT_INPUTS = 32  # of each network; the bare models are timed on these in turn
PERCENTILES = (50, 95, 99)

CameraOpener = Callable[[], Camera]


class BareNetwork(Protocol):
    """What the bench asks of a network."""

    def run(self, batch: np.ndarray) -> Any:
        """Return the network's outputs for one input."""

    def run_filled(self, fill: Fill) -> Any:
        """Return the network's outputs for the input that `fill` writes."""

    def invoke_s(self, batch: np.ndarray) -> float:
        """Return how long the network alone takes for one input, s."""


class BenchOutput:
    """An output that notes when the first face was labelled, and how often labels change."""

    def __init__(self) -> None:
        self.first_label_s: float | None = None  # since the start of the process
        self.label_changes = 0
        self._labels: dict[int, set[str]] = {}  # by track

    def write(self, result: Result) -> None:
        for face in result.faces:
            labels = set(face.labels)
            if labels and self.first_label_s is None:
                self.first_label_s = process_age_s()
            self.label_changes += len(labels ^ self._labels.get(face.id, labels))
            self._labels[face.id] = labels


class GrowthOutput(BenchOutput):
    """An output that also measures how memory grows after the first tenth of `frames` frames."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self._warm_up, self._frames = frames // 10, 0
        self._before_mb = 0.0

    def write(self, result: Result) -> None:
        self._frames += 1
        if self._frames == self._warm_up:
            self._before_mb = memory_mb()
        super().write(result)

    @property
    def growth_mb(self) -> float:
        return memory_mb() - self._before_mb


class CountingNetwork:
    """A network that counts its invocations and keeps some of their inputs."""

    def __init__(self, network: BareNetwork) -> None:
        self._network, self.count = network, 0
        self.inputs: list[np.ndarray] = []

    def run(self, batch: np.ndarray) -> Any:
        if len(self.inputs) < KEPT_INPUTS:
            self.inputs.append(batch.copy())
        self.count += 1
        return self._network.run(batch)

    def run_filled(self, fill: Fill) -> Any:
        def noted(batch: np.ndarray) -> None:
            fill(batch)
            if len(self.inputs) < KEPT_INPUTS:
                self.inputs.append(batch.copy())

        self.count += 1
        return self._network.run_filled(noted)

    def repeat_s(self) -> float:
        """Return how long as many bare invocations take, over the kept inputs, s."""
        inputs = self.inputs
        return sum(self._network.invoke_s(inputs[n % len(inputs)]) for n in range(self.count))


def process_age_s() -> float:
    """Return how long ago this process was started, s, in steps of 10 ms."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started_s


def memory_mb() -> float:
    """Return the memory that this process holds now, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak_memory_mb() -> float:
    """Return the most memory that this process has held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(
    settings: Settings, models: Models, camera: Camera, output: BenchOutput | None = None
) -> Pipeline:
    """Return the pipeline, with its totals and stopwatch, after it has analyzed all frames."""
    pipeline = build_pipeline(settings, models, camera)
    for result in pipeline:
        if output:
            output.write(result)
    return pipeline


def measure(
    settings: Settings, models: Models, open_camera: CameraOpener, rounds: int
) -> dict[str, Any]:
    """Return the figures of `rounds` runs, each over a camera that is opened anew.

    Each run of a video or scene is followed by the bare models' invocations for it: the overhead
    ratio is the median of the rounds'. A live camera is run once, without that ratio.
    """
    figures: dict[str, Any] = {}
    networks: dict[str, CountingNetwork] = {}
    fps, ratios, attributes_s = [], [], 0.0
    for _ in range(rounds):
        output = BenchOutput()
        with open_camera() as camera:
            pipeline = run(settings, models, camera, output)
            live, name, camera_fps = is_live(camera), camera.name, camera.fps
        fps.append(pipeline.totals.fps)
        attributes_s = sum(pipeline.stopwatch.last["attributes"])
        # At once: whatever is done before it counts as memory.
        figures = figures or _first_figures(pipeline, output, name, camera_fps)
        if live:
            break
        networks = networks or _count_invocations(settings, models, open_camera)
        bare_s = sum(network.repeat_s() for network in networks.values())
        ratios.append(pipeline.totals.seconds / bare_s if bare_s else 0.0)
    figures |= {
        "runtime": runtime_name(),
        "threads": settings.runtime.threads,
        "fps": float(np.median(fps)),
        "overhead_ratio": float(np.median(ratios)) if ratios else None,
        "invocations": {part: network.count for part, network in networks.items()},
    }
    classified = networks["classifier"].count if networks else 0
    if classified:
        figures["classifications_per_s"] = classified / figures["face_seconds"]
        figures["ms_per_face"] = 1000 * attributes_s / classified
    return figures


def _first_figures(
    pipeline: Pipeline, output: BenchOutput, name: str, camera_fps: float
) -> dict[str, Any]:
    totals = pipeline.totals
    video_s = totals.frames / camera_fps
    return {
        "camera": name,
        "frames": totals.frames,
        "faces": totals.faces,
        "face_seconds": totals.faces / camera_fps,
        "label_changes_per_minute": 60 * output.label_changes / video_s if video_s else 0.0,
        "startup_to_first_label_s": output.first_label_s,
        "peak_memory_mb": peak_memory_mb(),
        "final_memory_mb": memory_mb(),
        "stages_ms": {
            stage: {
                f"p{rank}": float(1000 * np.percentile(durations_s, rank)) for rank in PERCENTILES
            }
            for stage, durations_s in pipeline.stopwatch.last.items()
            if durations_s
        },
    }


def _count_invocations(
    settings: Settings, models: Models, open_camera: CameraOpener
) -> dict[str, CountingNetwork]:
    """Return {part: network} after one run, as often invoked as in any other run of a video."""
    networks, counting = {}, {}
    for field in dataclasses.fields(models):
        part: Any = copy.copy(getattr(models, field.name))  # shares the network and its buffers
        part.network = networks[field.name] = CountingNetwork(part.network)
        counting[field.name] = part
    with open_camera() as camera:
        run(settings, dataclasses.replace(models, **counting), camera)
    return networks


def measure_baseline(
    settings: Settings, models: Models, open_camera: CameraOpener, path: Path, rounds: int
) -> dict[str, float]:
    """Return the frames/s of the pipeline and of the baseline, run in turns, and their ratio."""
    network = baseline.load_float_network(path, models, settings.runtime.threads)
    fps, baseline_fps = [], []
    for _ in range(rounds):
        with open_camera() as camera:
            fps.append(run(settings, models, camera).totals.fps)
        with open_camera() as camera:
            frames, _, seconds = baseline.run(camera, models, network)
        baseline_fps.append(frames / seconds)
    return {
        "fps": float(np.median(fps)),
        "baseline_fps": float(np.median(baseline_fps)),
        "baseline_ratio": float(np.median(np.array(fps) / np.array(baseline_fps))),
    }


def measure_growth(
    settings: Settings, models: Models, scene: Camera, frames: int
) -> dict[str, float]:
    """Return how much memory grows over so many frames of a scene, MB."""
    output = GrowthOutput(frames)
    pipeline = run(settings, models, scene, output)
    return {"frames": pipeline.totals.frames, "memory_growth_mb": output.growth_mb}
