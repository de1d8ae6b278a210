"""Pictures of several cameras in one: where the cells are, and what is drawn into them."""

import numpy as np
import pytest

from device.outputs.grid import Grid, draw_cell, draw_empty, shortened
from device.outputs.overlay import Text
from tests.device.outputs.made_up import face, result


class Painter:
    """Notes what it is to draw."""

    def __init__(self):
        self.calls = []

    def __call__(self, picture, faces, status):
        self.calls.append((picture.shape, [face.box for face in faces], status))


@pytest.mark.parametrize(
    "count, columns, cell_wh, shape",
    [
        (1, 1, (640, 480), (480, 640, 3)),
        (2, 2, (640, 480), (480, 1280, 3)),
        (3, 2, (640, 480), (960, 1280, 3)),
        (4, 2, (640, 480), (960, 1280, 3)),
        (5, 3, (426, 319), (638, 1278, 3)),
        (9, 3, (426, 319), (957, 1278, 3)),
        (10, 4, (320, 240), (720, 1280, 3)),
    ],
)
def test_the_grid_has_a_cell_for_each_camera(count, columns, cell_wh, shape):
    grid = Grid.of(count)
    assert (grid.columns, grid.cell_wh, grid.shape) == (columns, cell_wh, shape)


@pytest.mark.parametrize("count", range(1, 17))
def test_the_cells_are_inside_the_picture_and_share_no_pixel(count):
    grid = Grid.of(count)
    picture = np.zeros(grid.shape, np.uint8)
    for number in range(count):
        cell = grid.cell(picture, number)
        assert cell.shape == (grid.cell_wh[1], grid.cell_wh[0], 3)
        cell += 1
    assert picture.max() == 1


def test_a_picture_fills_its_cell_as_far_as_its_proportions_allow():
    """160x120 is enlarged 4 times; 100x200 in 640x480 is 240 wide, 200 from the left."""
    cell, paint = np.full((480, 640, 3), 7, np.uint8), Painter()
    draw_cell(cell, result(face(box=(10.0, 20.0, 30.0, 40.0))), "usb:0  25 frames/s", paint)
    assert (cell == 90).all()
    assert paint.calls == [((480, 640, 3), [(40.0, 80.0, 120.0, 160.0)], "usb:0  25 frames/s")]
    tall = result(face(box=(10.0, 20.0, 30.0, 40.0)), shape=(200, 100, 3))
    draw_cell(cell, tall, "", paint)
    assert (cell[:, 200:440] == 90).all()
    assert not cell[:, :200].any() and not cell[:, 440:].any()
    assert paint.calls[1][1] == [(224.0, 48.0, 72.0, 96.0)]


def test_a_large_picture_is_reduced():
    cell, paint = np.zeros((240, 320, 3), np.uint8), Painter()
    draw_cell(cell, result(face(box=(600.0, 400.0, 80.0, 40.0)), shape=(960, 1280, 3)), "", paint)
    assert (cell == 90).all() and paint.calls[0][1] == [(150.0, 100.0, 20.0, 10.0)]


def test_a_camera_without_a_picture_has_a_grey_cell():
    cell, paint = np.zeros((240, 320, 3), np.uint8), Painter()
    draw_empty(cell, "usb:1  no picture yet", paint)
    assert (cell == 40).all() and paint.calls[0][1:] == ([], "usb:1  no picture yet")


def test_a_long_name_is_cut_and_what_follows_is_not():
    status = f"rtsp://{'a' * 200}  25 frames/s  2 faces"
    cut, text = shortened(status, 640, 480), Text.fitting(480)
    assert cut.startswith("rtsp://aaa") and cut.endswith("a..  25 frames/s  2 faces")
    assert 600 < text.width(cut) <= 640
    assert shortened("usb:0  25 frames/s", 640, 480) == "usb:0  25 frames/s"
    assert shortened("usb:0  25 frames/s", 20, 480) == "25 frames/s"
