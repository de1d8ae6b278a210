"""Live emoji, with a film for the camera and an output that keeps what is painted."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest

from device.camera.demo import Demo
from device.emoji.__main__ import shot
from device.emoji.faces import EmojiGenerator
from device.emoji.live import EmojiPainter, EmojiState, lay_over
from device.emoji.skin import SkinTone
from device.outputs import Result
from device.outputs.overlay import annotate
from device.pipeline import assemble, load_models
from device.settings import MODEL, FacesSettings, Settings, TracksSettings
from device.types import TOO_SMALL, Face, Frame, Track


class Painted:
    """An output that keeps what a painter makes of the frames."""

    def __init__(self, paint: EmojiPainter):
        self._paint, self.pictures = paint, []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def write(self, result: Result) -> bool:
        picture = result.frame.bgr.copy()
        self._paint(picture, result.tracks, result.labels)
        self.pictures.append(picture)
        return len(self.pictures) < 40


def test_faces_are_covered_by_an_emoji_that_hardly_changes():
    pytest.importorskip("resvg_py")
    portraitist = EmojiGenerator(MODEL, FacesSettings())
    painter = EmojiPainter(portraitist, TracksSettings().margin)
    painted = Painted(painter)
    assemble(Settings(), load_models(Settings()), Demo(), [painted], []).run()
    for frame, picture in zip(Demo(), painted.pictures, strict=False):
        changed = np.any(frame.bgr != picture, axis=2)
        if frame.index < 2:  # nobody yet
            assert not changed.any()
            continue
        (face,) = portraitist.detector.detect(frame.bgr)
        x, y, w, h = (round(side) for side in face.box)
        assert changed[y : y + h, x : x + w].mean() > 0.95
    assert len(painter._pictures) <= 4  # drawings, of 38 frames


def test_a_face_that_was_not_told_keeps_its_box():
    painter = EmojiPainter(EmojiGenerator(MODEL, FacesSettings()), 0.5)
    face = Face((20.0, 20.0, 30.0, 30.0), 0.9, np.zeros((4, 2)))
    painted, boxed = np.zeros((2, 200, 300, 3), np.uint8)
    track = Track(1, face, 3, TOO_SMALL, None)
    painter(painted, [track], [[]], "1 face")
    annotate(boxed, [track], [[]], "1 face")
    np.testing.assert_array_equal(painted, boxed)
    assert painted.any()


def test_what_is_drawn_stays_until_the_evidence_is_clear():
    wearer = EmojiState(np.array([0.5]), margin=0.5)
    light, dark = SkinTone((0.6, 0.4, 0, 0, 0)), SkinTone((0.4, 0.6, 0, 0, 0))
    wearer.see(np.array([0.6]), light, 0.0)
    for at_s, probability in enumerate((0.45, 0.55, 0.4), 1):  # 0.38 is half a log-odd below
        wearer.see(np.array([probability]), dark, at_s / 25)
        assert probability >= wearer.thresholds[0] and wearer.tone.band == 2
    wearer.see(np.array([0.3]), dark, 1.0)
    assert wearer.thresholds[0] > 0.6
    for frame in range(60):
        wearer.see(np.array([0.3]), dark, 1 + frame / 25)
    assert wearer.tone.band == 3


@pytest.mark.parametrize("at", [(0, 0), (-50, -50), (90, 70), (40, 30), (300, 300)])
def test_a_drawing_is_cut_at_the_pictures_edge(at):
    picture = np.zeros((80, 100, 3), np.uint8)
    drawing = np.full((32, 32, 4), 255, np.uint8)
    lay_over(picture, drawing, (*at, 20, 20))
    side = 34  # 1.7 * 20
    left, top = at[0] + 10 - side // 2, at[1] + 9 - side // 2
    inside = max(0, min(left + side, 100) - max(left, 0)) * max(
        0, min(top + side, 80) - max(top, 0)
    )
    assert np.count_nonzero(picture.min(axis=2) == 255) == inside


def test_a_clear_drawing_leaves_the_picture():
    picture = np.full((50, 50, 3), 7, np.uint8)
    lay_over(picture, np.zeros((8, 8, 4), np.uint8), (10, 10, 20, 20))
    assert (picture == 7).all()


class Flashing:
    """A live camera whose frames are numbered."""

    live, stills, name, fps = True, False, "flashing", 30.0

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def __iter__(self) -> Iterator[Frame]:
        for index in range(10**9):
            yield Frame(np.zeros((1, 1, 3), np.uint8), index, datetime.now(UTC), 0.0, self.name)


def test_a_shot_is_taken_after_the_countdown(capsys):
    frame = shot(Flashing(), countdown_s=1)
    assert frame.index > 10 and capsys.readouterr().err == "facet: 1 ...\n"
