"""Time the networks alone; spawned processes import this, which they cannot a `__main__`."""

import multiprocessing
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from device.analyzer import FaceAnalyzer
from device.bench.measure import CountingNetwork
from device.camera.image_io import read_photo
from device.errors import FacetError
from device.settings import Settings

from .photos import DISTINCT

START_S = 300.0  # that a process may take to load its networks


def bare_s(photos: Path, processes: int) -> float:
    """Return how long the networks alone take for a photo, s, in so many processes at once."""
    context = multiprocessing.get_context("spawn")
    ready, results = context.Barrier(processes), context.SimpleQueue()
    running = [
        context.Process(target=_measure_bare, args=(photos, ready, results))
        for _ in range(processes)
    ]
    for process in running:
        process.start()
    for process in running:
        process.join()
        if process.exitcode:
            raise FacetError("a process of the bare models ended", "fewer programs beside it")
    return float(np.mean([results.get() for _ in running]))


def _measure_bare(photos: Path, ready: Any, results: Any) -> None:
    cv2.setNumThreads(1)
    analyzer = FaceAnalyzer.from_settings(Settings())
    verifier: Any = analyzer._verifier
    parts: list[Any] = [analyzer.detector, analyzer.classifier]
    parts += [part for part in vars(verifier).values() if hasattr(part, "network")]
    networks = []
    for part in parts:
        part.network = CountingNetwork(part.network)
        networks.append(part.network)
    # Each distinct photo once, as often as in the runs that these invocations are compared with.
    paths = sorted(photos.rglob("*.jpg"), key=lambda path: int(path.stem))
    pictures = [read_photo(path) for path in paths[:DISTINCT]]
    for picture in pictures:
        analyzer.analyze(picture)
    ready.wait(START_S)
    rounds = [sum(network.repeat_s() for network in networks) for _ in range(2)]
    results.put(float(np.mean(rounds)) / len(pictures))
