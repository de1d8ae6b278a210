"""Read a photo, or a folder of photos in the order of their names."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ..errors import SourceError, os_reason
from ..files import file_name
from ..log import log
from ..text import named_folder
from ..types import Frame
from .orientation import Oriented
from .photo_files import photos_in

if TYPE_CHECKING:
    from .image_io import Photo


class Photos(Oriented):
    """One photo, or a folder's photos in the order of their names; unreadable ones are skipped.

    recursive: with those of its subfolders. content: the photo itself, if `path` is only its name.
    Raises SourceError if the folder has no photos; PhotoError if a single photo cannot be
    read; and from the iteration SourceError if no photo of the folder can.
    """

    fps = 1.0

    def __init__(
        self,
        path: Path,
        recursive: bool = False,
        content: bytes | None = None,
    ):
        self.name = file_name(Path(path.name or path.resolve().name))  # of "."
        self.skipped: list[str] = []  # one line each, naming the file
        self._first: Photo | None = None  # a single one, until it is taken
        if content is None and path.is_dir():
            self._folder = path
            self._paths = _photos_in(path, recursive)
        else:
            from .image_io import decode_photo  # here, as cameras need no Pillow

            # An unreadable single photo is an error, not a skip.
            self._first = decode_photo(path, content)
            self._folder, self._paths = path.parent, [path]

    @property
    def mode(self) -> str:
        return f"photos{self.orientation.words}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.skipped:
            log.info(f"{len(self.skipped)} of {len(self._paths)} photos were skipped")

    def __iter__(self) -> Iterator[Frame]:
        from .image_io import PhotoError, decode_photo

        for index, path in enumerate(self._paths):
            try:
                photo, self._first = self._first or decode_photo(path), None
            except PhotoError as error:
                self.skipped.append(str(error))
                log.info(f"skipped: {error}")
                continue
            name = file_name(path.relative_to(self._folder))
            taken = photo.taken or datetime.now(UTC)
            bgr, full_size = self.orientation.apply(photo.bgr), photo.full_size
            if full_size:
                full_size = full_size.turned(self.orientation.turn)
            frame = Frame(bgr, index, taken, time.monotonic(), name, photo.scale, full_size)
            del photo, bgr  # or the picture would stay in memory while the next one is decoded
            yield frame
            del frame
        if len(self.skipped) == len(self._paths):
            raise SourceError(
                f"no photo of {self.name} can be read", "other photos, or copy these again"
            )


def _photos_in(folder: Path, recursive: bool) -> list[Path]:
    try:
        paths = photos_in(folder, recursive)
    except OSError as error:
        raise SourceError(
            f"cannot read the folder {folder}: {os_reason(error)}",
            f"ls -ld {shlex.quote(str(folder))}",
        ) from error
    if not paths:
        inner = None if recursive else _subfolder_with_photos(folder)
        others = f", such as {shlex.quote(str(inner))}" if inner else ""
        where = named_folder(folder)
        raise SourceError(f"no photos in {where}", f"a folder of JPEG or PNG files{others}")
    return paths


def _subfolder_with_photos(folder: Path) -> Path | None:
    with contextlib.suppress(OSError):
        for inner in sorted(folder.iterdir()):
            if inner.is_dir() and photos_in(inner, recursive=False):
                return inner
    return None
