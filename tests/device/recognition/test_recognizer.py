"""Which tracks are compared and when, with the network replaced by one that answers on demand."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from device.recognition.embedding import CROP_PX, EMBEDDING_SIZE
from device.recognition.recognizer import (
    FORGET_S,
    MAX_EMBEDDINGS,
    RELOAD_S,
    REPEAT_S,
    Recognizer,
)
from device.recognition.store import MAX_BYTES, EnrolledPerson, write_people
from device.settings import PeopleSettings
from device.types import OK, TURNED_AWAY, UNKNOWN, Face, Frame, Probabilities

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ADA, BOB = np.eye(2, EMBEDDING_SIZE, dtype=np.float32) * 1.1  # 1.56 apart
MIN_SCORE = 0.48
PICTURE = np.full((240, 320, 3), 90, np.uint8)


class OnDemandProcess:
    """Returns `embedding` for every crop, once `ready`."""

    def __init__(self, embedding=ADA):
        self.embedding, self.ready = embedding, True
        self.submitted, self.busy = 0, False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def check(self):
        pass

    def submit(self, crop_rgb):
        assert crop_rgb.shape == (CROP_PX, CROP_PX, 3) and crop_rgb.dtype == np.uint8
        assert not self.busy
        self.submitted, self.busy = self.submitted + 1, True

    def result(self, wait):
        if not (self.ready or wait):
            return None
        self.busy = False
        return self.embedding


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "people.json"
    write_people(
        path, [EnrolledPerson("Ada", NOON, ADA[None]), EnrolledPerson("Bob", NOON, BOB[None])]
    )
    return PeopleSettings(enabled=True, file=path, min_score=MIN_SCORE)


def frame(at_s=0.0):
    return Frame(PICTURE, 0, NOON, at_s, "made")


def face(id=1, width=80.0, state=OK):
    x, y = 100.0, 80.0
    points = [(x + 20, y + 30), (x + 60, y + 30), (x + 40, y + 50), (x + 40, y + 65)]
    return Face(id, (x, y, width, 90.0), 0.9, np.array(points), state)


def named(recognizer, at_s=0.0, *faces):
    return [face.person for face in recognizer.identify(frame(at_s), faces or [face()])]


def off(distance):
    """Return an embedding at a distance from Ada's, away from Bob's."""
    away = np.zeros(EMBEDDING_SIZE, np.float32)
    away[5] = distance
    return ADA + away


def test_a_video_waits_for_its_names(settings):
    process = OnDemandProcess(BOB)
    process.ready = False
    with Recognizer(settings, live=False, process=process) as recognizer:
        (result,) = recognizer.identify(frame(), [face()])
    assert (result.person, result.person_score) == ("Bob", 1.0) and process.submitted == 1


def test_a_live_camera_does_not_wait(settings):
    process = OnDemandProcess()
    process.ready = False
    with Recognizer(settings, live=True, process=process) as recognizer:
        for n in range(5):
            (result,) = recognizer.identify(frame(n / 30), [face()])
            assert (result.person, result.person_score) == ("", None) and process.submitted == 1
        process.ready = True
        assert named(recognizer, 0.2) == ["Ada"]


def test_a_clear_score_needs_one_embedding(settings):
    for embedding, name in ((ADA, "Ada"), (off(0.9), UNKNOWN)):
        process = OnDemandProcess(embedding)
        with Recognizer(settings, live=False, process=process) as recognizer:
            assert {named(recognizer, n / 10)[0] for n in range(100)} == {name}
        assert process.submitted == 1


def test_an_unsure_score_needs_more_up_to_a_limit(settings):
    process = OnDemandProcess(off(1 - MIN_SCORE - 0.01))  # just accepted
    with Recognizer(settings, live=False, process=process) as recognizer:
        counts = []
        for n in range(int(10 * REPEAT_S * (MAX_EMBEDDINGS + 3))):
            assert named(recognizer, n / 10) == ["Ada"]
            counts.append(process.submitted)
    assert counts[int(10 * REPEAT_S) - 1] == 1 and counts[int(10 * REPEAT_S)] == 2
    assert process.submitted == MAX_EMBEDDINGS


def test_the_embeddings_of_a_track_are_matched_together(settings):
    process = OnDemandProcess(off(1 - MIN_SCORE + 0.02))
    with Recognizer(settings, live=False, process=process) as recognizer:
        assert named(recognizer, 0.0) == [UNKNOWN]
        process.embedding = off(0.2)
        assert named(recognizer, REPEAT_S) == ["Ada"]


def test_new_tracks_are_compared_first(settings):
    process = OnDemandProcess(off(1 - MIN_SCORE - 0.01))
    with Recognizer(settings, live=True, process=process) as recognizer:
        named(recognizer, 0.0)
        named(recognizer, 0.1)
        assert named(recognizer, REPEAT_S + 0.1, face(1), face(2)) == ["Ada", ""]
        assert named(recognizer, REPEAT_S + 0.2, face(1), face(2)) == ["Ada", "Ada"]


def test_unclear_and_narrow_faces_are_not_compared_but_keep_their_name(settings):
    process = OnDemandProcess()
    with Recognizer(settings, live=False, process=process) as recognizer:
        narrow, turned = face(width=settings.min_face - 1), face(state=TURNED_AWAY)
        assert named(recognizer, 0.0, narrow) == named(recognizer, 0.1, turned) == [""]
        assert process.submitted == 0
        assert named(recognizer, 0.2) == named(recognizer, 0.3, turned) == ["Ada"]


def test_after_forget_the_same_id_is_another_person(settings):
    process = OnDemandProcess()
    with Recognizer(settings, live=False, process=process) as recognizer:
        assert named(recognizer) == ["Ada"]
        recognizer.forget()
        process.embedding = BOB
        assert named(recognizer) == ["Bob"]


def test_changes_of_the_file_are_applied_within_a_second(settings):
    process, clock = OnDemandProcess(), [100.0]
    with Recognizer(settings, live=False, process=process, clock_s=lambda: clock[0]) as recognizer:
        assert named(recognizer) == ["Ada"]
        write_people(settings.file, [EnrolledPerson("Bob", NOON, BOB[None])])
        assert named(recognizer) == ["Ada"]
        clock[0] += RELOAD_S
        assert named(recognizer) == [UNKNOWN]
        write_people(settings.file, [EnrolledPerson("Eve", NOON, ADA[None])])
        clock[0] += RELOAD_S
        assert named(recognizer) == ["Eve"]
        write_people(settings.file, [])
        clock[0] += RELOAD_S
        (result,) = recognizer.identify(frame(), [face()])
        assert (result.person, result.person_score) == (UNKNOWN, None)


def edited(path, change):
    record = json.loads(path.read_text())
    change(record["people"][0])
    path.write_text(json.dumps(record))


def replaced(path, make):
    path.unlink()
    make(path)


BAD_FILES = {
    "torn": lambda path: path.write_text(path.read_text()[:-200]),
    "empty": lambda path: path.write_text(""),
    "infinite": lambda path: path.write_text(path.read_text().replace("1.1", "1e400", 1)),
    "not a number": lambda path: path.write_text(path.read_text().replace("1.1", "NaN", 1)),
    "many digits": lambda path: path.write_text(path.read_text().replace("1.1", "9" * 5000, 1)),
    "large": lambda path: edited(path, lambda person: person["templates"][0].__setitem__(0, 1e30)),
    "narrow": lambda path: edited(path, lambda person: person["templates"][0].pop()),
    "nested": lambda path: path.write_text("[" * 100_000),
    "huge": lambda path: os.truncate(path, MAX_BYTES + 1),
    "folder": lambda path: replaced(path, Path.mkdir),
    "pipe": lambda path: replaced(path, os.mkfifo),
    "link to a device": lambda path: replaced(path, lambda path: path.symlink_to("/dev/zero")),
    "circle": lambda path: replaced(path, lambda path: path.symlink_to(path.name)),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_file_damaged_meanwhile_is_logged_once_and_changes_nothing(settings, capsys, kind):
    clock = [100.0]
    good = settings.file.read_bytes()
    with Recognizer(
        settings, live=False, process=OnDemandProcess(), clock_s=lambda: clock[0]
    ) as recognizer:
        capsys.readouterr()
        BAD_FILES[kind](settings.file)
        for id in range(3):
            clock[0] += RELOAD_S
            assert named(recognizer, 0.0, face(id)) == ["Ada"]
        err = capsys.readouterr().err
        assert err.count("\n") == 1 and "is not used, 2 enrolled people as before: " in err
        settings.file.rename(settings.file.with_name("bad"))
        settings.file.write_bytes(good)
        settings.file.chmod(0o600)
        clock[0] += RELOAD_S
        named(recognizer)
        assert "2 enrolled people in" in capsys.readouterr().err


def test_a_file_that_changes_every_second_is_logged_once_a_minute(settings, capsys):
    clock = [100.0]
    with Recognizer(
        settings, live=False, process=OnDemandProcess(), clock_s=lambda: clock[0]
    ) as recognizer:
        capsys.readouterr()
        for number in range(20):
            settings.file.write_text("torn" * number)
            clock[0] += RELOAD_S
            assert named(recognizer) == ["Ada"]
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_is_read_again_once_its_rights_change(settings, monkeypatch):
    """Its time and size stay then."""
    clock, read = [100.0], []
    with Recognizer(
        settings, live=False, process=OnDemandProcess(), clock_s=lambda: clock[0]
    ) as recognizer:
        monkeypatch.setattr(
            "device.recognition.recognizer.read_people", lambda path: read.append(path) or ()
        )
        settings.file.chmod(0o400)
        clock[0] += RELOAD_S
        assert named(recognizer) == [UNKNOWN] and read == [settings.file]


@pytest.mark.parametrize("away_s, count", [(FORGET_S, 1), (FORGET_S + 1, 2)])
def test_a_track_out_of_view_is_forgotten_after_a_minute(settings, away_s, count):
    process = OnDemandProcess()
    with Recognizer(settings, live=False, process=process) as recognizer:
        named(recognizer, 0.0)
        recognizer.identify(frame(away_s), [])
        named(recognizer, away_s)
    assert process.submitted == count


def test_the_rest_of_a_face_stays(settings):
    smiling = Probabilities(("Smiling",), np.float32([0.9]))
    given = replace(face(7), labels=("smiling",), probabilities=smiling, hits=3)
    with Recognizer(settings, live=False, process=OnDemandProcess()) as recognizer:
        (result,) = recognizer.identify(frame(), [given])
    assert result.person == "Ada"
    assert replace(result, person="", person_score=None).__repr__() == given.__repr__()


def test_without_enrolled_people_every_face_is_unknown(settings):
    process = OnDemandProcess()
    nobody = PeopleSettings(enabled=True, file=settings.file.with_name("none.json"))
    with Recognizer(nobody, live=False, process=process) as recognizer:
        assert named(recognizer) == [UNKNOWN] and process.submitted == 0
