"""Regions of a picture that reach beyond it."""

import numpy as np

from device.faces.regions import bordered, cut_out, square_around, without_cut
from device.types import Detection

WHITE = np.full((60, 80, 3), 255, np.uint8)


def face(*box):
    return Detection(box, 0.9, np.zeros((4, 2)))


def test_a_border_is_a_share_of_the_longer_side():
    assert bordered((90, 60)) == (-30, -30, 120, 90)
    assert bordered((90, 60), 0.5) == (-45, -45, 135, 105)


def test_a_square_around_a_face_may_leave_the_picture():
    assert square_around(face(10, 20, 20, 20), 60) == (-10, 0, 50, 60)
    assert square_around(face(10, 20, 0, 0), 0) == (10, 20, 11, 21)


def test_what_is_cut_out_is_black_beside_the_picture():
    part = cut_out(WHITE, (-10, -5, 90, 65))
    assert part.shape == (70, 100, 3)
    assert part[5:65, 10:90].min() == 255 and part.sum() == 255 * 3 * 60 * 80
    assert (cut_out(WHITE, (10, 10, 30, 30)) == 255).all()
    assert cut_out(WHITE, (-50, 0, 5, 60)) is None  # 5 px of it


def test_faces_that_an_edge_cuts_are_left_out():
    whole, cut = face(20, 20, 10, 10), face(30, 20, 10, 10)
    assert without_cut([whole, cut], (0, 0, 40, 60), (80, 60)) == [whole]
    assert without_cut([whole, cut], None, (80, 60)) == [whole, cut]
    assert without_cut([cut], bordered((40, 60)), (40, 60)) == [cut]  # the picture's own edge
