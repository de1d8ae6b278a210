"""Where results go: window, logs, video, service reports."""

from typing import Protocol, Self

from ..types import Result


class Output(Protocol):
    """A context manager that takes results; leaving it finishes what it writes."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...

    def write(self, result: Result) -> None:
        """Take one result. Raises FacetError if it cannot be written."""
