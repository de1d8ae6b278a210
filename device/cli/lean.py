"""Start and run with less of what costs time and does nothing for a camera."""

import contextlib
import ctypes
import gc
import os
from collections.abc import Iterator

# Objects made and not freed until a collection. Those of a start stay, and a frame frees its own:
# with Python's own 700 there are many collections that find nothing.
COLLECT_AFTER = 20_000
# Bytes of memory that the C library gets from the system for itself and gives back at once: photos,
# but no frames of cameras, which would be cleared anew each time.
LARGE = 8 * 2**20
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of malloc.h


@contextlib.contextmanager
def fewer_collections() -> Iterator[None]:
    """Collect cyclic garbage less often within the block."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def limit_blas() -> None:
    """Give NumPy's BLAS one thread; before NumPy is imported.

    Its products here have a dozen numbers, and threads without work spin for a tenth of a second.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def keep_less_memory() -> None:
    """Have the C library give back the memory of large pictures, and use one heap in all threads.

    By default glibc keeps up to 32 MB in its heap as soon as a picture of that size was freed.
    """
    with contextlib.suppress(AttributeError, OSError):  # only glibc has it
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, LARGE)
        mallopt(M_ARENA_MAX, 1)
