"""The small faces of a photo that was decoded at reduced size are classified at full size."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from device.analyzer import FaceAnalyzer, frame_of
from device.camera import image_io
from device.camera.image_io import decode_photo
from device.errors import Stopped
from device.faces.close_up import close_ups, in_close_up
from device.settings import FacesSettings, Settings

SIZE_WH = (1600, 1200)


@pytest.fixture(scope="module")
def analyzer():
    return FaceAnalyzer.from_settings(Settings())


@pytest.fixture
def group(astronaut):
    """A JPEG with faces of 120 px and one of 400 px."""
    picture = np.full((SIZE_WH[1], SIZE_WH[0], 3), 110, np.uint8)
    for face_px, x, y in ((120, 100, 80), (120, 1200, 80), (400, 100, 500)):
        side = 3 * face_px
        part = cv2.resize(astronaut[:300, 80:380], (side, side), interpolation=cv2.INTER_AREA)
        part = part[: SIZE_WH[1] - y, : SIZE_WH[0] - x]
        picture[y : y + part.shape[0], x : x + part.shape[1]] = part
    buffer = io.BytesIO()
    Image.fromarray(picture[:, :, ::-1]).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def reduced(content, monkeypatch, scale):
    pixels = SIZE_WH[0] * SIZE_WH[1]
    monkeypatch.setattr(image_io, "BUDGET", 7.1 * pixels / scale**2)
    photo = decode_photo("a.jpg", content)
    assert photo.scale == scale
    return frame_of(photo.bgr, photo.scale, photo.full_size, "a.jpg")


def test_a_frame_at_full_size_has_no_close_ups(analyzer, astronaut):
    frame = frame_of(astronaut)
    assert not list(close_ups(frame, analyzer.detect(frame.bgr), analyzer.geometry))


@pytest.mark.parametrize("scale", [2, 4])
def test_small_faces_are_seen_as_at_full_size(analyzer, group, monkeypatch, scale):
    whole = decode_photo("a.jpg", group).bgr
    frame = reduced(group, monkeypatch, scale)
    found = analyzer.detect(frame.bgr)
    assert len(found) == 3
    close = dict(close_ups(frame, found, analyzer.geometry))
    assert sorted(close) == [n for n, face in enumerate(found) if scale * face.box[2] < 200]
    for number, close_up in close.items():
        face = in_close_up(found[number], close_up)
        crop = analyzer.geometry.crop(close_up.bgr, face.landmarks)
        x, y = scale * found[number].landmarks.T + (scale - 1) / 2
        expected = analyzer.geometry.crop(whole, np.stack([x, y], 1))
        assert np.abs(crop.astype(int) - expected).mean() < 2


def test_close_ups_change_what_is_classified_and_no_box(analyzer, group, monkeypatch):
    frame = reduced(group, monkeypatch, 4)
    found = analyzer.detect(frame.bgr)
    views = []
    faces = analyzer.analyze_frame(
        frame, found, named=lambda view, face: views.append(view) or face
    )
    assert [face.box for face in faces] == [face.box for face in found]
    assert [face.id for face in faces] == [1, 2, 3]
    assert {face.state for face in faces} == {"ok"}
    assert sum(view is frame for view in views) == 1 and len(views) == 3


def test_the_smallest_face_is_measured_in_px_of_the_file(group, monkeypatch):
    frame = reduced(group, monkeypatch, 4)
    settings = Settings(faces=FacesSettings(min_face=60.0))
    faces = FaceAnalyzer.from_settings(settings).analyze_frame(frame)
    assert min(face.box[2] for face in faces) < 40 and {face.state for face in faces} == {"ok"}
    settings = Settings(faces=FacesSettings(min_face=200.0))
    faces = FaceAnalyzer.from_settings(settings).analyze_frame(frame)
    assert sorted(face.state for face in faces) == ["ok", "too small", "too small"]


def test_a_file_that_vanished_leaves_the_reduced_faces(
    analyzer, group, monkeypatch, tmp_path, capsys
):
    frame = reduced(group, monkeypatch, 4)

    def vanished():
        raise FileNotFoundError(2, "No such file or directory")

    object.__setattr__(frame.full_size, "open_file", vanished)
    faces = analyzer.analyze_frame(frame)
    assert len(faces) == 3 and all(face.probabilities for face in faces if face.state == "ok")
    assert "a.jpg: some faces are classified at reduced size" in capsys.readouterr().err


def test_a_stop_ends_the_analysis(analyzer, group, monkeypatch):
    frame = reduced(group, monkeypatch, 4)
    found = analyzer.detect(frame.bgr)
    with pytest.raises(Stopped):
        analyzer.analyze_frame(frame, found, stopping=lambda: True)
    with pytest.raises(Stopped):
        analyzer.detect(np.zeros((3000, 3000, 3), np.uint8), lambda: True)
