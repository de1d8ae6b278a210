"""The people in the pictures of the probes: the portraits that come with Facet."""

from device.camera.demo import ADMIRAL, ASTRONAUT, portrait

from .room import Cutout, cut_out


def people(number: int) -> list[Cutout]:
    """Return so many people, in turns one of the two portraits."""
    pair = [
        cut_out(portrait(which), which.face_xy, which.face_px) for which in (ASTRONAUT, ADMIRAL)
    ]
    return [pair[n % 2] for n in range(number)]
