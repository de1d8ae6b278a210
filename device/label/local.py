"""Run shards on this computer: one process per core, each with its own networks.

A process that ends, for whatever reason, is replaced, and its shard done again.
"""

import ctypes
import os
import signal
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context, parent_process

import cv2

from ..errors import FacetError
from ..log import log
from ..model_trial import PR_SET_PDEATHSIG
from .crumbs import Crumbs
from .shards import Shard
from .table import Counts
from .worker import Assignment, label_shard

AHEAD = 2  # shards per process that are being labelled or wait
DEATHS = 20  # of processes in a row, without a shard that was finished between
ATTEMPTS = 3  # at a shard whose photos cannot be fetched

Done = Callable[[Counts], None]


def run_here(work: Assignment, shards: Iterable[Shard], workers: int, done: Done) -> None:
    """Label shards in `workers` processes; `done` gets each one's counts.

    Raises what a shard raises three times in a row, and FacetError if processes keep ending.
    """
    todo = list(shards)
    deaths = 0
    while todo:
        remaining = _Remaining(todo)
        try:
            _run_pool(work, remaining, min(workers, len(todo)), done)
        except BrokenProcessPool:
            deaths = 1 if remaining.finished else deaths + 1
            if deaths > DEATHS:
                raise FacetError(
                    "processes keep ending, probably for their memory",
                    "fewer --workers; the same command goes on",
                ) from None
            log.info("a process was ended; its shard is done again")
        todo = remaining.shards


class _Remaining:
    """Shards that are not done yet, and how often each has failed."""

    def __init__(self, shards: list[Shard]):
        self._shards = {shard.number: shard for shard in shards}
        self._failures: dict[int, int] = {}
        self.finished = False

    @property
    def shards(self) -> list[Shard]:
        return list(self._shards.values())

    def finish(self, shard: Shard) -> None:
        del self._shards[shard.number]
        self.finished = True

    def fail(self, shard: Shard, error: FacetError) -> None:
        """Count a failure; raises it where trying again is of no use."""
        count = self._failures[shard.number] = self._failures.get(shard.number, 0) + 1
        if type(error) is not FacetError or count >= ATTEMPTS:
            raise error


def _run_pool(work: Assignment, remaining: _Remaining, workers: int, done: Done) -> None:
    # Spawned: a fork of TFLite's threads may hang.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), start_process)
    try:
        waiting = iter(remaining.shards)
        running: dict[Future[Counts], Shard] = {}
        while True:
            for shard in islice(waiting, AHEAD * workers - len(running)):
                running[pool.submit(label_shard, work, shard)] = shard
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                shard = running.pop(future)
                try:
                    counts = future.result()
                except FacetError as error:
                    remaining.fail(shard, error)
                    running[pool.submit(label_shard, work, shard)] = shard
                else:
                    remaining.finish(shard)
                    done(counts)
    except BrokenProcessPool:  # the pool ends the others by SIGTERM
        raise
    except BaseException:
        # At once: two signals in a row may leave processes waiting for ever.
        for process in list((pool._processes or {}).values()):
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def start_process() -> None:
    """Prepare a process: it ends with its parent, which alone reacts to Ctrl+C."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = parent_process()
    if parent and os.getppid() != parent.pid:  # it ended before; nobody would end this one
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    cv2.setNumThreads(1)


def _end(*_: object) -> None:
    """End a process because another one has: its input is not to blame."""
    Crumbs.forget()
    os._exit(1)
