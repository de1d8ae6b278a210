"""Compute embeddings in a process of its own, beside the loop: dlib holds Python's lock meanwhile.

The process is this module's `main`: chips in at stdin, embeddings out at stdout, until stdin ends.
It yields to the loop (nice), and its memory is its own.
"""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import FacetError, ModelError, UsageError
from .embedding import NUMBERS, SIDE, Embedder

ROOT = Path(__file__).parent.parent.parent
COMMAND = (sys.executable, "-m", "device.recognition.embedding_process")
READY = b"ready"
KINDS = {error.exit_code: error for error in (UsageError, ModelError)}
MEND = "Look for why: dmesg | tail"  # most likely the memory was used up
CHIP_BYTES, EMBEDDING_BYTES = SIDE * SIDE * 3, NUMBERS * 4
NICE = 10  # on a busy Pi a name may come later, a frame not
CLOSE_S = 5.0


class EmbeddingProcess:
    """One chip at a time, computed elsewhere; use it from one thread.

    Entering raises UsageError or ModelError where dlib or its network is missing; what ends the
    process is raised as FacetError by the next call.
    """

    def __init__(self):
        self._chips: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[np.ndarray | FacetError] = queue.SimpleQueue()
        self.busy = False

    def __enter__(self):
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT)
        if self._process.stdout.read(len(READY)) != READY:
            raise self._fault()
        self._thread = threading.Thread(target=self._work, name="recognise", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._chips.put(None)
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():  # it hangs
            self._process.kill()
        with self._process:  # closes its pipes and waits
            pass

    def ask(self, chip_rgb: np.ndarray) -> None:
        """Begin with a chip, uint8 (150, 150, 3); only while it is not `busy`."""
        self.busy = True
        self._chips.put(chip_rgb.tobytes())

    def answer(self, wait: bool) -> np.ndarray | None:
        """Return the embedding that was asked for, float32 (128,); None where there is none yet."""
        try:
            got = self._answers.get(block=wait)
        except queue.Empty:
            return None
        self.busy = False
        if isinstance(got, FacetError):
            raise got
        return got

    def _work(self) -> None:
        process = self._process
        # Not communicate(): a chip is more than a pipe holds.
        with contextlib.suppress(OSError), process.stdin as chips, process.stdout as embeddings:
            while (chip := self._chips.get()) is not None:
                chips.write(chip)
                chips.flush()
                got = embeddings.read(EMBEDDING_BYTES)
                if len(got) < EMBEDDING_BYTES:
                    break
                self._answers.put(np.frombuffer(got, np.float32))
            else:
                return
        self._answers.put(self._fault())

    def _fault(self) -> FacetError:
        """Return why the process ended."""
        with self._process:  # closes its pipes
            said = self._process.stderr.read().decode(errors="replace").strip()
        code = self._process.returncode
        if code in KINDS:  # one of ours, which has its line
            return KINDS[code](said.removeprefix("facet: "))
        return FacetError(f"what recognises people ended with code {code} {said[-200:]}", MEND)


def work(chips: BinaryIO, embeddings: BinaryIO) -> None:
    """Answer every chip with its embedding until there are no more."""
    embedder = Embedder()
    embeddings.write(READY)
    embeddings.flush()
    while len(chip := chips.read(CHIP_BYTES)) == CHIP_BYTES:
        pixels = np.frombuffer(chip, np.uint8).reshape(SIDE, SIDE, 3)
        embeddings.write(embedder.embed(pixels).tobytes())
        embeddings.flush()


def main() -> int:
    # A stop of the whole group ends the loop, and that this.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # a system's rules may forbid it
        os.nice(NICE)
    with contextlib.suppress(BrokenPipeError):
        work(sys.stdin.buffer, sys.stdout.buffer)
    return 0


if __name__ == "__main__":
    from ..cli.command import exit_with

    exit_with(main)
