"""Read a photo, or a folder of photos in the order of their names."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ..errors import SourceError
from ..log import log
from ..types import Frame
from .image_io import PHOTO_ENDINGS, PhotoError, read_photo


class Photos:
    """One photo or a folder's photos in order of name; those that cannot be read are skipped."""

    live, stills, fps, mode = False, True, 1.0, "photos"

    def __init__(self, path: Path):
        self.name = path.name
        self.skipped: list[str] = []  # one line each, naming the file
        if path.is_dir():
            endings = PHOTO_ENDINGS
            self._paths = sorted(
                p for p in path.iterdir() if p.suffix.lower() in endings and not p.is_dir()
            )
            if not self._paths:
                raise SourceError(f"no photo in {path}", f"Known are {', '.join(sorted(endings))}")
        else:
            read_photo(path)  # an unreadable single photo is an error, not a skip
            self._paths = [path]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.skipped:
            total = len(self._paths)
            log.info(f"{len(self.skipped)} of {total} photos were skipped")

    def __iter__(self) -> Iterator[Frame]:
        for index, path in enumerate(self._paths):
            try:
                bgr = read_photo(path)
            except PhotoError as error:
                self.skipped.append(str(error))
                log.info(f"skipped: {error}")
                continue
            yield Frame(bgr, index, datetime.now(UTC), time.monotonic(), path.name)
        if len(self.skipped) == len(self._paths):
            raise SourceError(f"none of the {len(self._paths)} photos can be read")
