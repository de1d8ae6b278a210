"""Read a photo, or a folder of photos in the order of their names."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from ..errors import SourceError
from ..log import log
from ..types import Frame
from .image_io import PHOTO_ENDINGS, PhotoError, read_photo
from .orientation import Oriented


class Photos(Oriented):
    """One photo, or a folder's photos in the order of their names; unreadable ones are skipped.

    Raises SourceError if the folder has no photos; PhotoError if a single photo cannot be
    read; and from the iteration SourceError if no photo of the folder can.
    """

    fps, mode = 1.0, "photos"

    def __init__(self, path: Path):
        self.name = path.name
        self.skipped: list[str] = []  # one line each, naming the file
        if path.is_dir():
            self._paths = sorted(
                photo
                for photo in path.iterdir()
                if photo.suffix.lower() in PHOTO_ENDINGS and not photo.is_dir()
            )
            if not self._paths:
                known = ", ".join(sorted(PHOTO_ENDINGS))
                raise SourceError(f"no photos in {path}", f"a folder of {known} files")
        else:
            read_photo(path)  # an unreadable single photo is an error, not a skip
            self._paths = [path]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.skipped:
            log.info(f"{len(self.skipped)} of {len(self._paths)} photos were skipped")

    def __iter__(self) -> Iterator[Frame]:
        for index, path in enumerate(self._paths):
            try:
                bgr = read_photo(path)
            except PhotoError as error:
                self.skipped.append(str(error))
                log.info(f"skipped: {error}")
                continue
            bgr = self.orientation.apply(bgr)
            yield Frame(bgr, index, datetime.now(UTC), time.monotonic(), path.name)
        if len(self.skipped) == len(self._paths):
            raise SourceError(
                f"no photo of {self.name} can be read", "other photos, or copy these again"
            )
