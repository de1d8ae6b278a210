import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from device.errors import UsageError
from device.faces.align import celeba_matrix, warp_crop
from train.data.augment import Augmentation, augment, mixup
from train.data.celeba import read_celeba
from train.data.crops import read_crop
from train.data.loader import Batches
from train.data.unreadable import unreadable

CROP = (64, 80)
NONE = Augmentation(0, 0, 0, 0, 0, 0, 0, noise=0)
PHOTO = np.random.default_rng(0).integers(0, 256, (218, 178, 3), dtype=np.uint8)
MATRIX = celeba_matrix((178, 218), CROP)


def vary(augmentation, seed=0, photo=PHOTO):
    return augment(photo, MATRIX, CROP, augmentation, np.random.default_rng(seed))


def test_no_variation_gives_the_devices_crop():
    np.testing.assert_array_equal(vary(NONE), warp_crop(PHOTO, MATRIX, CROP))


def test_a_flip_mirrors_the_crop():
    flipped = vary(replace(NONE, flip=1.0)).astype(int)
    plain = warp_crop(PHOTO, MATRIX, CROP)[:, ::-1].astype(int)
    assert np.abs(flipped - plain)[2:-2, 2:-2].mean() < 12  # sampled between other pixels


def test_brightness_moves_the_mean_both_ways_and_keeps_bytes():
    grey = np.full_like(PHOTO, 128)
    bright = replace(NONE, brightness=0.15)
    means = [vary(bright, seed, grey).mean() for seed in range(60)]
    assert min(means) < 105 and max(means) > 150
    assert min(means) >= 128 - 0.15 * 255 - 1 and max(means) <= 128 + 0.15 * 255 + 1


def test_losing_detail_blurs_but_keeps_the_size():
    blurred = vary(replace(NONE, low_resolution=1.0, low_resolution_most=3.0))
    assert blurred.shape == (80, 64, 3) and blurred.std() < 0.9 * vary(NONE).std()


def test_noise_is_grey_and_grows_with_a_face_seen_small():
    grey = np.full_like(PHOTO, 128)
    noisy = replace(NONE, noise=1.0, noise_most=12.0)
    far = replace(noisy, low_resolution=1.0)
    near = np.array([vary(noisy, seed, grey) for seed in range(40)], int)
    distant = np.array([vary(far, seed, grey) for seed in range(40)], int)
    assert (near == near[..., :1]).all()

    def grain(crops):  # how much neighbours differ
        return np.abs(np.diff(crops[..., 0])).mean() / crops.std(axis=(1, 2, 3)).mean()

    assert grain(distant) < 0.8 * grain(near)  # coarser


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31))
def test_every_variation_is_a_crop_and_repeats_for_its_seed(seed):
    crop = vary(Augmentation(), seed)
    assert crop.shape == (80, 64, 3) and crop.dtype == np.uint8
    np.testing.assert_array_equal(crop, vary(Augmentation(), seed))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31))
def test_the_face_stays_in_the_crop(seed):
    move = Augmentation().matrix(np.random.default_rng(seed), (128, 160))
    nose = move @ (64, 100, 1)
    assert 30 < nose[0] < 98 and 70 < nose[1] < 130


def test_the_mouth_stays_in_crops_shifted_and_zoomed_by_a_fifth():
    moved = Augmentation(0, 0.2, 0.2, 0.5, 0, 0, 0, noise=0)
    mouth = MATRIX @ (88.4, 156.5, 1)  # in the 178x218 frame, as the detector sees it
    at = [moved.matrix(np.random.default_rng(seed), CROP) @ (*mouth, 1) for seed in range(1000)]
    x, y, _ = np.transpose(at)
    assert x.min() > 0 and x.max() < 63 and y.min() > 0 and y.max() < 79
    # Shifts are shares of the crop's sides, either way: 0.4 * 64 and 0.4 * 80, and the zoom.
    assert 22 < np.ptp(x) < 27 and 32 < np.ptp(y) < 40


def largest(augmentation, seeds=300):
    """Return the largest shift, px, rotation, degrees, and zoom of many transforms."""
    found = []
    for seed in range(seeds):
        matrix = augmentation.matrix(np.random.default_rng(seed), (128, 160))
        zoom = np.hypot(matrix[0, 0], matrix[1, 0])
        centre = (63.5, 79.5)
        moved = matrix @ (*centre, 1) - (*centre, 1)
        rotation = np.degrees(np.arctan2(matrix[1, 0], matrix[1, 1]))
        found.append((abs(moved[0]), abs(moved[1]), abs(rotation), abs(zoom - 1)))
    return np.max(found, axis=0)


def test_misaligned_crops_are_rotated_shifted_and_zoomed_further():
    plain = Augmentation()
    limits = np.array([0.05 * 128, 0.05 * 160, 12, 0.1])
    assert (largest(plain) <= limits + 1e-6).all()
    far = largest(replace(plain, misaligned=1.0, misaligned_most=3.0))
    assert (far > 2 * limits).all() and (far <= 3 * limits + 1e-6).all()
    once = largest(replace(plain, misaligned=1.0, misaligned_most=1.0))
    assert (once <= limits + 1e-6).all()


