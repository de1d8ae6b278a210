"""Read a film or photos some frames ahead, so that decoding and the models never wait in turn."""

import queue
import threading
from collections.abc import Iterable, Iterator

from ..types import Frame

FRAMES = 3  # read ahead; more only fills memory


def ahead(camera: Iterable[Frame]) -> Iterator[Frame]:
    """Yield every frame of a camera that waits for us, read by a thread of its own.

    What the camera raises is raised here; whoever stops iterating (or closes the generator) stops
    the thread. Closing the camera is left to whoever opened it.
    """
    frames: queue.Queue[Frame | None] = queue.Queue(FRAMES)
    fault: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            for frame in camera:
                frames.put(frame)
                if stop.is_set():
                    return
        except BaseException as error:  # handed to the thread that iterates
            fault.append(error)
        finally:
            frames.put(None)

    thread = threading.Thread(target=read, name="reader", daemon=True)
    thread.start()
    try:
        while (frame := frames.get()) is not None:
            yield frame
        if fault:
            raise fault[0]
    finally:
        stop.set()
        while thread.is_alive():  # it may wait for room
            try:
                frames.get(timeout=0.01)
            except queue.Empty:
                continue
        thread.join()
