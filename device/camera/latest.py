"""Keep only a live camera's newest frame, so that a slow model never sees an old one."""

import threading
from collections.abc import Iterator

from device.errors import FacetError
from device.types import Frame

PATIENCE_S = 10.0  # for a frame, and for the reader to end


class Latest:
    """A live camera read by a thread of its own; frames nobody took in time are dropped.

    patience_s: without a frame for so long the camera counts as hung; None waits for ever.
    Raises FacetError from the iteration when the camera stops or hangs.
    """

    live, stills = True, False

    def __init__(self, camera, patience_s: float | None = PATIENCE_S):
        self.name, self.fps = camera.name, camera.fps
        self._camera, self._patience_s = camera, patience_s
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

    def __exit__(self, *exc):
        self._stop = True
        self._camera.stop()
        self._thread.join(PATIENCE_S)
        # A driver that hangs in read() holds the device: closing it then would hang as well.
        if not self._thread.is_alive():
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
        while True:
            with self._changed:
                ready = self._changed.wait_for(
                    lambda: self._newest is not None or self._ended, self._patience_s
                )
                frame, self._newest = self._newest, None
            if frame is not None:
                yield frame
            elif self._fault:
                raise self._fault
            elif not ready:
                raise FacetError(f"{self.name} gave no frame for {self._patience_s:.0f} s")
            else:
                raise FacetError(f"{self.name} stopped giving frames", "Check its cable")
