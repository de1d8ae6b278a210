"""Find and classify the faces of many photos as the device does, in several processes."""

import functools
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from device.api import analyze
from device.camera.image_io import PhotoError
from device.errors import FacetError
from device.label.local import start_process
from device.settings import Settings
from device.types import Face

AHEAD = 8  # photos per process that are being analyzed, or wait for an earlier one


def faces_of(path: Path, settings: Settings) -> list[Face] | PhotoError:
    """Return the faces of a photo, in px of the file, or why it cannot be read."""
    try:
        return analyze(path, settings=settings)
    except PhotoError as error:
        return error


def faces_of_photos(
    paths: Iterable[Path], settings: Settings, workers: int = 1
) -> Iterator[list[Face] | PhotoError]:
    """Yield `faces_of` each photo, in order; memory does not depend on the number of photos.

    workers: processes; 1 is this one. Raises FacetError if a process ends, ModelError and
    UsageError as `device.api.analyze`.
    """
    find = functools.partial(faces_of, settings=settings)
    if workers <= 1:
        yield from map(find, paths)
        return
    # Spawned: a fork of TFLite's threads may hang.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), start_process)
    try:
        yield from _in_order(pool, find, iter(paths), AHEAD * workers)
    except BrokenProcessPool:
        raise FacetError(
            "a process was ended by the system, probably for its memory",
            "fewer --workers; the same command continues",
        ) from None
    except BaseException:
        _kill(pool)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor,
    find: Callable[[Path], list[Face] | PhotoError],
    paths: Iterator[Path],
    ahead: int,
) -> Iterator[list[Face] | PhotoError]:
    """Yield what `find` returns for each path, in order; at most `ahead` results wait."""
    pending: deque[Future] = deque(
        pool.submit(find, path) for path in itertools.islice(paths, ahead)
    )
    while pending:
        yield pending.popleft().result()
        pending.extend(pool.submit(find, path) for path in itertools.islice(paths, 1))


def _kill(pool: ProcessPoolExecutor) -> None:
    """End a pool's processes at once: two signals in a row may leave them waiting for ever."""
    for process in list((pool._processes or {}).values()):
        process.kill()
