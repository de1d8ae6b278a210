"""A JPEG decoded into an array has the pixels that Pillow has."""

import io

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from device.camera.own_memory import OwnMemoryJpeg


def jpeg(mode, **options):
    noise = np.random.default_rng(2).integers(0, 256, (75, 101, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("reduced_by", [1, 2, 8])
def test_colours_are_pillows_at_any_scale(options, reduced_by):
    content = jpeg("RGB", **options)
    images = [kind(io.BytesIO(content), "") for kind in (JpegImageFile, OwnMemoryJpeg)]
    for image in images:
        if reduced_by > 1:
            image.draft(None, (101 // reduced_by, 75 // reduced_by))
        image.load()
    plain, own = images
    np.testing.assert_array_equal(own.take_bgr()[:, :, ::-1], np.asarray(plain))
    assert own.take_bgr() is None  # once


@pytest.mark.parametrize("progressive", [False, True])
def test_a_large_picture_is_converted_in_bands(progressive):
    picture = Image.fromarray(np.random.default_rng(2).integers(0, 256, (90, 160, 3), np.uint8))
    file = io.BytesIO()
    picture.resize((2400, 1350)).save(file, "JPEG", progressive=progressive)
    images = [kind(io.BytesIO(file.getvalue()), "") for kind in (JpegImageFile, OwnMemoryJpeg)]
    plain, own = images
    own.load()
    np.testing.assert_array_equal(own.take_bgr()[:, :, ::-1], np.asarray(plain))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_modes_are_left_to_pillow(mode):
    content = jpeg(mode)
    own = OwnMemoryJpeg(io.BytesIO(content), "")
    own.load()
    assert own.take_bgr() is None
    np.testing.assert_array_equal(np.asarray(own), np.asarray(JpegImageFile(io.BytesIO(content))))


def test_half_a_file_is_pillows_error():
    content = jpeg("RGB")
    with pytest.raises(OSError, match="truncated"):
        OwnMemoryJpeg(io.BytesIO(content[: len(content) // 2]), "").load()
