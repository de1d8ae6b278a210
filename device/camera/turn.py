"""Quarter turns and mirror images of pictures, and where their regions come from."""

from dataclasses import dataclass

import cv2

from ..quarter_turns import quarter_turned
from ..types import Image, Region


@dataclass(frozen=True)
class Turn:
    """A mirror image, left to right, if `mirrored`; then `quarters` turns against the clock."""

    mirrored: bool = False
    quarters: int = 0

    def apply(self, bgr: Image) -> Image:
        """Return the picture turned, contiguous; the same array where there is nothing to do."""
        return quarter_turned(cv2.flip(bgr, 1) if self.mirrored else bgr, self.quarters)

    def then(self, other: "Turn") -> "Turn":
        """Return the turn that does this one and then the other."""
        quarters = -self.quarters if other.mirrored else self.quarters
        return Turn(self.mirrored != other.mirrored, (quarters + other.quarters) % 4)

    def back(self) -> "Turn":
        """Return the turn that undoes this one."""
        return Turn(self.mirrored, self.quarters if self.mirrored else -self.quarters % 4)

    def size(self, size_wh: tuple[int, int]) -> tuple[int, int]:
        """Return the size of a picture of `size_wh` px when it is turned."""
        return size_wh[::-1] if self.quarters % 2 else size_wh

    def region(self, region: Region, size_wh: tuple[int, int]) -> Region:
        """Return where a region of a picture of `size_wh` px lies when the picture is turned."""
        (left, top, right, bottom), (width, height) = region, size_wh
        if self.mirrored:
            left, right = width - right, width - left
        for _ in range(self.quarters % 4):
            left, top, right, bottom = top, width - right, bottom, width - left
            width, height = height, width
        return left, top, right, bottom
