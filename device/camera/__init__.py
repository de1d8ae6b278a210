"""Sources of frames: cameras, streams, videos, photos. `open.open_camera` opens one by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, Self, TypeGuard, runtime_checkable

from ..types import Frame

LIST_CAMERAS = "python -m device.run --list-cameras"  # the hint of every "no such camera"


class Camera(Protocol):
    """A source of frames: a context manager that is iterated once, while it is entered.

    Iterating raises FacetError if the source fails.
    """

    # One that is waited for has its name, rate and mode once it is there.
    @property
    def name(self) -> str:
        """As --camera calls it; of a file, its name."""

    @property
    def fps(self) -> float:
        """Frames/s."""

    @property
    def mode(self) -> str:
        """To display: size, pixel format and rate."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...
    def __iter__(self) -> Iterator[Frame]: ...


@runtime_checkable
class LiveCamera(Camera, Protocol):
    """A camera that does not wait: iterating yields its newest frame and drops the older ones."""

    dropped: int  # frames that were replaced before they were taken

    @property
    def newest(self) -> Frame | None:
        """The last frame it gave, taken or not."""

    @property
    def reconnecting(self) -> bool:
        """Whether it has dropped and is being opened again."""


def is_live(camera: Camera) -> TypeGuard[LiveCamera]:
    """Return whether a camera is a LiveCamera; a video, photos and the demo are not."""
    return isinstance(camera, LiveCamera)
