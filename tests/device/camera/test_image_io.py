import io
import subprocess
import sys
import threading
import warnings
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from device.camera import image_io
from device.camera.image_io import PhotoError, decode_photo, read_photo
from device.camera.photo_files import is_photo


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


def test_pillows_own_limit_neither_warns_nor_refuses(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 90)
    for side in (10, 20):
        photo = read_photo(save(tmp_path / "large.png", Image.new("RGB", (side, side))))
        assert photo.shape == (side, side, 3)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif", "a.gif", "a.bmp", "a.avif"])
@pytest.mark.parametrize("budget", [30_000, 3000])
def test_a_photo_beyond_the_budget_is_decoded_smaller_or_refused_before(
    tmp_path, monkeypatch, name, budget
):
    monkeypatch.setattr(image_io, "BUDGET", budget)
    path = save(tmp_path / name, Image.new("RGB", (100, 80), "teal"))
    monkeypatch.setattr(Image.Image, "crop", small_only(Image.Image.crop, budget))
    try:
        photo = decode_photo(path)
    except PhotoError as error:
        assert "decoding 100x80 px takes more than" in str(error) and name != "a.jpg"
        return
    height, width = photo.bgr.shape[:2]
    assert width * height * 3 < budget and abs(width * photo.scale - 100) < photo.scale
    assert abs(int(photo.bgr[height // 2, width // 2, 0]) - 128) < 12


def small_only(crop, budget):
    """Pillow's crop, which fails where the decoded image is larger than the budget."""

    def checked(image, box):
        assert image.width * image.height * len(image.getbands()) <= budget
        return crop(image, box)

    return checked


def test_jpegs_that_libjpeg_keeps_whole_cost_more(tmp_path, monkeypatch):
    monkeypatch.setattr(image_io, "BUDGET", 200_000)
    image = Image.effect_noise((160, 160), 60).convert("RGB")
    plain = decode_photo(save(tmp_path / "a.jpg", image))
    progressive = decode_photo(save(tmp_path / "b.jpg", image, progressive=True))
    assert (plain.scale, progressive.scale) == (1, 2)
    with pytest.raises(PhotoError, match=r"smaller or not progressive"):
        monkeypatch.setattr(image_io, "BUDGET", 60_000)
        read_photo(tmp_path / "b.jpg")


@pytest.mark.parametrize("kind", ["EPS", "PSD", "ICO", "PCX", "TGA", "JPEG2000", "SGI", "DDS"])
def test_other_formats_are_not_opened_whatever_their_name(tmp_path, kind, monkeypatch):
    Image.init()  # every plug-in of Pillow is there, and would be tried by Image.open
    path = tmp_path / "a.jpg"
    if kind == "PSD":
        path.write_bytes(b"8BPS\0\1" + b"\0" * 40)
    else:
        Image.new("RGB", (32, 32)).save(path, kind)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("runs a program"))
    with pytest.raises(PhotoError, match=r"a\.jpg: it.* not JPEG, PNG"):
        read_photo(path)


@pytest.mark.parametrize(
    "kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM", "MPO"]
)
@pytest.mark.parametrize("name", ["a", "a.jpg.1", "a.txt", "a.mp4"])
def test_the_content_decides_not_the_name(tmp_path, kind, name):
    Image.new("RGB", (32, 24), "teal").save(tmp_path / name, kind)
    assert is_photo(tmp_path / name) and read_photo(tmp_path / name).shape == (24, 32, 3)


def test_heif_is_named_with_the_package_that_reads_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 40)
    with pytest.raises(PhotoError, match=r"pillow-heif. Try: pip install .*heif"):
        read_photo(tmp_path / "a.heic")


@pytest.mark.parametrize(
    "values, expected",
    [
        (np.array([[0, 128, 255]], np.uint16), [0, 128, 255]),
        (np.array([[0, 2048, 4095]], np.uint16), [0, 128, 255]),  # 12 bits in 16
        (np.array([[0, 32768, 65535]], np.int32), [0, 128, 255]),
        (np.array([[-5.0, 0.0, 5.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 127.6, 255.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 400.0, 800.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, np.nan, 0.5]], np.float32), [0, 0, 128]),
        (np.array([[3.0, 3.0, 3.0]], np.float32), [0, 0, 0]),
        (np.array([[9000, 9500, 10000]], np.uint16), [0, 128, 255]),
    ],
)
def test_more_than_8_bits_are_scaled_by_the_files_own_range(tmp_path, values, expected):
    path = save(tmp_path / "a.tif", Image.fromarray(values))
    assert read_photo(path)[0, :, 0].tolist() == expected


