"""The last room: where results go. Every output is a context manager with `write(result)`."""

from dataclasses import dataclass
from typing import Protocol

from ..types import Frame, Track


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
