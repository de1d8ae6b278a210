"""What makes a template: one clear face, by the settings' thresholds, and no classifier."""

from datetime import UTC, datetime

import numpy as np
import pytest

from device.analyzer import frame_of
from device.attributes.classifier import Classifier
from device.errors import ModelError
from device.recognition.enrollment import (
    NO_FACE,
    SEVERAL_FACES,
    SHOTS,
    Enroller,
    EnrollmentPictures,
    RejectedError,
    enroll_from_camera,
    enroll_from_photos,
    inconsistent_pairs,
    lookalikes,
)
from device.settings import AttributesSettings, FacesSettings, Settings
from device.types import BLURRED, TOO_SMALL, TURNED_AWAY, Frame
from tests.conftest import CARD
from tests.device.recognition.made_up import MeanColorEmbedder, ada, templates


def enroller(**faces):
    return Enroller(Settings(faces=FacesSettings(**faces)), MeanColorEmbedder())


def frames(pictures, step_s=0.1):
    now = datetime.now(UTC)
    for index, picture in enumerate(pictures):
        yield Frame(picture, index, now, index * step_s, f"{index}.png")


def test_enrolment_never_loads_the_classifier(tmp_path, astronaut):
    """The card alone suffices: the network that it names is missing."""
    card = tmp_path / "attributes.json"
    card.write_bytes(CARD.read_bytes())
    with pytest.raises(ModelError, match="cannot be read"):
        Classifier(card)
    settings = Settings(attributes=AttributesSettings(model=card))
    assert Enroller(settings, MeanColorEmbedder()).embed(frame_of(astronaut)).shape == (128,)


@pytest.mark.parametrize(
    "photo, state",
    [("wall", NO_FACE), ("both", SEVERAL_FACES), ("small", TOO_SMALL), ("blurred", BLURRED)],
)
def test_a_poor_picture_is_rejected(photos, photo, state):
    import cv2

    with pytest.raises(RejectedError) as error:
        enroller().embed(frame_of(cv2.imread(str(photos / f"{photo}.png"))))
    assert error.value.state == state


@pytest.mark.parametrize(
    "faces, state",
    [({"max_turn": 0.01}, TURNED_AWAY), ({"min_face": 400.0}, TOO_SMALL)],
)
def test_the_settings_thresholds_reject(astronaut, faces, state):
    with pytest.raises(RejectedError) as error:
        enroller(**faces).embed(frame_of(astronaut))
    assert error.value.state == state


def test_photos_give_the_accepted_ones(astronaut, admiral):
    wall = np.zeros_like(astronaut)
    pictures = enroll_from_photos(frames([wall, astronaut, admiral]), enroller())
    assert pictures.names == ("1.png", "2.png") and pictures.templates.shape == (2, 128)
    with pytest.raises(RejectedError, match="no photo shows the face clearly"):
        enroll_from_photos(frames([wall]), enroller())


def test_a_camera_gives_shots_at_intervals(astronaut, capsys):
    given = frames([astronaut] * 100)
    pictures = enroll_from_camera(given, enroller())
    assert pictures.names == tuple(f"shot {number}" for number in range(1, SHOTS + 1))
    assert next(given).index == 29  # shots at 0, 0.7, .. 2.8 s
    assert capsys.readouterr().err.count("turn your head") == SHOTS


def test_a_camera_without_a_clear_picture_ends_after_the_timeout(capsys):
    wall = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(RejectedError, match=r"no clear picture in 40 s \(no face: 41\)"):
        enroll_from_camera(frames([wall] * 50, 1.0), enroller())
    assert capsys.readouterr().err.count("no face") == 1  # not once a frame


def test_pictures_of_two_people_are_named():
    first, second = templates(1, 1)[0], templates(1, 2)[0]
    pictures = EnrollmentPictures(("a", "b", "c"), np.array([first, first, second]))
    lines = inconsistent_pairs(pictures, 0.5)
    assert [line.split(" do not")[0] for line in lines] == ["a and c", "b and c"]


def test_lookalikes_are_named_the_most_similar_first():
    twin, near, far = ada("Twin", 1, 1), ada("Near", 1, 1), ada("Far", 1, 2)
    near.templates[:] += 0.01
    lines = lookalikes(ada("New", 1, 1), [far, near, twin], 0.5)
    assert [line.split()[2] for line in lines] == ["Twin", "Near"]
