"""Notice when the computer itself stands still: no processor is free, or its disk takes nothing."""

import threading
import time
from pathlib import Path

PERIOD_S = 0.01


class Stalls:
    """The longest time in which a thread that only appends a byte did not run; a context manager.

    folder: on the disk of which the bytes are written, to a file of its own.
    """

    def __init__(self, folder: Path):
        self.longest_s = 0.0
        self._file = folder / "stalls"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Stalls":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        with self._file.open("wb", buffering=0) as file:
            before_s = time.monotonic()
            while not self._ended.wait(PERIOD_S):
                file.write(b".")
                now_s = time.monotonic()
                self.longest_s = max(self.longest_s, now_s - before_s - PERIOD_S)
                before_s = now_s
