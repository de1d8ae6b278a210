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
from typing import BinaryIO, Self

import numpy as np

from ..errors import FacetError, ModelError, UsageError
from ..types import Image
from ..worker import Worker
from .embedding import CROP_PX, EMBEDDING_SIZE, Embedder

READY = b"ready"
CROP_BYTES, EMBEDDING_BYTES = CROP_PX * CROP_PX * 3, EMBEDDING_SIZE * 4
NICE = 10  # on a busy Pi a name may be late, a frame may not
POLL_S = 0.1
START_S = 120.0  # limit to load dlib and its network, from a slow card
RESULT_S = 20.0  # limit for one embedding, which takes far less on any Pi
MOST_S = 1.0  # that one poll counts of RESULT_S: this process may have been stopped or suspended
CLOSE_S = 1.5  # limit for the process to end; it has nothing to save
EXIT_CODES = {error.exit_code: error for error in (UsageError, ModelError)}
HINT = "dmesg | tail"  # the most likely reason is that the memory was used up


class EmbeddingProcess:
    """Computes one embedding at a time; a context manager, to be used from one thread.

    Entering raises UsageError or ModelError if dlib or its network is missing. If the process ends,
    or does not answer for RESULT_S, the next call of `result` raises FacetError.
    """

    def __init__(self) -> None:
        self.busy = False  # from `submit` until `result` returns the embedding
        self._waited_s = self._polled_s = 0.0  # for the submitted crop; when that was last counted
        self._crops: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()
        self._worker = Worker("recognition", self._exchange, CLOSE_S, wake=self._end)

    def __enter__(self) -> Self:
        self._process = start_process()
        _await_ready(self._process)
        self._worker.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._end()
        _wait(self._process)
        try:
            self._worker.__exit__(*exc)
        finally:
            _close_pipes(self._process)

    def submit(self, crop_rgb: Image) -> None:
        """Start on a crop, uint8 (150, 150, 3); only while not `busy`."""
        self.busy = True
        self._waited_s, self._polled_s = 0.0, time.monotonic()
        self._crops.put(crop_rgb.tobytes())

    def result(self, wait: bool) -> np.ndarray | None:
        """Return the embedding of the submitted crop, float32 (128,); None if not ready.

        wait: blocks until it is ready. Raises FacetError if the process ended or hangs.
        """
        while True:
            with contextlib.suppress(queue.Empty):
                embedding = self._results.get(wait, POLL_S)
                self.busy = False
                return embedding
            self._worker.check()
            self._watch()
            if not wait:
                return None

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


def _await_ready(process: subprocess.Popen[bytes]) -> None:
    """Return when the process has loaded its network; raise why it does not."""
    assert process.stdout
    # By a timer that kills it: a read of a pipe has no limit of its own.
    late = threading.Timer(START_S, process.kill)
    late.start()
    try:
        ready = process.stdout.read(len(READY)) == READY
    except BaseException:  # KeyboardInterrupt
        process.kill()
        raise
    finally:
        late.cancel()
    if not ready:
        raise _fault(process)


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Return the exit code of a process that ends by itself; kill it after CLOSE_S."""
    try:
        return process.wait(CLOSE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError), process:
        pass


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


def main() -> int:
    """Serve embeddings; print a FacetError as JSON, [message, hint], and return its exit code."""
    # A signal to the whole process group ends the pipeline, which ends this process.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # the system's rules may forbid it
        os.nice(NICE)
    try:
        with contextlib.suppress(BrokenPipeError):
            serve(sys.stdin.buffer, sys.stdout.buffer)
    except FacetError as error:
        print(json.dumps([error.message, error.hint]), file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
