"""A camera's pictures: their size is read before they are decoded."""

import contextlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.camera.jpeg import Broken, TooLarge, decode, header


def picture(height, width, ending=".jpg", *parameters):
    _, data = cv2.imencode(ending, np.full((height, width, 3), 90, np.uint8), parameters)
    return data.tobytes()


@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_the_size_of_the_header_is_that_of_the_picture(ending):
    data = picture(30, 50, ending)
    assert header(data)[:2] == (50, 30) and decode(data, 1e6).shape == (30, 50, 3)
    with pytest.raises(TooLarge, match="50x30"):
        decode(data, 1499)


@pytest.mark.parametrize(
    ("height", "width", "shape"),
    [(3000, 4000, (3000, 4000)), (4000, 5000, (2000, 2500)), (8000, 8000, (2000, 2000))],
)
def test_a_large_jpeg_is_decoded_at_reduced_size(height, width, shape):
    assert decode(picture(height, width), 100e6).shape == (*shape, 3)


def test_a_progressive_jpeg_of_much_memory_is_refused():
    data = picture(5000, 5000, ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    assert header(data)[2] == 2 * 25_000_000 * 3
    with pytest.raises(TooLarge):
        decode(data, 100e6)
    assert decode(picture(99, 99, ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1), 1e6).shape[:2] == (
        99,
        99,
    )


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"\0" * 40]
)
def test_what_is_no_picture(data):
    with pytest.raises(Broken):
        decode(data, 1e6)


def test_a_jpeg_that_is_cut_short_is_no_picture():
    data = picture(200, 200)
    with pytest.raises(Broken, match="no whole JPEG"):
        decode(data[: len(data) // 2], 1e6)


GOOD = picture(48, 64)


@given(st.data())
def test_changed_bytes_are_a_picture_or_broken(data):
    changed = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Broken, TooLarge):
        assert decode(bytes(changed), 1e6).size <= 3e6
