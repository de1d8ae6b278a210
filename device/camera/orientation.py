"""Turn and mirror a camera's pictures, as [camera] rotate and flip say, where frames enter."""

from dataclasses import dataclass

import cv2

from ..settings import CameraSettings
from ..types import Image
from .turn import Turn

TURNS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
UPRIGHT = Turn()
FLIPS = {"horizontal": 1, "vertical": 0}


@dataclass(frozen=True)
class Orientation:
    """A turn by `rotate` degrees clockwise, then a mirror image: "", horizontal or vertical."""

    rotate: int = 0
    flip: str = ""

    def apply(self, bgr: Image) -> Image:
        """Return the picture turned; the same array where there is nothing to do."""
        if self.rotate:
            bgr = cv2.rotate(bgr, TURNS[self.rotate])
        return cv2.flip(bgr, FLIPS[self.flip]) if self.flip else bgr

    @property
    def turn(self) -> Turn:
        """The same as a turn of a photo."""
        flip = {"": UPRIGHT, "horizontal": Turn(True, 0), "vertical": Turn(True, 2)}[self.flip]
        return Turn(False, -self.rotate // 90 % 4).then(flip)

    @property
    def words(self) -> str:
        """What is done, to follow a camera's mode; "" if nothing is."""
        turn = f", turned by {self.rotate} degrees" if self.rotate else ""
        return turn + (", mirrored" if self.flip else "")


UNTURNED = Orientation()


class Oriented:
    """A source whose frames are turned; `orient` is called before it is iterated."""

    orientation = UNTURNED

    def orient(self, settings: CameraSettings) -> None:
        """Turn all frames as the settings say."""
        self.orientation = Orientation(settings.rotate, settings.flip)
