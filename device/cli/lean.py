"""Start and run with less of what costs time and does nothing for a camera."""

import contextlib
import gc
import os
from collections.abc import Iterator

# Objects made and not freed until a collection. Those of a start stay, and a frame frees its own:
# with Python's own 700 there are many collections that find nothing.
COLLECT_AFTER = 20_000


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
