"""Marks in a program that is counted: where the count begins, and what ended before each."""

import ctypes
import os
from typing import Protocol


class Marks(Protocol):
    """What the workload tells of its progress."""

    def begin(self) -> None:
        """Begin the count."""

    def end(self, name: str) -> None:
        """Give the instructions since the mark before this name."""


class CallgrindMarks:
    """Marks for callgrind, by the library of marks.c."""

    def __init__(self, library: str):
        self._library = ctypes.CDLL(library)

    def begin(self) -> None:
        self._library.begin()

    def end(self, name: str) -> None:
        self._library.end(name.encode())


class SystemCallMarks:
    """Marks for plugin.c: a system call that nothing else makes. Their order says their names."""

    def begin(self) -> None:
        os.getpgid(0)

    def end(self, name: str) -> None:
        os.getpgid(0)