def test_some_crops_are_misaligned_by_their_probability():
    varied = replace(Augmentation(flip=0.0), misaligned=0.3, misaligned_most=8.0, zoom=0.0)
    far = 0
    for seed in range(400):
        matrix = varied.matrix(np.random.default_rng(seed), (128, 160))
        far += abs(np.degrees(np.arctan2(matrix[1, 0], matrix[1, 1]))) > 12
    # Of the misaligned ones, those whose factor and angle together pass the plain limit: 70 %.
    assert 0.3 * 0.6 * 400 < far < 0.3 * 0.8 * 400


def test_without_misaligned_crops_the_transforms_are_those_of_before():
    rng = np.random.default_rng(7)
    angle, zoom = np.radians(rng.uniform(-12, 12)), 1 + rng.uniform(-0.1, 0.1)
    matrix = Augmentation(flip=0.0).matrix(np.random.default_rng(7), (128, 160))
    np.testing.assert_allclose(matrix[1, :2], (zoom * np.sin(angle), zoom * np.cos(angle)))


def test_a_misaligned_zoom_has_a_limit():
    with pytest.raises(UsageError, match=r"zoom = 0.5 times misaligned_most = 2.0, need at most"):
        Augmentation(zoom=0.5, misaligned=0.1).check("x")
    Augmentation(zoom=0.5).check("x")


@pytest.fixture
def train(celeba):
    return read_celeba(celeba).splits["train"]


def test_batches_cover_every_photo_once_an_epoch(train):
    batches = Batches(train, CROP, 10, Augmentation(), seed=3)
    labels = np.concatenate([batches[i][1] for i in range(len(batches))])
    assert labels.shape == (24, 40) and len(batches) == 3
    np.testing.assert_array_equal(labels.sum(axis=0), train.labels.sum(axis=0))


def test_an_epoch_repeats_exactly_and_the_next_one_differs(train):
    batches = Batches(train, CROP, 10, Augmentation(), seed=3)
    batches.start_epoch(4)
    fourth = batches[1][0]
    batches.start_epoch(5)
    assert np.abs(batches[1][0] - fourth).mean() > 1
    again = Batches(train, CROP, 10, Augmentation(), seed=3)
    again.start_epoch(4)
    np.testing.assert_array_equal(again[1][0], fourth)


def test_crops_are_bytes_in_rgb_order(train):
    crops, _ = Batches(train, CROP, 4)[0]
    assert crops.dtype == np.uint8 and crops.shape == (4, 80, 64, 3)
    assert crops.min() >= 0 and 100 < crops.max() <= 255
    np.testing.assert_array_equal(crops[0], read_crop(train.photos[0], CROP))


def test_batches_made_by_worker_processes_are_the_same(train, capsys):
    train.photos[0].unlink()
    here = Batches(train, CROP, 10, Augmentation(mixup=0.4), seed=3)
    there = Batches(train, CROP, 10, Augmentation(mixup=0.4), seed=3, workers=2)
    for epoch in (0, 3):
        here.start_epoch(epoch)
        there.start_epoch(epoch)
        for index in range(len(here)):
            found = there[index]  # before `here` names the photo
            for ours, theirs in zip(here[index], found, strict=True):
                np.testing.assert_array_equal(ours, theirs)
    assert capsys.readouterr().err.count("left out") == 1
    assert unreadable(train.photos) == train.photos[:1]


def test_mixed_photos_have_mixed_labels():
    rng = np.random.default_rng(5)
    levels = np.arange(0, 200, 20, dtype=np.uint8)
    crops = np.broadcast_to(levels[:, None, None, None], (10, 4, 4, 3)).copy()
    labels = np.stack([levels / 200, 1 - levels / 200], axis=1).astype(np.float32)
    blended, softened = mixup(crops, labels, 0.5, rng)
    assert blended.dtype == np.uint8 and softened.dtype == np.float32
    np.testing.assert_allclose(blended[:, 0, 0, 0] / 200, softened[:, 0], atol=0.003)
    np.testing.assert_allclose(softened.sum(axis=1), 1, atol=1e-6)
    # Its own share stays the larger one.
    assert (
        np.abs(blended[:, 0, 0, 0] - levels.astype(int))
        <= np.abs(levels[:, None] - levels.astype(int)).max(axis=1) / 2 + 1
    ).all()
    assert (blended[:, 0, 0, 0] != levels).any()


def test_the_mix_with_an_unknown_label_is_unknown():
    crops = np.zeros((6, 4, 4, 3), np.uint8)
    labels = np.tile(np.array([0, 1, 1], np.float32), (6, 1))
    labels[0, 0] = labels[3, 1] = -1
    _, softened = mixup(crops, labels, 0.5, np.random.default_rng(1))
    partners = np.random.default_rng(1).permutation(6)
    expected = (labels == -1) | (labels[partners] == -1)
    assert expected.sum() == 4
    np.testing.assert_array_equal(softened == -1, expected)
    assert ((softened >= 0) | expected).all() and softened.dtype == np.float32
