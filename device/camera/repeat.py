"""Play a video or the demo clip at its own speed, once or again and again."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Self

from ..types import Frame
from . import Camera

LATE_S = 0.2  # a loop that is later than this does not catch up, as after a pause
MAX_WAIT_S = 1.0  # of a picture that stands longer, as in a film of slides; the stop of a run waits
POLL_S = 0.05  # of `stopping`


class PlaybackClock:
    """Waits until a frame is due on the clock; a loop that is slower is not hurried."""

    def __init__(
        self,
        stopping: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._stopping, self._clock, self._sleep = stopping, clock, sleep
        self._began_s: float | None = None
        self.late_s = 0.0
        """How much later than at first the frames are due by now, s."""

    def wait(self, at_s: float) -> None:
        """Return when the frame at so many seconds is due, or `stopping` is true."""
        if self._began_s is None:
            self._began_s = self._clock() - at_s
        due_s = self._began_s + at_s + self.late_s
        if self._clock() - due_s > LATE_S:
            self.late_s += self._clock() - due_s
            return
        early_s = due_s - self._clock() - MAX_WAIT_S
        if early_s > 0:
            self.late_s -= early_s
            due_s -= early_s
        while (left_s := due_s - self._clock()) > 0 and not self._stopping():
            self._sleep(min(left_s, POLL_S))


class Played:
    """A video that is played at its own speed, once; a Camera. Its owner enters and leaves it."""

    def __init__(self, video: Camera, playback: PlaybackClock):
        self._video, self._playback = video, playback
        self.name, self.fps, self.mode = video.name, video.fps, video.mode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._video:
            self._playback.wait(frame.at_s)
            yield frame


class Repeated:
    """A video that begins again when it has ended, for ever; a Camera.

    Frame numbers and times go on: times are those at which a frame is played. The first frame of
    each repetition is a `cut`. opened: returns the video; its argument is whether this is the first
    time. What it raises later, as when the file is gone, ends the iteration.
    """

    def __init__(self, opened: Callable[[bool], Camera], playback: PlaybackClock):
        self._opened, self._playback = opened, playback
        self._stack = contextlib.ExitStack()
        self._video = opened(True)
        self.name, self.fps = self._video.name, self._video.fps
        self._mode = self._video.mode

    @property
    def mode(self) -> str:
        return f"{self._mode}, repeated"

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame; 0: unknown."""
        return getattr(self._video, "frame_bytes", 0)

    def __enter__(self) -> Self:
        self._stack.enter_context(self._video)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[Frame]:
        began, next_index, next_s = datetime.now(UTC), 0, 0.0
        for repetition in count():
            if repetition:
                self._stack.close()
                self._video = self._stack.enter_context(self._opened(False))
            first_index, first_s = next_index, next_s
            for frame in self._video:
                index, at_s = first_index + frame.index, first_s + frame.at_s
                self._playback.wait(at_s)
                time = began + timedelta(seconds=at_s + self._playback.late_s)
                cut = repetition > 0 and index == first_index
                yield replace(frame, index=index, time=time, at_s=at_s, cut=cut)
                next_index, next_s = index + 1, at_s + 1 / self.fps
            if next_index == first_index:  # for ever nothing
                return
