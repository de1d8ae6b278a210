"""Where a film is cut, and where it only moves or its light changes."""

import numpy as np
import pytest

from device.faces.scene_change import SceneChange


def cuts(pictures):
    scene = SceneChange()
    return [scene.is_new(picture) for picture in pictures]


def test_the_first_picture_begins_a_scene_and_the_same_again_does_not(astronaut):
    assert cuts([astronaut] * 3) == [True, False, False]


def test_another_picture_is_another_scene(astronaut, admiral):
    cut = np.ascontiguousarray(admiral[: astronaut.shape[0], : astronaut.shape[1]])
    assert cuts([astronaut, astronaut, cut, cut, astronaut]) == [True, False, True, False, True]


def test_light_and_movement_make_no_scene(astronaut):
    darker = (astronaut * 0.9).astype(np.uint8)
    moved = np.roll(darker, 4, axis=1)
    brighter = np.full_like(astronaut, 90)
    assert cuts([astronaut, darker, moved]) == [True, False, False]
    assert cuts([brighter, brighter + 60]) == [True, False]


def test_a_camera_that_shakes_makes_no_more_scenes_soon(astronaut):
    """Each picture differs from the one before as much as after a cut."""
    rolled = [np.roll(astronaut, 60 * (n % 2), axis=1) for n in range(40)]
    assert cuts(rolled)[1] and not any(cuts(rolled)[4:])


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 2000, 3), (2000, 3, 3)])
def test_pictures_of_any_size(shape):
    assert cuts([np.zeros(shape, np.uint8)] * 2) == [True, False]
