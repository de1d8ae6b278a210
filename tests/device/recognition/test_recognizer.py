"""Who is asked for when, with the network replaced by one that answers when it is told to."""

from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from device.errors import FacetError
from device.faces.blazeface import BlazeFace
from device.recognition.embedding import NUMBERS, SIDE
from device.recognition.embedding_process import EmbeddingProcess
from device.recognition.face_crop import chip
from device.recognition.recognizer import AGAIN_S, MOST_LOOKS, RELOAD_S, Recognizer
from device.recognition.store import EnrolledPerson, write_people
from device.settings import PeopleSettings
from device.types import OK, TURNED_AWAY, UNKNOWN, Face, Frame, Track

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ADA, BOB = np.eye(2, NUMBERS, dtype=np.float32) * 1.1  # 1.56 apart
MIN_SCORE = 0.48
PICTURE = np.full((240, 320, 3), 90, np.uint8)


class OnDemand:
    """Gives `embedding` for every chip, once `ready`."""

    def __init__(self, embedding=ADA):
        self.embedding, self.ready = embedding, True
        self.asked, self.busy = 0, False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def ask(self, chip_rgb):
        assert chip_rgb.shape == (SIDE, SIDE, 3) and chip_rgb.dtype == np.uint8 and not self.busy
        self.asked, self.busy = self.asked + 1, True

    def answer(self, wait):
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


def track(number=1, width=80.0, state=OK):
    x, y = 100.0, 80.0
    points = [(x + 20, y + 30), (x + 60, y + 30), (x + 40, y + 50), (x + 40, y + 65)]
    return Track(number, Face((x, y, width, 90.0), 0.9, np.array(points)), 5, state, None)


def named(recogniser, at_s=0.0, *tracks):
    return [one.person for one in recogniser.update(frame(at_s), tracks or [track()])]


def off(distance):
    """Return an embedding at a distance from Ada's, away from Bob's."""
    away = np.zeros(NUMBERS, np.float32)
    away[5] = distance
    return ADA + away


def test_a_film_waits_for_its_names(settings):
    beside = OnDemand(BOB)
    beside.ready = False
    with Recognizer(settings, live=False, beside=beside) as recogniser:
        (got,) = recogniser.update(frame(), [track()])
    assert (got.person, got.person_score) == ("Bob", 1.0) and beside.asked == 1


def test_a_live_camera_does_not(settings):
    beside = OnDemand()
    beside.ready = False
    with Recognizer(settings, live=True, beside=beside) as recogniser:
        for n in range(5):
            (got,) = recogniser.update(frame(n / 30), [track()])
            assert (got.person, got.person_score) == ("", None) and beside.asked == 1
        beside.ready = True
        assert named(recogniser, 0.2) == ["Ada"]


def test_who_is_sure_is_looked_at_once(settings):
    for embedding, name in ((ADA, "Ada"), (off(0.9), UNKNOWN)):
        beside = OnDemand(embedding)
        with Recognizer(settings, live=False, beside=beside) as recogniser:
            assert {named(recogniser, n / 10)[0] for n in range(100)} == {name}
        assert beside.asked == 1


def test_who_is_not_is_looked_at_again_but_not_for_ever(settings):
    beside = OnDemand(off(1 - MIN_SCORE - 0.01))  # just near enough
    with Recognizer(settings, live=False, beside=beside) as recogniser:
        asked = []
        for n in range(int(10 * AGAIN_S * (MOST_LOOKS + 3))):
            assert named(recogniser, n / 10) == ["Ada"]
            asked.append(beside.asked)
    assert asked[int(10 * AGAIN_S) - 1] == 1 and asked[int(10 * AGAIN_S)] == 2
    assert beside.asked == MOST_LOOKS


def test_looks_are_weighed_together(settings):
    beside = OnDemand(off(1 - MIN_SCORE + 0.02))
    with Recognizer(settings, live=False, beside=beside) as recogniser:
        assert named(recogniser, 0.0) == [UNKNOWN]
        beside.embedding = off(0.2)
        assert named(recogniser, AGAIN_S) == ["Ada"]


def test_newcomers_go_first(settings):
    beside = OnDemand(off(1 - MIN_SCORE - 0.01))
    with Recognizer(settings, live=True, beside=beside) as recogniser:
        named(recogniser, 0.0)
        named(recogniser, 0.1)
        assert named(recogniser, AGAIN_S + 0.1, track(1), track(2)) == ["Ada", ""]
        assert named(recogniser, AGAIN_S + 0.2, track(1), track(2)) == ["Ada", "Ada"]