@pytest.mark.parametrize("missing", [-1e30, -9999.0, 3.4e38])
def test_a_few_pixels_without_data_leave_the_range_of_floats(tmp_path, missing):
    values = np.tile(np.linspace(0, 1, 100, dtype=np.float32), (100, 1))
    values[50, 50] = missing
    picture = read_photo(save(tmp_path / "a.tif", Image.fromarray(values)))[:, :, 0]
    assert picture[0, [0, 99]].tolist() == [0, 255] and 120 < picture[:, 49].mean() < 136


@pytest.mark.parametrize("orientation", range(10))
def test_every_orientation_is_shown_as_pillow_shows_it(tmp_path, orientation):
    image = Image.fromarray(np.arange(45, dtype=np.uint8).reshape(3, 5, 3))
    exif = image.getexif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", image, exif=exif)
    with Image.open(path) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened))[:, :, ::-1]
    assert (read_photo(path) == expected).all()


@pytest.mark.parametrize(
    "dpi, shape",
    [((72, 72), (30, 40)), ((72, 144), (30, 80)), ((144, 72), (60, 40)), ((9, 900), (30, 40))],
)
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_pixels_that_are_not_square_become_so(tmp_path, monkeypatch, name, dpi, shape):
    path = save(tmp_path / name, Image.new("RGB", (40, 30)), dpi=dpi)
    assert read_photo(path).shape[:2] == shape
    monkeypatch.setattr(image_io, "ENLARGED_PX", 0)
    height, width = read_photo(path).shape[:2]
    assert height <= 30 and width <= 40 and width / height == shape[1] / shape[0]


@pytest.mark.parametrize(
    "tags, taken",
    [
        ({0x9003: "2024:05:06 07:08:09", 0x9011: "+02:00"}, "2024-05-06T05:08:09+00:00"),
        (
            {0x9003: "2024:05:06 07:08:09", 0x9011: "-03:30", 0x9291: "25"},
            "2024-05-06T10:38:09.250000+00:00",
        ),
        ({0x9003: "0000:00:00 00:00:00", 0x9011: "+02:00"}, None),
        ({0x9003: "yesterday"}, None),
        ({0x9003: "2024:05:06 07:08:09", 0x9011: "nowhere"}, None),
        ({}, None),
    ],
)
def test_the_time_is_when_the_photo_was_taken(tmp_path, tags, taken):
    image = Image.new("RGB", (8, 8))
    exif = image.getexif()
    exif.get_ifd(0x8769).update(tags)
    photo = decode_photo(save(tmp_path / "a.jpg", image, exif=exif))
    assert (photo.taken and photo.taken.isoformat()) == taken


def test_a_time_without_offset_is_this_computers(tmp_path):
    image = Image.new("RGB", (8, 8))
    exif = image.getexif()
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    taken = decode_photo(save(tmp_path / "a.jpg", image, exif=exif)).taken
    assert taken == datetime(2024, 5, 6, 7, 8, 9).astimezone(UTC)


COLOURS = np.array([[(0, 20, 40), (60, 80, 100), (120, 140, 160), (200, 220, 255)]], np.uint8)


DEEP = {
    "16 bits": COLOURS.astype(np.uint16) * 257,
    "12 bits": COLOURS.astype(np.uint16) * 16,
    "10 bits": COLOURS.astype(np.uint16) * 4,
    "float": (COLOURS / 255).astype(np.float32),
    "float to 255": COLOURS.astype(np.float32),
    "double": COLOURS / 255,
}


@pytest.mark.parametrize(
    "name, ending",
    [(name, "tif") for name in DEEP] + [(name, "png") for name in DEEP if "bits" in name],
)
@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
def test_colours_of_more_than_8_bits_are_scaled_like_grey(tmp_path, name, ending, alpha):
    values = DEEP[name]
    if alpha:
        values = np.dstack([values, np.zeros_like(values[:, :, 0])])
        values[0, 1:, 3] = 1 if values.dtype.kind == "f" else 65535
    assert cv2.imwrite(str(tmp_path / f"a.{ending}"), values)
    expected = COLOURS.astype(int)
    if alpha:
        expected[0, 0] = 0
    assert np.abs(read_photo(tmp_path / f"a.{ending}") - expected).max() <= 1


def test_a_deep_tiff_that_is_cut_or_too_large_is_an_error(tmp_path, monkeypatch):
    cv2.imwrite(str(tmp_path / "a.tif"), np.ones((40, 40, 3), np.float32))
    monkeypatch.setattr(image_io, "BUDGET", 30_000)
    with pytest.raises(PhotoError, match="decoding 40x40 px takes more than"):
        read_photo(tmp_path / "a.tif")
    content = (tmp_path / "a.tif").read_bytes()
    for length in range(0, len(content), 97):
        (tmp_path / "b.tif").write_bytes(content[:length])
        with pytest.raises(PhotoError):
            read_photo(tmp_path / "b.tif")
