"""Compute embeddings in a separate process, because dlib holds the GIL for 60 ms a face.

The process runs this module's `main`: crops in at stdin, embeddings out at stdout, until stdin
ends. It has a lower priority than the pipeline (nice).
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np

from ..errors import FacetError, ModelError, Stopped, UsageError, os_reason
from ..types import Image
from ..worker import Worker
from .embedding import CROP_PX, EMBEDDING_SIZE, Embedder

READY = b"ready"
CROP_BYTES, EMBEDDING_BYTES = CROP_PX * CROP_PX * 3, EMBEDDING_SIZE * 4
OOM_SCORE = 300  # more than the pipeline's, of 1000
NICE = 10  # on a busy Pi a name may be late, a frame may not
POLL_S = 0.1
START_S = 120.0  # limit to load dlib and its network, from a slow card
RESULT_S = 20.0  # limit for one embedding, which takes far less on any Pi
MOST_S = 1.0  # that one poll counts of RESULT_S: this process may have been stopped or suspended
CLOSE_S = 1.0  # limit for the process to end; it has nothing to save
EXIT_CODES = {error.exit_code: error for error in (UsageError, ModelError)}
HINT = "dmesg | tail"  # the most likely reason is that the memory was used up


class EmbeddingProcess:
    """Computes one embedding at a time; a context manager, to be used from one thread.

    Entering waits until it is `ready`; `start` does not. Entering, and `check` after `start`, raise
    UsageError or ModelError if dlib or its network is missing, and Stopped where `stopping` comes
    first. If the process ends, or does not answer for RESULT_S, the next call of `check` or
    `result` raises FacetError.
    """

    def __init__(self, stopping: Callable[[], bool] = lambda: False) -> None:
        self.busy = False  # from `submit` until `result` returns the embedding
        self._stopping = stopping
        self._ready = threading.Event()  # the network is loaded
        self._waited_s = self._polled_s = 0.0  # for the submitted crop; when that was last counted
        self._crops: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()
        self._worker = Worker("recognition", self._exchange, CLOSE_S, wake=self._end)

    @property
    def ready(self) -> bool:
        """Whether it takes crops."""
        return self._ready.is_set()

    def start(self) -> None:
        """Start the process; it is `ready` seconds later. Raises FacetError if none can be made."""
        try:
            self._process = start_process()
            self._worker.start()
        except (OSError, RuntimeError) as error:  # no memory, or a limit of processes or threads
            raise FacetError(
                f"cannot start the recognition process: {os_reason(error)}", HINT
            ) from error

    def __enter__(self) -> Self:
        self.start()
        try:
            while not (self._ready.wait(POLL_S) or self._worker.done.is_set()):
                if self._stopping():
                    raise Stopped("stopped while the recognition process starts")
            self.check()
        except BaseException:
            with contextlib.suppress(FacetError):
                self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._end()
        if not self.ready:  # it reads nothing yet
            self._process.kill()
        _wait(self._process)
        try:
            self._worker.__exit__(*exc)
        finally:
            if not self._worker.running:  # else it reads them
                _close_pipes(self._process)

    def submit(self, crop_rgb: Image) -> None:
        """Start on a crop, uint8 (150, 150, 3); only while not `busy`."""
        self.busy = True
        self._waited_s, self._polled_s = 0.0, time.monotonic()
        self._crops.put(crop_rgb.tobytes())

    def result(self, wait: bool) -> np.ndarray | None:
        """Return the embedding of the submitted crop, float32 (128,); None if not ready.

        wait: blocks until it is ready or Facet stops. Raises FacetError if the process ended or
        hangs.
        """
        while True:
            with contextlib.suppress(queue.Empty):
                embedding = self._results.get(wait, POLL_S)
                self.busy = False
                return embedding
            self.check()
            if not wait or self._stopping():
                return None

    def check(self) -> None:
        """Raise FacetError if the process ended or hangs."""
        self._worker.check()
        self._watch()

    def _watch(self) -> None:
        """Kill a process that was stopped or hangs, and raise FacetError."""
        if not self.busy:
            return
        now_s = time.monotonic()
        self._waited_s += min(now_s - self._polled_s, MOST_S)
        self._polled_s = now_s
        if self._waited_s > RESULT_S:
            self._worker.stopping.set()  # its end is no second fault
            self._process.kill()
            raise FacetError(
                f"the recognition process gave no embedding within {RESULT_S:.0f} s", HINT
            )

    def _exchange(self, worker: Worker) -> None:
        """Pass crops to the process and embeddings back until `_end`; raise why it ended itself."""
        process = self._process
        assert process.stdin and process.stdout
        if not _is_ready(process):
            if not worker.stopping.is_set():
                raise _fault(process)
            return
        self._ready.set()
        # Not communicate(): a crop is more than a pipe holds. Closing stdin ends the process.
        with contextlib.suppress(OSError), process.stdin as crops, process.stdout as embeddings:
            while (crop := self._crops.get()) is not None:
                crops.write(crop)
                crops.flush()
                embedding = embeddings.read(EMBEDDING_BYTES)
                if len(embedding) < EMBEDDING_BYTES:
                    break
                self._results.put(np.frombuffer(embedding, np.float32))
            else:
                return
        if not worker.stopping.is_set():  # else it hung and was killed
            raise _fault(process)

    def _end(self) -> None:
        self._worker.stopping.set()
        self._crops.put(None)


def start_process() -> subprocess.Popen[bytes]:
    """Start `main` of this module in a process that imports from where this one does."""
    path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
    return subprocess.Popen(
        # -P: not from the working directory, unless this process does.
        [sys.executable, "-P", "-m", f"{__package__}.embedding_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": path},
    )


def _is_ready(process: subprocess.Popen[bytes]) -> bool:
    """Return once the process has loaded its network, or has ended; whether it has loaded it."""
    assert process.stdout
    # By a timer that kills it: a read of a pipe has no limit of its own.
    late = threading.Timer(START_S, process.kill)
    late.daemon = True
    late.start()
    try:
        return process.stdout.read(len(READY)) == READY
    finally:
        late.cancel()


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Return the exit code of a process that ends by itself; kill it after CLOSE_S.

    Returns -SIGKILL of one that does not end even then, because its disk hangs.
    """
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(CLOSE_S)
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(CLOSE_S)
    return -signal.SIGKILL


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    # Not by leaving the Popen's own context, which waits for the process without a limit.
    for pipe in (process.stdin, process.stdout, process.stderr):
        with contextlib.suppress(OSError):
            if pipe:
                pipe.close()


