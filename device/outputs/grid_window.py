"""Show several cameras in one window, a cell for each; keys as in other windows."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..types import Result
from .grid import Grid, Painter, draw_cell, draw_empty
from .overlay import annotate
from .window import Window
from .window_process import WindowProcess

PERIOD_S = 1 / 30  # between two pictures at least: each is a copy of all cells
STALE_S = 2.0  # a picture that is older is no live one


class GridWindow(Window):
    """An output that shows the newest result of each camera in its cell.

    names: returns those of the cameras, in the order of the cells: one that is waited for has its
    name once it is there. Results of others are not shown. The rest is as of Window. A cell whose
    camera gives no new picture says for how long.
    """

    def __init__(
        self,
        screen: WindowProcess,
        snapshots: Path,
        stop: threading.Event,
        names: Callable[[], Sequence[str]],
        paint: Painter = annotate,
        needed: bool = False,
    ):
        super().__init__(screen, snapshots, stop, paint, needed)
        self._names, self._grid = names, Grid.of(len(names()))
        self._last: dict[str, Result] = {}
        self._came_s: dict[str, float] = {}
        self._drawn: dict[str, str] = {}  # the status line that was drawn for a last result
        self._shown_s = 0.0
        self._cells = np.zeros(self._grid.shape, np.uint8)
        for number, name in enumerate(names()):
            draw_empty(self._grid.cell(self._cells, number), f"{name}  no picture yet", paint)

    def write(self, result: Result) -> None:
        """Take the result for its cell; draw the cells that changed, unless paused."""
        name = result.frame.source
        if result.analyzed and name in self._names():
            self._last[name], self._came_s[name] = result, time.monotonic()
            self._drawn.pop(name, None)
        if not self._paused and time.monotonic() - self._shown_s >= PERIOD_S:
            self.show(result)
        self.answer_key(1)

    def show(self, result: Result) -> None:
        """Draw all cells that changed on the screen, if it has shown the picture before."""
        if not self._is_ready():
            return
        for number, name in enumerate(self._names()):
            if name in self._last:
                self._draw(number, name)
        np.copyto(self._screen.canvas(self._grid.shape), self._cells)
        self._picture = self._cells
        self._screen.show(self._grid.shape)
        self._shown_s = time.monotonic()
        self.shown += 1

    def _draw(self, number: int, name: str) -> None:
        last, silent_s = self._last[name], time.monotonic() - self._came_s[name]
        status = f"{name}  {self.status(last)}"
        if silent_s >= STALE_S:
            status = f"{name}  no picture for {silent_s:.0f} s"
        if self._drawn.get(name) != status:
            draw_cell(self._grid.cell(self._cells, number), last, status, self._paint)
            self._drawn[name] = status


class GridVideoWindow(GridWindow):
    """A window that shows videos, which come at their own rate; space pauses them."""

    def write(self, result: Result) -> None:
        """Draw the result, and return when the videos are not paused."""
        super().write(result)
        while self._paused and not (self._stop.is_set() or self._lost):
            self.answer_key(50)
