"""Count the workload's instructions, and make rows of them."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from device.models import load_models
from device.settings import Settings

from .recording import FRAMES, NETWORKS, SCENES, record

Figures = dict[str, int]
"""A row's name -> instructions per frame or invocation."""


class Machine(Protocol):
    """What counts: the module `callgrind` or `qemu`."""

    BASELINE: Path
    MARKS: tuple[str, str]
    """Of its tables in docs/benchmarks.md."""

    def require(self) -> None:
        """Raise UsageError if something is not installed."""

    def versions(self) -> dict[str, str]:
        """Return what the instructions depend on, beside Facet."""

    def count_workload(self, recordings: Path, folder: Path) -> dict[str, int]:
        """Return the workload's instructions by mark; folder: for files in between."""


def all_else(scene: str) -> str:
    """Return the name of the row of a scene's loop without the models."""
    return f"{scene}, all else"


def spoken(network: str) -> str:
    """Return the name of the row of a network."""
    return network.replace("_", " ")


def figures_of(
    counts: Mapping[str, int], invocations: Mapping[str, Mapping[str, int]], frames: int
) -> Figures:
    """Return all rows.

    counts: instructions of `frames` frames of each scene without its networks, and of each network.
    invocations: a scene -> a network -> how often it ran in these frames.
    """
    figures: Figures = {}
    for scene, numbers in invocations.items():
        models = sum(counts[network] * number for network, number in numbers.items())
        figures[scene] = (counts[scene] + models) // frames
        figures[all_else(scene)] = counts[scene] // frames
    return figures | {spoken(network): counts[network] for network in NETWORKS}


def count(machine: Machine) -> Figures:
    """Return all rows; a minute. Raises FacetError if the counting program fails."""
    models = load_models(Settings())
    recordings = {name: record(faces, models) for name, faces in SCENES.items()}
    with TemporaryDirectory(prefix="facet-instructions-") as folder:
        path = Path(folder) / "recordings.pickle"
        path.write_bytes(pickle.dumps(recordings))
        counts = machine.count_workload(path, Path(folder))
    invocations = {name: recording.invocations for name, recording in recordings.items()}
    return figures_of(counts, invocations, FRAMES)
