"""Silence Pillow's warnings while photos are read, from several threads."""

import contextlib
import threading
import warnings
from collections.abc import Iterator

from PIL import Image

_lock = threading.Lock()
_readers = 0
_filters = contextlib.ExitStack()


@contextlib.contextmanager
def pillow_warnings_off() -> Iterator[None]:
    """Ignore Pillow's warnings about odd metadata and large pictures, which it reads nevertheless.

    Filters belong to the process, and catch_warnings restores those it found: of several threads
    that read photos, the first to enter changes the filters and the last to leave restores them.
    """
    global _readers
    with _lock:
        _readers += 1
        if _readers == 1:
            _filters.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", module=r"PIL\.")
            warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if not _readers:
                _filters.close()
