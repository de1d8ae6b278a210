"""Live emoji: the painter on the demo clip, and the command in a window."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from device.attributes.model_card import read_card
from device.camera.demo import Demo
from device.cli.emoji import shot
from device.emoji.faces import EmojiGenerator
from device.emoji.live import EmojiPainter, EmojiState, overlay
from device.emoji.skin import SkinTone
from device.models import load_models
from device.outputs.overlay import annotate
from device.pipeline import build_pipeline
from device.settings import Settings
from device.types import TOO_SMALL, Face, Frame, Probabilities
from tests.conftest import CARD
from tests.device.screen import needs_screen, press_until_ended, running, until

BACKDROP_BGR = (0xB3, 0xE3, 0xFF)  # of layers.toml
LANDMARKS = np.array([(30.0, 35.0), (40.0, 35.0), (35.0, 40.0), (35.0, 45.0)])


@pytest.fixture(scope="module")
def generator() -> EmojiGenerator:
    return EmojiGenerator(read_card(CARD))


def test_faces_are_covered_by_an_emoji_that_hardly_changes(generator):
    pytest.importorskip("resvg_py")
    painter = EmojiPainter(generator, Settings().tracks.hysteresis)
    models = load_models(Settings())
    for frame, faces in build_pipeline(Settings(), models, Demo(), shown=()):
        picture = frame.bgr.copy()
        painter(picture, faces)
        changed = np.any(frame.bgr != picture, axis=2)
        (face,) = models.full_detector.detect(frame.bgr)
        x, y, w, h = (round(side) for side in face.box)
        assert changed[y : y + h, x : x + w].mean() > 0.95
        if frame.index == 39:
            break
    assert len(painter._pictures) <= 4  # drawings, of 40 frames


class Recording(EmojiGenerator):
    """Keeps the skin tones that it measures."""

    tones: tuple[SkinTone, ...] = ()

    def tone(self, picture_bgr, face):
        self.tones += (super().tone(picture_bgr, face),)
        return self.tones[-1]


def test_all_skin_tones_are_measured_before_the_first_emoji_is_drawn():
    pytest.importorskip("resvg_py")
    card, box = read_card(CARD), (20.0, 20.0, 30.0, 30.0)
    values = Probabilities(card.names, np.full(len(card.names), 0.1, np.float32))
    same_place = [Face(id, box, 0.9, LANDMARKS, probabilities=values) for id in (1, 2)]
    generator = Recording(card)
    EmojiPainter(generator, 0.5)(np.full((80, 80, 3), (120, 150, 200), np.uint8), same_place)
    first, second = generator.tones
    assert first == second


@pytest.mark.parametrize("apart_px", [10.0, 2.0])
def test_a_face_that_is_not_classified_or_too_small_to_crop_keeps_its_box(generator, apart_px):
    names = read_card(CARD).names
    values = None if apart_px > 4 else np.full(len(names), 0.9, np.float32)
    landmarks = LANDMARKS * (apart_px / 10)
    box = (20.0, 20.0, 30.0, 30.0)
    face = Face(1, box, 0.9, landmarks, TOO_SMALL, probabilities=Probabilities(names, values))
    painted, boxed = np.zeros((2, 200, 300, 3), np.uint8)
    EmojiPainter(generator, 0.5)(painted, [face], "1 face")
    annotate(boxed, [face], "1 face")
    np.testing.assert_array_equal(painted, boxed)
    assert painted.any()


def test_a_drawing_stays_until_the_evidence_is_clear():
    state = EmojiState(np.array([0.5]), hysteresis=0.5)
    light, dark = SkinTone((0.6, 0.4, 0, 0, 0)), SkinTone((0.4, 0.6, 0, 0, 0))
    state.update(np.array([0.6]), light, 0.0)
    for at_s, probability in enumerate((0.45, 0.55, 0.4), 1):  # 0.38 is half a log-odd below
        state.update(np.array([probability]), dark, at_s / 25)
        assert probability >= state.thresholds[0] and state.tone.band == 2
    state.update(np.array([0.3]), dark, 1.0)
    assert state.thresholds[0] > 0.6
    for frame in range(60):
        state.update(np.array([0.3]), dark, 1 + frame / 25)
    assert state.tone.band == 3


@pytest.mark.parametrize("at", [(0, 0), (-50, -50), (90, 70), (40, 30), (300, 300)])
def test_a_drawing_is_clipped_at_the_pictures_edge(at):
    picture = np.zeros((80, 100, 3), np.uint8)
    drawing = np.full((32, 32, 4), 255, np.uint8)
    overlay(picture, drawing, (*at, 20, 20))
    side = 34  # 1.7 * 20
    left, top = at[0] + 10 - side // 2, at[1] + 9 - side // 2
    inside = max(0, min(left + side, 100) - max(left, 0)) * max(
        0, min(top + side, 80) - max(top, 0)
    )
    assert np.count_nonzero(picture.min(axis=2) == 255) == inside


def test_a_transparent_drawing_leaves_the_picture():
    picture = np.full((50, 50, 3), 7, np.uint8)
    overlay(picture, np.zeros((8, 8, 4), np.uint8), (10, 10, 20, 20))
    assert (picture == 7).all()


class Flashing:
    """A live camera whose frames are numbered."""

    name, fps, mode = "flashing", 30.0, "1x1"
    dropped, newest, reconnecting = 0, None, False

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


@needs_screen
@pytest.mark.parametrize("source", ["me.png", "demo"])
def test_emoji_are_shown_in_a_window_until_q(screen, tmp_path, astronaut, source):
    pytest.importorskip("resvg_py")
    display, look = screen
    cv2.imwrite(str(tmp_path / "me.png"), astronaut)

    def covered() -> float:
        return np.all(look() == BACKDROP_BGR, axis=2).mean()

    command = [sys.executable, "-m", "device.emoji", "--camera", source, "--live"]
    with running(command, display, cwd=tmp_path) as process:
        assert until(lambda: covered() > 0.01)
        press_until_ended(display, "q", process)
        _, stderr = process.communicate(timeout=90)
    assert process.returncode == 0, stderr
    assert stderr.startswith("facet: q quits") and len(stderr.splitlines()) == 1
