"""A run of some cameras in a process of its own, for `bench/cameras.py`: this module's `main`.

It prints "ready" when the models are loaded, begins at a line of stdin, prints its figures as JSON,
and ends at the next line, so that its memory can be read meanwhile.
"""

import json
import mmap
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..models import Models, load_models
from ..pipeline import build_pipeline
from ..settings import Settings
from ..shared_pipeline import build_shared_pipeline
from ..silence import limit_opencv
from ..types import Result
from .live_scene import LiveScene


@dataclass(frozen=True)
class Plan:
    """What a process runs."""

    memory: int
    """Descriptor of the memory with the pictures, which all processes share."""
    shape: tuple[int, int, int, int]
    """Of the pictures: number, H, W, 3."""
    cameras: tuple[int, ...]
    """Their numbers; each begins with another picture."""
    warm_up_s: float
    window_s: float


@dataclass(frozen=True)
class Usage:
    """What the cameras of one process got and took within the window."""

    frames: tuple[int, ...]
    """Analyzed frames of each camera."""
    ages_s: tuple[float, ...]
    """From the time of each frame to its result."""
    seconds: float
    cpu_s: float
    """Of all threads."""
    peak_mb: float
    """Most memory (RSS) so far, without the pictures, MB (10^6 bytes)."""


def run(plan: Plan, models: Models, settings: Settings, pictures: np.ndarray) -> Usage:
    """Return what the plan's cameras got and took."""
    names = [f"camera {number}" for number in plan.cameras]
    step = max(1, len(pictures) // 4)  # they do not show their faces in step
    cameras = [
        LiveScene(name, pictures, number * step)
        for name, number in zip(names, plan.cameras, strict=True)
    ]
    end_s = time.monotonic() + plan.warm_up_s + plan.window_s

    def is_over() -> bool:
        return time.monotonic() >= end_s

    results: Iterable[Result]
    if len(cameras) > 1:
        results = build_shared_pipeline(settings, models, cameras, stopping=is_over)
    else:
        results = build_pipeline(settings, models, cameras[0], stopping=is_over)
    frames: Counter[str] = Counter()
    ages_s: list[float] = []
    began_s, began_cpu_s = 0.0, 0.0
    for result in results:
        if not began_s and time.monotonic() >= end_s - plan.window_s:
            began_s, began_cpu_s = time.monotonic(), time.process_time()
        elif began_s:
            frames[result.frame.source] += 1
            ages_s.append(result.age_s or 0.0)
    seconds, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    counts = tuple(frames[name] for name in names)
    return Usage(counts, tuple(ages_s), seconds, cpu_s, _peak_mb(pictures.nbytes))


def _peak_mb(shared_bytes: int) -> float:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (kilobytes * 1024 - shared_bytes) / 1e6


def main() -> None:
    values: dict[str, Any] = json.loads(sys.argv[1])
    plan = Plan(**values | {name: tuple(values[name]) for name in ("shape", "cameras")})
    settings = Settings()
    limit_opencv(settings.camera.max_megapixels)
    with mmap.mmap(plan.memory, int(np.prod(plan.shape)), prot=mmap.PROT_READ) as memory:
        pictures = np.frombuffer(memory, np.uint8).reshape(plan.shape)
        models = load_models(settings)
        print("ready", flush=True)
        sys.stdin.readline()
        usage = run(plan, models, settings, pictures)
        print(json.dumps(asdict(usage)), flush=True)
        sys.stdin.readline()
        del pictures


if __name__ == "__main__":
    main()
