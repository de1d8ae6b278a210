"""Read parts of a large JPEG at its full size, while only a few of its rows are in memory.

Pillow decodes into a picture whose memory this module provides, from a few KB of the file at a
time, and the rows that are no longer needed are given back in between. Only for JPEGs of one scan:
of a progressive one libjpeg gives no row before it has kept all coefficients, 3 bytes per px and
more.
"""

import io
import mmap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any

import cv2
import numpy as np
from PIL import Image, JpegImagePlugin

from ..errors import Stopped
from ..types import CloseUp, Region
from ..types import Image as BgrImage
from .turn import Turn

BLOCK = 1 << 14  # bytes; at the highest compression they hold 11 megapixels
ALIGNED = 8  # rows are passed on in multiples of that, for factors up to 8
NO_RESERVE = 0x4000  # Linux's MAP_NORESERVE, which Python names from 3.13 on
RGBX = 4  # bytes per px of Pillow's memory; X is 255 where a pixel is decoded


@dataclass(frozen=True)
class FullSizeJpeg:
    """A JPEG photo that was decoded at reduced size, to be read at full size in parts."""

    open_file: Callable[[], IO[bytes]]
    stored_wh: tuple[int, int]  # px
    scale: int  # px of the file per px of the reduced picture
    turn: Turn  # from the stored to the shown picture

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.turn.size(self.stored_wh)

    def turned(self, turn: Turn) -> "FullSizeJpeg":
        """Return the same photo with its shown picture turned further."""
        return replace(self, turn=self.turn.then(turn))

    def close_ups(
        self,
        regions: Sequence[Region],
        factors: Sequence[int],
        stopping: Callable[[], bool] = lambda: False,
    ) -> Iterator[tuple[int, CloseUp]]:
        """Yield (number of the region, its close-up), from the stored picture's top to its bottom.

        regions: of the shown picture at full size, px. factors: 1, 2, 4 or 8 px of the file for a
        px of the close-up. Raises Stopped where `stopping` is true, and OSError and others for a
        file that has changed meanwhile.
        """
        back = self.turn.back()
        places = [
            _aligned(back.region(region, self.size_wh), factor, self.stored_wh)
            for region, factor in zip(regions, factors, strict=True)
        ]
        with self.open_file() as file:
            for number, part in _parts(_strips(file, self.stored_wh, stopping), places, factors):
                left, top, _, _ = self.turn.region(places[number], self.stored_wh)
                bgr = self.turn.apply(part)
                yield number, CloseUp(bgr, (left, top), factors[number], self.scale)


def _aligned(region: Region, factor: int, size_wh: tuple[int, int]) -> Region:
    """Return a region with sides that `factor` divides, in the picture without its last px."""
    width, height = (side // factor * factor for side in size_wh)
    left, top = (max(0, side // factor * factor) for side in region[:2])
    right = min(width, -(-region[2] // factor) * factor)
    bottom = min(height, -(-region[3] // factor) * factor)
    left, top = min(left, width - factor), min(top, height - factor)
    return left, top, max(right, left + factor), max(bottom, top + factor)


def _parts(
    strips: Iterator[tuple[int, BgrImage]], places: Sequence[Region], factors: Sequence[int]
) -> Iterator[tuple[int, BgrImage]]:
    """Yield each place's picture, uint8 BGR, reduced by its factor, when its rows are read."""
    waiting = sorted(range(len(places)), key=lambda number: places[number][1])
    parts: dict[int, BgrImage] = {}
    for first, strip in strips:
        end = first + len(strip)
        while waiting and places[waiting[0]][1] < end:
            number, factor = waiting[0], factors[waiting.pop(0)]
            left, top, right, bottom = places[number]
            shape = ((bottom - top) // factor, (right - left) // factor, 3)
            parts[number] = np.empty(shape, np.uint8)
        for number in list(parts):
            left, top, right, bottom = places[number]
            start, stop, factor = max(top, first), min(bottom, end), factors[number]
            rows = strip[start - first : stop - first, left:right]
            small_wh = ((right - left) // factor, (stop - start) // factor)
            small = cv2.resize(rows, small_wh, interpolation=cv2.INTER_AREA)
            at = (start - top) // factor
            parts[number][at : at + small_wh[1]] = small[:, :, 2::-1]
            if stop == bottom:
                yield number, parts.pop(number)
        if not (parts or waiting):
            return


def _strips(
    file: IO[bytes], size_wh: tuple[int, int], stopping: Callable[[], bool]
) -> Iterator[tuple[int, BgrImage]]:
    """Yield (first row, rows) from top to bottom, uint8 (n, W, 4) RGBX, valid until the next."""
    width, height = size_wh
    memory = mmap.mmap(
        -1, RGBX * width * height, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NO_RESERVE
    )
    rows = np.frombuffer(memory, np.uint8).reshape(height, width, RGBX)
    decoder = _decoder(file, size_wh, rows)
    done = freed = passed = used = 0
    rest = b""
    while passed < height and used >= 0:
        if stopping():
            raise Stopped("stopped while a photo was read")
        block = file.read(BLOCK)
        rest += block
        used, _ = decoder.decode(rest)
        rest = rest[max(used, 0) :]
        while done < height and rows[done, width - 1, 3]:
            done += 1
        whole = height if done == height else done // ALIGNED * ALIGNED
        if whole > passed:
            yield passed, rows[passed:whole]
            passed = whole
            end = RGBX * width * passed // mmap.PAGESIZE * mmap.PAGESIZE
            if end > freed:
                memory.madvise(mmap.MADV_DONTNEED, freed, end - freed)
                freed = end
        elif not block:
            break
    if passed < height:
        raise OSError("it is truncated or damaged")


def _decoder(file: IO[bytes], size_wh: tuple[int, int], rows: BgrImage) -> Any:
    """Return Pillow's decoder of a JPEG, which writes into `rows`; the file is at its start."""
    image = JpegImagePlugin.JpegImageFile(file, "")
    if image.size != size_wh:
        raise OSError("it has changed")
    file.seek(0, io.SEEK_SET)
    # A grey JPEG is converted by libjpeg; so the last byte of a pixel is 255 in any.
    decoder = Image._getdecoder("RGB", "jpeg", ("RGB", ""), ())
    into = Image.frombuffer("RGBX", size_wh, rows, "raw", "RGBX", 0, 1)
    decoder.setimage(into.im, (0, 0, *size_wh))
    return decoder
