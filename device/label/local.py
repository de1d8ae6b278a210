"""Run shards on this computer: one process per core, each with its own networks.

A process that ends, for whatever reason, is replaced, and its shard done again.
"""

import ctypes
import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process

import cv2

from ..errors import FacetError
from ..log import log
from ..model_trial import PR_SET_PDEATHSIG
from .shards import Shard
from .table import Counts
from .worker import Assignment, label_shard

DEATHS = 20  # of processes in a row, without a shard that was finished between
ATTEMPTS = 3  # at a shard whose photos cannot be fetched

Done = Callable[[Counts], None]


def run_here(work: Assignment, shards: Iterable[Shard], workers: int, done: Done) -> None:
    """Label shards in `workers` processes; `done` gets each one's counts.

    Raises what a shard raises three times in a row, and FacetError if processes keep ending.
    """
    todo = deque(shards)
    processes = _Processes(min(workers, len(todo)))
    failures: Counter[int] = Counter()
    deaths = 0
    try:
        while todo or processes.busy:
            while todo and processes.idle:
                processes.start(work, todo.popleft())
            for shard, future in processes.finished():
                try:
                    counts = future.result()
                except BrokenProcessPool:
                    todo.appendleft(shard)
                    deaths += 1
                    if deaths > DEATHS:
                        raise FacetError(
                            "processes keep ending, probably for their memory",
                            "fewer --workers; the same command goes on",
                        ) from None
                    log.info("a process was ended; its shard is done again")
                except FacetError as error:
                    failures[shard.number] += 1
                    if type(error) is not FacetError or failures[shard.number] >= ATTEMPTS:
                        raise
                    todo.append(shard)
                else:
                    deaths = 0
                    done(counts)
    except BaseException:
        processes.kill()
        raise
    finally:
        processes.close()


class _Processes:
    """Processes that label one shard each.

    Each is an executor of its own: a death leaves the others' shards alone, and no process is
    started while an executor ends because of another one.
    """

    def __init__(self, count: int):
        self._idle = [_new_process() for _ in range(count)]
        self._busy: dict[Future[Counts], tuple[ProcessPoolExecutor, Shard]] = {}

    @property
    def idle(self) -> bool:
        return bool(self._idle)

    @property
    def busy(self) -> bool:
        return bool(self._busy)

    def start(self, work: Assignment, shard: Shard) -> None:
        process = self._idle.pop()
        try:
            future = process.submit(label_shard, work, shard)
        except BrokenProcessPool:  # ended while it waited
            process.shutdown()
            process = _new_process()
            future = process.submit(label_shard, work, shard)
        self._busy[future] = process, shard

    def finished(self) -> list[tuple[Shard, Future[Counts]]]:
        """Wait for a shard; a process that has ended is replaced."""
        found = []
        for future in wait(self._busy, return_when=FIRST_COMPLETED).done:
            process, shard = self._busy.pop(future)
            if isinstance(future.exception(), BrokenProcessPool):
                process.shutdown()
                process = _new_process()
            self._idle.append(process)
            found.append((shard, future))
        return found

    def kill(self) -> None:
        """End all at once: two signals in a row may leave processes waiting for ever."""
        for pool, _ in self._busy.values():
            for process in list((pool._processes or {}).values()):
                process.kill()

    def close(self) -> None:
        for pool in (*self._idle, *(pool for pool, _ in self._busy.values())):
            pool.shutdown(cancel_futures=True)


def _new_process() -> ProcessPoolExecutor:
    # Spawned: a fork of TFLite's threads may hang.
    return ProcessPoolExecutor(1, get_context("spawn"), start_process)


def start_process() -> None:
    """Prepare a process: it ends with its parent, which alone reacts to Ctrl+C."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = parent_process()
    if parent and os.getppid() != parent.pid:  # it ended before; nobody would end this one
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
