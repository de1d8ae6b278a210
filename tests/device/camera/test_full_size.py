"""Parts of a large JPEG at full size are the same pixels as the whole photo's."""

import io
from functools import partial

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from device.camera import image_io
from device.camera.full_size import FullSizeJpeg
from device.camera.image_io import PhotoError, decode_photo
from device.camera.orientation import Orientation
from device.camera.turn import Turn
from device.errors import Stopped

WIDTH, HEIGHT = 301, 210
TURNS = [Turn(mirrored, quarters) for mirrored in (False, True) for quarters in range(4)]


def jpeg(mode="RGB", **options) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT // 10, WIDTH // 10, 3), np.uint8)
    buffer = io.BytesIO()
    smooth = Image.fromarray(cv2.resize(noise, (WIDTH, HEIGHT)))
    smooth.convert(mode).save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


CONTENT = jpeg()


def photo_of(content: bytes, turn: Turn = TURNS[0]) -> FullSizeJpeg:
    return FullSizeJpeg(partial(io.BytesIO, content), (WIDTH, HEIGHT), 4, turn)


def whole(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))[:, :, ::-1]


@pytest.mark.parametrize("first", TURNS, ids=str)
def test_turns_follow_each_other_and_are_undone(first):
    picture = np.arange(30).reshape(2, 5, 3)
    for second in TURNS:
        both = second.apply(first.apply(picture))
        assert np.array_equal(first.then(second).apply(picture), both)
    assert np.array_equal(first.back().apply(first.apply(picture)), picture)
    left, top, right, bottom = first.region((1, 0, 4, 1), (5, 2))
    expected = first.apply(picture[0:1, 1:4])
    assert np.array_equal(first.apply(picture)[top:bottom, left:right], expected)
    assert first.size((5, 2)) == first.apply(picture).shape[1::-1]


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", ["", "horizontal", "vertical"])
def test_a_cameras_orientation_is_a_turn(rotate, flip):
    picture = np.arange(30, dtype=np.uint8).reshape(2, 5, 3)
    orientation = Orientation(rotate, flip)
    assert np.array_equal(orientation.turn.apply(picture), orientation.apply(picture))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(TURNS),
    st.lists(
        st.tuples(
            st.integers(0, 200), st.integers(0, 200), st.integers(1, 300), st.integers(1, 300)
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([1, 2, 4, 8]),
)
def test_close_ups_are_the_whole_photos_pixels(turn, places, factor):
    photo, shown = photo_of(CONTENT, turn), turn.apply(whole(CONTENT))
    width, height = photo.size_wh
    regions = [(x, y, min(x + w, width), min(y + h, height)) for x, y, w, h in places]
    found = dict(photo.close_ups(regions, [factor] * len(regions)))
    assert sorted(found) == list(range(len(regions)))
    for close_up in found.values():
        left, top = close_up.left_top
        high, wide = (factor * side for side in close_up.bgr.shape[:2])
        part = shown[top : top + high, left : left + wide].astype(float)
        means = part.reshape(high // factor, factor, wide // factor, factor, 3).mean((1, 3))
        assert np.abs(close_up.bgr - means).max() <= 1


@pytest.mark.parametrize(
    "content",
    [jpeg("L"), jpeg(subsampling=0), jpeg(restart_marker_rows=1)],
    ids=["grey", "444", "dri"],
)
def test_kinds_of_jpeg(content):
    ((_, close_up),) = photo_of(content).close_ups([(8, 8, 104, 96)], [1])
    assert np.array_equal(close_up.bgr, whole(content)[8:96, 8:104])


@pytest.mark.parametrize("content", [CONTENT[: len(CONTENT) // 2], b"", b"\xff\xd8\xff no"])
def test_a_file_that_has_changed_meanwhile_is_an_error(content):
    with pytest.raises((OSError, SyntaxError)):
        list(photo_of(content).close_ups([(0, 0, WIDTH, HEIGHT)], [1]))
    other = FullSizeJpeg(partial(io.BytesIO, CONTENT), (WIDTH + 8, HEIGHT), 4, TURNS[0])
    with pytest.raises(OSError, match="it has changed"):
        list(other.close_ups([(0, 0, 9, 9)], [1]))


def test_a_stop_ends_the_reading():
    with pytest.raises(Stopped):
        list(photo_of(CONTENT).close_ups([(0, 0, 9, 9)], [1], lambda: True))


@pytest.mark.parametrize(
    "content, in_parts",
    [(CONTENT, True), (jpeg("L"), True), (jpeg(progressive=True), False), (jpeg("CMYK"), False)],
    ids=["plain", "grey", "progressive", "cmyk"],
)
def test_only_reduced_jpegs_of_one_scan_are_read_in_parts(monkeypatch, content, in_parts):
    assert decode_photo("a.jpg", content).full_size is None
    monkeypatch.setattr(image_io, "BUDGET", 340_000)
    photo = decode_photo("a.jpg", content)
    assert photo.scale > 1 and (photo.full_size is not None) == in_parts
    monkeypatch.setattr(image_io, "BUDGET", 1000)
    with pytest.raises(PhotoError, match="takes more than"):
        decode_photo("a.jpg", content)
