"""Bytes of a camera for FFmpeg, which gets them from here and never an address to open."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator

from ..errors import SourceError
from .http_client import DROPPED_HINT, NO_PICTURE_HINT

CHUNK = 1 << 16
MAX_SILENT_BYTES = 32 << 20  # given to FFmpeg without a picture: it gathers them
MAX_BOXES = 8  # of an MP4 file, before its pictures
OPEN_S = 30.0  # for a stream's first picture, while its bytes come


class ByteSource(io.BufferedIOBase):
    """Bytes for FFmpeg, from pieces. `reopen(at)`: the pieces from a byte on, if there are such.

    OpenCV drops exceptions of `read`: `fault` keeps the SourceError that ended it.
    """

    def __init__(
        self,
        name: str,
        pieces: Iterator[bytes],
        size: int | None = None,
        reopen: Callable[[int], Iterator[bytes]] | None = None,
    ):
        self._name, self._pieces, self._size, self._reopen = name, pieces, size, reopen
        self._at, self._left = 0, b""
        self.silent_bytes = 0  # read since the last picture, which sets it to 0
        self.until_s = time.monotonic() + OPEN_S  # for the first picture, which ends this limit
        self.fault: SourceError | None = None
        self.has_late_index = False  # an MP4 whose pictures come first, and no way to seek

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._reopen is not None and self._size is not None

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = CHUNK if size is None or size < 0 else size
        try:
            while not self._left:
                self._left = next(self._pieces, b"") if self.fault is None else b""
                if not self._left:
                    return b""
                self.silent_bytes += len(self._left)
                if time.monotonic() > self.until_s:
                    raise SourceError(
                        f"{self._name} gives no picture within {OPEN_S:.0f} s", DROPPED_HINT
                    )
                if self.silent_bytes > MAX_SILENT_BYTES:
                    raise SourceError(
                        f"{self._name} sends {MAX_SILENT_BYTES >> 20} MB without a picture",
                        NO_PICTURE_HINT,
                    )
        except SourceError as error:
            self.fault = error
            return b""
        if not self._at and not self.seekable():
            self.has_late_index = _begins_with_pictures(self._left)
        data, self._left = self._left[:wanted], self._left[wanted:]
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if self._reopen is None or self._size is None:
            return -1
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}.get(whence)
        if base is None or not 0 <= base + offset <= self._size:
            return -1
        at = base + offset
        if at == self._size:
            self._at, self._left, self._pieces = at, b"", iter(())
        elif at != self._at:
            try:
                self._pieces = self._reopen(at)
            except SourceError as error:
                self.fault = error
                return -1
            self._at, self._left = at, b""
        return at


def _begins_with_pictures(head: bytes) -> bool:
    """Whether an MP4 file has its pictures (mdat) before its index (moov)."""
    at = 0
    for _ in range(MAX_BOXES):
        size, kind = int.from_bytes(head[at : at + 4]), head[at + 4 : at + 8]
        if kind == b"mdat":
            return head[4:8] == b"ftyp"
        if kind == b"moov" or size < 8:
            return False
        at += size
    return False
