"""Keep only a live camera's newest frame, so that a slow model never sees an old one."""

import threading
from collections.abc import Callable, Iterator

from ..errors import FacetError
from ..log import log
from ..types import Frame
from .reconnect import ReconnectingCamera

PATIENCE_S = 10.0  # for a frame
STEP_S = 0.25  # while there is none: how long one who wants to stop waits at most
LEAVE_S = 1.5  # for the reader to end; cameras give up a frame that does not come after 1 s


class NewestFrameReader:
    """A live camera read by a thread of its own; frames nobody took in time are dropped.

    stopping: asked while no frame comes, whether to end. patience_s: without a frame for so long
    the camera counts as hung, unless it is `away`: then it knows so itself, and is waited for.
    Raises FacetError from the iteration when the camera ends or hangs.
    """

    live, stills = True, False

    def __init__(
        self,
        camera: ReconnectingCamera,
        stopping: Callable[[], bool] = lambda: False,
        patience_s: float = PATIENCE_S,
    ):
        self.name, self.fps, self.mode = camera.name, camera.fps, camera.mode
        self._camera, self._stopping, self._patience_s = camera, stopping, patience_s
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self.seen: Frame | None = None  # the newest, taken or not: for a window
        self.dropped = 0  # frames that nobody took in time
        self._stop = self._ended = False
        self._fault: Exception | None = None
        self._thread = threading.Thread(target=self._drain, name="camera", daemon=True)

    def __enter__(self):
        self._camera.__enter__()
        self._thread.start()
        return self

    @property
    def away(self) -> bool:
        """Whether it has dropped and is being looked for."""
        return self._camera.away

    def __exit__(self, *exc):
        self._stop = True
        self._camera.stop()
        self._thread.join(LEAVE_S)
        # A driver that hangs in read() holds the device: closing it then would hang as well.
        if self._thread.is_alive():
            log.info(f"{self.name} does not answer and stays occupied until Facet has ended")
        else:
            self._camera.__exit__(*exc)

    def _drain(self) -> None:
        try:
            for frame in self._camera:
                with self._changed:
                    self.dropped += self._newest is not None
                    self._newest = self.seen = frame
                    self._changed.notify()
                if self._stop:
                    return
        except Exception as error:  # handed to the thread that iterates
            self._fault = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify()

    def __iter__(self) -> Iterator[Frame]:
        step_s, waited_s = min(STEP_S, self._patience_s / 10), 0.0
        while not self._stopping():
            with self._changed:
                self._changed.wait_for(lambda: self._newest or self._ended, step_s)
                frame, self._newest = self._newest, None
            if frame:
                waited_s = 0.0
                yield frame
            elif self._ended:
                raise self._fault or FacetError(f"{self.name} stopped giving frames")
            else:
                waited_s = 0.0 if self._camera.away else waited_s + step_s
            if waited_s >= self._patience_s:
                waited = f"{self._patience_s:.0f} s"
                raise FacetError(f"{self.name} gave no frame for {waited}", "Check its cable")