def test_unclear_and_narrow_faces_are_not_compared_but_keep_their_name(settings):
    beside = OnDemand()
    with Recognizer(settings, live=False, beside=beside) as recogniser:
        narrow, turned = track(width=settings.min_face - 1), track(state=TURNED_AWAY)
        assert named(recogniser, 0.0, narrow) == named(recogniser, 0.1, turned) == [""]
        assert beside.asked == 0
        assert named(recogniser, 0.2) == named(recogniser, 0.3, turned) == ["Ada"]


def test_the_next_photos_people_are_others(settings):
    beside = OnDemand()
    with Recognizer(settings, live=False, beside=beside) as recogniser:
        assert named(recogniser) == ["Ada"]
        recogniser.forget()
        beside.embedding = BOB
        assert named(recogniser) == ["Bob"]


def test_who_is_removed_meanwhile_is_forgotten(settings, monkeypatch):
    beside, clock = OnDemand(), [100.0]
    monkeypatch.setattr("device.recognition.recognizer.time.monotonic", lambda: clock[0])
    with Recognizer(settings, live=False, beside=beside) as recogniser:
        assert named(recogniser) == ["Ada"]
        write_people(settings.file, [EnrolledPerson("Bob", NOON, BOB[None])])
        assert named(recogniser) == ["Ada"]
        clock[0] += RELOAD_S
        assert named(recogniser) == [UNKNOWN]
        write_people(settings.file, [EnrolledPerson("Eve", NOON, ADA[None])])
        clock[0] += RELOAD_S
        assert named(recogniser) == ["Eve"]
        write_people(settings.file, [])
        clock[0] += RELOAD_S
        (got,) = recogniser.update(frame(), [track()])
        assert (got.person, got.person_score) == (UNKNOWN, None)


def test_a_file_damaged_meanwhile_is_told_and_what_is_known_holds(settings, monkeypatch, capsys):
    clock = [100.0]
    monkeypatch.setattr("device.recognition.recognizer.time.monotonic", lambda: clock[0])
    with Recognizer(settings, live=False, beside=OnDemand()) as recogniser:
        settings.file.write_text("torn")
        for _ in range(3):
            clock[0] += RELOAD_S
            assert named(recogniser) == ["Ada"]
    assert capsys.readouterr().err.count("is damaged or no file") == 1


def test_tracks_that_went_are_not_remembered(settings):
    with Recognizer(settings, live=False, beside=OnDemand()) as recogniser:
        for n in range(200):
            named(recogniser, n * 1.0, track(n))
        assert len(recogniser._beliefs) < 70


def test_nobody_known_asks_nobody(settings):
    beside = OnDemand()
    nobody = msgspec.structs.replace(settings, file=settings.file.with_name("none.json"))
    with Recognizer(nobody, live=False, beside=beside) as recogniser:
        assert named(recogniser) == [UNKNOWN] and beside.asked == 0


# The process itself; needs dlib


@pytest.fixture(scope="module")
def face(astronaut):
    pytest.importorskip("dlib", reason="no dlib: pip install -r requirements-people.txt")
    (one,) = BlazeFace().detect(astronaut)
    return chip(astronaut, one.landmarks)


def test_the_process_computes_what_the_network_does(face):
    from device.recognition.embedding import Embedder

    with EmbeddingProcess() as beside:
        assert beside.answer(wait=False) is None and not beside.busy
        beside.ask(face)
        assert beside.busy
        got = beside.answer(wait=True)
        assert not beside.busy
        np.testing.assert_array_equal(got, Embedder().embed(face))
        process = beside._process
    assert process.returncode == 0


def test_its_death_is_told(face):
    with EmbeddingProcess() as beside:
        beside._process.kill()
        beside.ask(face)
        with pytest.raises(FacetError, match="ended with code -9"):
            beside.answer(wait=True)


def test_a_dlib_that_does_not_load_is_told_at_once(tmp_path, monkeypatch):
    (tmp_path / "dlib.py").write_text("raise ImportError('no dlib')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(FacetError, match="needs dlib, which is not installed") as error:
        EmbeddingProcess().__enter__()
    assert error.value.exit_code == 2
