"""One habit of every evaluation: a photo that cannot be read is left out, and labels stay aligned.

Each photo is of one grey level, which the networks below return, so a figure shows whose it is.
"""

import cv2
import numpy as np
import pytest

from device.attributes.classifier import Classifier
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import NO_LIMITS
from tests.conftest import CARD
from tests.train.data.test_unreadable import SPOILT
from train.data import unreadable
from train.data.split import DataError, Split, unlabelled
from train.evaluation import end_to_end, predictions, rejection, robustness
from train.evaluation.end_to_end import LabelledPhotos
from train.evaluation.labelled_people import read_people
from train.evaluation.predictions import predict_both, predict_float, predict_int8

CROP = (32, 40)
COUNT = 9
BAD = {"first": [0], "last": [8], "several": [2, 3, 6], "all but one": [0, 1, 2, 3, 5, 6, 7, 8]}


class GreyNetwork:
    """A .tflite and a Keras model that return the crop's grey level, 0..1."""

    output_shapes = ((1, 1),)
    output_shape = (None, 1)
    input_shape = (None, CROP[1], CROP[0], 3)

    def run(self, batch):
        return [batch.mean(axis=(1, 2, 3)).reshape(-1, 1) / 255]

    def predict_on_batch(self, batch):
        return self.run(batch)[0]


@pytest.fixture(autouse=True)
def new_process(monkeypatch):
    monkeypatch.setattr(unreadable, "_unreadable", {})
    monkeypatch.setattr(predictions, "BATCH", 4)


@pytest.fixture
def split(tmp_path):
    """Photos whose grey level is 20 times their number, the odd ones with the attribute."""
    photos = tuple(tmp_path / f"{number}.png" for number in range(COUNT))
    for number, photo in enumerate(photos):
        cv2.imwrite(str(photo), np.full((218, 178, 3), 20 * number, np.uint8))
    return Split("test", photos, np.arange(COUNT, dtype=np.uint8)[:, None] % 2, ("Smiling",))


def levels(raw):
    return np.rint(raw[:, 0] * 255 / 20).astype(int).tolist()


@pytest.mark.parametrize("predict", ["int8", "float", "both"])
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_outputs_and_labels_are_of_the_same_photos(predict, bad, split, capsys):
    for row in bad:
        SPOILT["garbage"](split.photos[row])
    network = GreyNetwork()
    found = {
        "int8": lambda: predict_int8(network, split, CROP),
        "float": lambda: predict_float(network, split),
        "both": lambda: predict_both(network, network, split, CROP),
    }[predict]()
    readable, *raws = found
    good = [row for row in range(COUNT) if row not in bad]
    assert readable.photos == tuple(split.photos[row] for row in good)
    assert readable.labels[:, 0].tolist() == [row % 2 for row in good]
    for raw in raws:
        assert levels(raw) == good and raw.dtype == np.float32
    assert capsys.readouterr().err.count("left out") == len(bad)


def test_a_photo_deleted_between_two_models(split, monkeypatch):
    def int8_then_delete(*arguments):
        result = predict_int8(*arguments)
        split.photos[5].unlink()
        return result

    SPOILT["garbage"](split.photos[1])
    monkeypatch.setattr(predictions, "predict_int8", int8_then_delete)
    readable, raw_float, raw_int8 = predict_both(GreyNetwork(), GreyNetwork(), split, CROP)
    assert levels(raw_float) == levels(raw_int8) == [0, 2, 3, 4, 6, 7, 8]
    assert readable.labels[:, 0].tolist() == [0, 0, 1, 0, 0, 1, 0]


def test_an_empty_split_and_one_without_a_readable_photo(split):
    empty, raw = predict_int8(GreyNetwork(), unlabelled("test", ()), CROP)
    assert len(empty) == 0 and raw.shape == (0, 1)
    assert predict_float(GreyNetwork(), unlabelled("test", ()))[1].shape == (0, 1)
    for photo in split.photos:
        photo.unlink()
    with pytest.raises(DataError, match="none of 9 test photos can be read"):
        predict_int8(GreyNetwork(), split, CROP)
    with pytest.raises(DataError, match="none of 9 test photos can be read"):
        predict_float(GreyNetwork(), split)


@pytest.fixture(scope="module")
def pipeline():
    return BlazeFace(), Classifier(CARD)


@pytest.fixture
def faces(tmp_path, astronaut, admiral):
    """Two whole photos, with a photo between them for a test to spoil."""
    for name, photo in {"a.png": astronaut, "b.png": admiral, "c.png": admiral}.items():
        cv2.imwrite(str(tmp_path / name), cv2.resize(photo, (356, 436)))
    photos = tuple(tmp_path / name for name in ("a.png", "b.png", "c.png"))
    return Split("test", photos, np.zeros((3, 40), np.uint8), Classifier(CARD).card.names)


def without(split, bad):
    rows = [row for row in range(len(split)) if row != bad]
    photos = tuple(split.photos[row] for row in rows)
    return Split(split.name, photos, split.labels[rows], split.attributes)


def sweep(faces, detector, classifier):
    return robustness.sweep("light", faces, detector, classifier)


def reject(faces, detector, classifier):
    return rejection.rejection_curves(faces, detector, classifier, NO_LIMITS)


def whole_photos(faces, detector, classifier):
    labelled = LabelledPhotos(faces.photos, faces.labels, faces.attributes)
    result = end_to_end.evaluate(labelled, detector, classifier, NO_LIMITS)
    return result.photos, result.detected, result.states, result.attributes


def people(faces, detector, classifier):
    folder = faces.photos[0].parent
    rows = "".join(f"{photo.name},60,male,White\n" for photo in faces.photos)
    (folder / "labels.csv").write_text(f"file,age,gender,race\n{rows}")
    return read_people(folder, detector, classifier)


EVALUATIONS = {"sweep": sweep, "rejection": reject, "whole photos": whole_photos, "people": people}


@pytest.mark.parametrize("evaluation", EVALUATIONS)
def test_the_result_is_that_of_the_other_photos(evaluation, faces, pipeline, capsys, monkeypatch):
    # Scenes depend on the row: the last photo is spoilt.
    monkeypatch.setattr(robustness, "SWEEPS", {"light": ("", (1.0, 0.6), light)})
    expected = EVALUATIONS[evaluation](without(faces, 2), *pipeline)
    faces.photos[2].unlink()
    assert repr(EVALUATIONS[evaluation](faces, *pipeline)) == repr(expected)
    assert capsys.readouterr().err.count("left out: cannot read the photo") == 1
    assert unreadable.unreadable(faces.photos) == faces.photos[2:]


@pytest.mark.parametrize("evaluation", EVALUATIONS)
def test_no_photo_can_be_read(evaluation, faces, pipeline):
    for photo in faces.photos:
        photo.write_bytes(b"")
    with pytest.raises(DataError, match="can be read"):
        EVALUATIONS[evaluation](faces, *pipeline)


def test_faces_of_a_scene_keep_their_places():
    scene = robustness.SyntheticScene(faces=2, face_px=robustness.CROWD_PX)
    photos = [np.full((218, 178, 3), level, np.uint8) for level in (20, 220)]
    both, second = (
        scene.render(shown, np.random.default_rng(0)).astype(int)
        for shown in (photos, [None, photos[1]])
    )
    np.testing.assert_array_equal(second[:, 320:], both[:, 320:])
    assert np.abs(second[:, :320] - 128).max() < 20 and both[:, :320].min() < 40


def light(gain):
    return robustness.SyntheticScene(gain=gain)