def _fault(process: subprocess.Popen[bytes]) -> FacetError:
    """Return why the process ended."""
    code = _wait(process)
    text = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
    _close_pipes(process)
    if code in EXIT_CODES:
        with contextlib.suppress(ValueError, TypeError):  # not the line that `main` prints
            message, hint = json.loads(text.rpartition("\n")[2])
            return EXIT_CODES[code](message, hint)
    reason = f": {text[-200:]}" if text else ""
    return FacetError(f"the recognition process exited with code {code}{reason}", HINT)


def serve(crops: BinaryIO, embeddings: BinaryIO) -> None:
    """Write the embedding of each crop until the crops end."""
    embedder = Embedder()
    embeddings.write(READY)
    embeddings.flush()
    while len(crop := crops.read(CROP_BYTES)) == CROP_BYTES:
        pixels = np.frombuffer(crop, np.uint8).reshape(CROP_PX, CROP_PX, 3)
        embeddings.write(embedder.embed(pixels).tobytes())
        embeddings.flush()


def first_to_end() -> None:
    """Make the kernel end this process before the pipeline where memory is used up."""
    path = Path("/proc/self/oom_score_adj")
    with contextlib.suppress(OSError, ValueError):
        path.write_text(str(min(1000, int(path.read_text()) + OOM_SCORE)))


def main() -> int:
    """Serve embeddings; print a FacetError as JSON, [message, hint], and return its exit code."""
    # A signal to the whole process group ends the pipeline, which ends this process.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # the system's rules may forbid it
        os.nice(NICE)
    first_to_end()
    try:
        with contextlib.suppress(BrokenPipeError):
            serve(sys.stdin.buffer, sys.stdout.buffer)
    except FacetError as error:
        print(json.dumps([error.message, error.hint]), file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
