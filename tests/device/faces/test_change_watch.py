"""What of a live picture has changed: people, not light or noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.faces.change_watch import CELLS_WH, ChangeWatch

SIZES = [(640, 480), (1920, 1080), (320, 240), (64, 48), (40, 30), (31, 700)]


def room(size_wh, level=100):
    return np.full((size_wh[1], size_wh[0], 3), level, np.uint8)


def noisy(picture, sigma, rng):
    return np.clip(picture + rng.normal(0, sigma, picture.shape), 0, 255).astype(np.uint8)


def changes(before, now):
    watch = ChangeWatch()
    watch.see(before)
    since = watch.cells
    watch.see(now)
    return watch.changed(since)


@pytest.mark.parametrize("size_wh", SIZES)
def test_the_same_picture_has_not_changed(size_wh):
    assert not changes(room(size_wh), room(size_wh)).any()


@pytest.mark.parametrize("size_wh", SIZES)
def test_light_is_no_change(size_wh):
    assert not changes(room(size_wh, 100), room(size_wh, 140)).any()


@pytest.mark.parametrize("sigma", [2, 4, 8])
def test_a_noisy_sensor_is_no_change_once_it_is_known(sigma):
    rng, watch = np.random.default_rng(3), ChangeWatch()
    frames = [noisy(room((320, 240)), sigma, rng) for _ in range(40)]
    for frame in frames:
        watch.see(frame)
        watch.learn_noise()
    since, changed = watch.cells, 0
    for frame in frames[:-1]:
        watch.see(frame)
        changed += int(watch.changed(since).any())
    assert changed <= 1


def test_a_sensor_of_mere_noise_hides_no_person():
    rng, watch = np.random.default_rng(3), ChangeWatch()
    for _ in range(60):
        watch.see(rng.integers(0, 255, (240, 320, 3), np.uint8))
        watch.learn_noise()
    since = watch.cells
    now = rng.integers(0, 255, (240, 320, 3), np.uint8)
    now[100:160, 100:160] = 255
    watch.see(now)
    assert watch.changed(since)[watch.part((100, 100, 160, 160))].any()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 600), st.integers(0, 440), st.integers(130, 255))
def test_a_face_of_40_px_that_is_30_levels_lighter_is_a_change_where_it_is(x, y, level):
    now = room((640, 480))
    now[y : y + 40, x : x + 40] = level
    watch = ChangeWatch()
    watch.see(room((640, 480)))
    since = watch.cells
    watch.see(now)
    changed = watch.changed(since)
    part = watch.part((x, y, x + 40, y + 40))
    assert changed[part].any()
    changed[part] = False
    assert not changed.any()


def test_a_picture_of_another_size_teaches_no_noise():
    watch = ChangeWatch()
    watch.see(room((640, 480), 0))
    watch.see(room((320, 240), 255))
    watch.learn_noise()
    since = watch.cells
    now = room((320, 240), 255)
    now[:100, :100] = 200
    watch.see(now)
    assert watch.changed(since).any()


def test_the_part_of_a_region_is_cut_at_the_edges():
    watch = ChangeWatch()
    watch.see(room((640, 480)))
    assert watch.cells[watch.part((-50, -50, 700, 1 << 20))].shape == CELLS_WH[::-1]
    assert watch.cells[watch.part((0, 0, 21, 20))].shape == (1, 2)  # cells of 20 px
    assert watch.cells[watch.part((-50, 0, -10, 20))].size == 0
    assert watch.cells[watch.part((700, 0, 800, 20))].size == 0
