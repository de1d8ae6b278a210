"""The crop: where the landmarks land in it, and that it is the one of the training."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.faces import align
from device.faces.align import (
    FRAME_LANDMARKS,
    FRAME_WH,
    AlignError,
    celeba_matrix,
    crop_template,
    fit_similarity,
    landmark_matrix,
    warp_crop,
)

CROP = (128, 160)


def moved(points, degrees, scale, shift):
    turn = scale * np.exp(1j * np.radians(degrees))
    return points @ np.array([(turn.real, turn.imag), (-turn.imag, turn.real)]) + shift


@given(
    degrees=st.floats(-180, 180),
    scale=st.floats(0.2, 20),
    x=st.floats(-1000, 3000),
    y=st.floats(-1000, 3000),
)
def test_fit_undoes_any_similarity(degrees, scale, x, y):
    template = crop_template(CROP)
    matrix = fit_similarity(moved(template, degrees, scale, (x, y)), template)
    back = moved(template, degrees, scale, (x, y)) @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(back, template, atol=1e-5)


def test_template_is_the_official_frame_scaled_to_the_crops_height():
    # 160 / 218 of the frame; 178 px wide becomes 130.64, so 1.32 px are lost at either side.
    scale = 160 / 218
    expected_x = (69.0 + 0.5) * scale - 1.3211 - 0.5
    expected_y = (113.2 + 0.5) * scale - 0.5
    np.testing.assert_allclose(crop_template(CROP)[0], (expected_x, expected_y), atol=1e-3)


def test_device_and_training_warp_the_same_crop_of_an_aligned_photo():
    photo = np.random.default_rng(1).integers(0, 256, (218, 178, 3), dtype=np.uint8)
    training = warp_crop(photo, celeba_matrix(FRAME_WH, CROP), CROP)
    device = warp_crop(photo, landmark_matrix(FRAME_LANDMARKS, crop_template(CROP)), CROP)
    assert np.abs(training.astype(int) - device).max() <= 2


def test_smaller_copies_of_a_photo_give_the_same_crop():
    y, x = np.mgrid[0:436, 0:356]
    large = np.stack([x * 0.7, y * 0.55, (x + y) * 0.3], axis=-1)
    half = large.reshape(218, 2, 178, 2, 3).mean(axis=(1, 3))
    crops = [
        warp_crop(p.astype(np.uint8), celeba_matrix((p.shape[1], p.shape[0]), CROP), CROP).astype(
            int
        )
        for p in (large, half)
    ]
    assert np.abs(crops[0] - crops[1])[4:-4, 4:-4].max() <= 2


def test_the_eyes_land_where_the_template_says():
    photo = np.zeros((900, 900, 3), np.uint8)
    landmarks = moved(crop_template(CROP), 25, 3.0, (300, 200))
    for point, colour in zip(landmarks[:2], ((0, 0, 255), (0, 255, 0)), strict=True):
        x, y = point.round().astype(int)
        photo[y - 6 : y + 7, x - 6 : x + 7] = colour
    crop = warp_crop(photo, landmark_matrix(landmarks, crop_template(CROP)), CROP)
    left, right = crop_template(CROP)[:2].round().astype(int)
    assert crop[left[1], left[0], 2] > 200 > 50 > crop[left[1], left[0], 1]
    assert crop[right[1], right[0], 1] > 200 > 50 > crop[right[1], right[0], 2]


def test_a_large_face_is_averaged_not_sampled():
    # One-pixel stripes: sampling would give black or white, averaging gives mid-grey.
    photo = np.zeros((1600, 1280, 3), np.uint8)
    photo[:, ::2] = 255
    crop = warp_crop(photo, np.array([(0.1, 0, 0), (0, 0.1, 0)]), CROP)
    assert np.abs(crop[20:-20, 20:-20].astype(int) - 127).max() < 20


@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    scale=st.floats(0.02, 8),
    x=st.floats(-200, 200),
    y=st.floats(-200, 200),
)
def test_any_crop_of_any_picture_has_the_crops_shape(width, height, scale, x, y):
    photo = np.full((height, width, 3), 77, np.uint8)
    crop = warp_crop(photo, np.array([(scale, 0, x), (0, scale, y)]), CROP)
    assert crop.shape == (160, 128, 3)
    assert (crop == 77).all()  # edges are repeated, so a plain picture stays plain


def test_a_picture_is_not_changed_by_cropping():
    photo = np.random.default_rng(2).integers(0, 256, (600, 600, 3), dtype=np.uint8)
    before = photo.copy()
    warp_crop(photo, np.array([(0.2, 0, 0), (0, 0.2, 0)]), CROP)
    np.testing.assert_array_equal(photo, before)


@pytest.mark.parametrize(
    "landmarks, message",
    [
        (np.full((4, 2), np.nan), "need 4 finite"),
        (np.zeros((3, 2)), "need 4 finite"),
        (np.array([(10, 10), (12, 10), (11, 12), (11, 14)]), r"eyes 2.0 px apart, need 4"),
    ],
)
def test_landmarks_without_a_crop_are_refused(landmarks, message):
    with pytest.raises(AlignError, match=message):
        landmark_matrix(landmarks, crop_template(CROP))


@given(
    st.tuples(st.integers(1, 70), st.integers(1, 70)), st.floats(0.01, 1.0), st.integers(1, 9000)
)
def test_a_picture_reduced_in_bands_is_the_same(size_hw, scale, band):
    picture = np.random.default_rng(3).integers(0, 256, (*size_hw, 3), np.uint8)
    whole = align.downsample(picture, scale)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(align, "BAND", band)
        np.testing.assert_array_equal(align.downsample(picture, scale), whole)
