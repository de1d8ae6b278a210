import io
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from device.camera.image_io import PhotoError, read_photo


def save(path, image, **options):
    image.save(path, **options)
    return path


def test_the_channels_are_blue_green_red(tmp_path):
    path = save(tmp_path / "red.png", Image.new("RGB", (3, 2), (250, 20, 10)))
    photo = read_photo(path)
    assert photo.shape == (2, 3, 3) and photo.dtype == np.uint8
    assert photo[0, 0].tolist() == [10, 20, 250]


def test_grey_becomes_three_equal_channels(tmp_path):
    assert read_photo(save(tmp_path / "g.png", Image.new("L", (1, 1), 99))).tolist() == [[[99] * 3]]


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path):
    image = Image.fromarray(np.array([[0, 32768, 65535]], np.uint16))
    assert read_photo(save(tmp_path / "g16.png", image))[0, :, 0].tolist() == [0, 128, 255]


def test_transparent_pixels_are_black(tmp_path):
    image = Image.new("RGBA", (2, 1), (200, 100, 50, 255))
    image.putpixel((1, 0), (200, 100, 50, 0))
    photo = read_photo(save(tmp_path / "a.png", image))
    assert photo.tolist() == [[[50, 100, 200], [0, 0, 0]]]


def test_a_palette_and_cmyk_are_read(tmp_path):
    palette = Image.new("RGB", (4, 4), (0, 0, 255)).convert("P")
    assert read_photo(save(tmp_path / "p.png", palette))[0, 0].tolist() == [255, 0, 0]
    assert read_photo(save(tmp_path / "c.jpg", Image.new("CMYK", (8, 8)))).min() > 250


def test_a_photo_turned_by_exif_is_returned_upright(tmp_path):
    image = Image.new("RGB", (40, 20))
    exif = image.getexif()
    exif[0x0112] = 6  # a quarter turn
    assert read_photo(save(tmp_path / "turned.jpg", image, exif=exif)).shape == (40, 20, 3)


def test_a_photo_with_malformed_exif_is_read_as_it_is(tmp_path):
    image = Image.new("RGB", (40, 20), "white")
    # An orientation (0x0112) stored as a rational whose bytes lie past the end of the block.
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x05\0\x01\0\0\0\xff\xff\0\0\0\0\0\0"
    photo = read_photo(save(tmp_path / "odd.jpg", image, exif=exif))
    assert photo.shape == (20, 40, 3) and photo.min() > 250


def test_a_truncated_photo_is_an_error_that_names_it(tmp_path):
    path = save(tmp_path / "half.jpg", Image.effect_noise((200, 200), 80).convert("RGB"))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(PhotoError, match=r"half.jpg.*truncated"):
        read_photo(path)


def test_a_missing_photo_is_named(tmp_path):
    with pytest.raises(PhotoError, match=r"no.jpg: no such file"):
        read_photo(tmp_path / "no.jpg")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400), st.sampled_from(["JPEG", "PNG", "GIF"]))
def test_broken_bytes_are_a_photo_or_a_photo_error(tmp_path_factory, noise, place, kind):
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20), "teal").save(buffer, kind)
    content = bytearray(buffer.getvalue())
    content[place : place + len(noise)] = noise
    path = tmp_path_factory.getbasetemp() / "noise.jpg"
    path.write_bytes(content)
    try:
        assert read_photo(path).ndim == 3
    except PhotoError as error:
        assert "noise.jpg" in str(error)


def test_importing_it_changes_no_warning_filter():
    code = (
        "import warnings, PIL.Image, numpy; before = list(warnings.filters);"
        "import device.camera.image_io; assert warnings.filters == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_threads_that_read_at_once_leave_the_warning_filters_as_they_were(tmp_path):
    path = save(tmp_path / "large.png", Image.new("RGB", (400, 400)))
    before = list(warnings.filters)
    threads = [
        threading.Thread(target=lambda: [read_photo(path) for _ in range(20)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before


def test_a_large_photo_gives_no_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 90)
    assert read_photo(save(tmp_path / "large.png", Image.new("RGB", (10, 10)))).shape == (10, 10, 3)
    with pytest.raises(PhotoError, match="decompression bomb"):
        read_photo(save(tmp_path / "bomb.png", Image.new("RGB", (20, 20))))
