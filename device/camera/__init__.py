"""The first room: the protocol of anything that gives frames (`open.py` opens one)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ..types import Frame


class Camera(Protocol):
    """What the pipeline asks of a source of frames."""

    name: str
    fps: float
    mode: str
    live: bool
    stills: bool

    def __enter__(self): ...
    def __exit__(self, *exc): ...
    def __iter__(self) -> Iterator[Frame]: ...
