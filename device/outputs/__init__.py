"""The last room: where results go. Every output is a context manager with `write(result)`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from device.types import Frame, Track


@dataclass(frozen=True)
class Result:
    """One frame, the people in it, and what is said of each."""

    frame: Frame
    tracks: list[Track]
    labels: list[list[str]]  # words per track, the most looked-for first
    fps: float  # frames/s over the last second or so
    age_s: float | None = None  # of a live camera's frame, now that its labels are known


class Output(Protocol):
    """What the pipeline asks of a place where results go."""

    def __enter__(self): ...
    def __exit__(self, *exc): ...

    def write(self, result: Result) -> bool:
        """Take one result; False asks the pipeline to stop."""


def move_aside(path: Path) -> Path:
    """Rename a file to the first free of name.1.ending, name.2.ending, ...; return the new path."""
    number = 1
    while (aside := path.with_name(f"{path.stem}.{number}{path.suffix}")).exists():
        number += 1
    path.rename(aside)
    return aside
