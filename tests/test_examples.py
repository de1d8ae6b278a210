"""Every script of docs/examples/ does what its docstring says, on a short film or a portrait.

The scripts import `facet`, the installed package; here the checkout's `device` stands for it.
"""

import ast
import contextlib
import json
import re
import runpy
import sqlite3
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

import device
from device.camera.demo import Demo
from tests.conftest import ROOT

FOLDER = ROOT / "docs" / "examples"
SCRIPTS = sorted(FOLDER.glob("*.py"))
FRAMES = 40


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    """The first 40 frames of the demo clip, 1.6 s: one woman who smiles."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (640, 480))
    with Demo() as demo:
        for frame in islice(demo, FRAMES):
            video.write(frame.bgr)
    video.release()
    return path


@pytest.fixture
def photo(tmp_path, astronaut) -> Path:
    path = tmp_path / "astronaut.png"
    cv2.imwrite(str(path), astronaut)
    return path


@pytest.fixture
def run(monkeypatch, capsys, tmp_path) -> Callable[..., str]:
    """Return a function that runs a script with arguments and returns what it printed."""

    def start(name: str, *arguments: object) -> str:
        monkeypatch.setitem(sys.modules, "facet", device)
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        monkeypatch.chdir(tmp_path)
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return start


def read_frames(path: Path) -> list[np.ndarray]:
    video = cv2.VideoCapture(str(path))
    frames = []
    while (read := video.read())[0]:
        frames.append(read[1])
    video.release()
    return frames


def test_annotate_video_draws_on_every_frame_that_has_a_face(run, film, tmp_path):
    run("annotate_video", film, tmp_path / "annotated.mp4")
    before, after = read_frames(film), read_frames(tmp_path / "annotated.mp4")
    assert len(after) == len(before) == FRAMES
    green = [int(((a[..., 1] > 180) & (a[..., 2] < 120)).sum()) for a in after]
    assert green[-1] > 200 + int(((before[-1][..., 1] > 180) & (before[-1][..., 2] < 120)).sum())


def test_best_smile_of_a_film_saves_a_frame(run, film, tmp_path):
    printed = run("best_smile_of_a_film", film, tmp_path / "smile.jpg")
    assert float(re.search(r"smiling ([\d.]+)", printed)[1]) > 0.9
    assert cv2.imread(str(tmp_path / "smile.jpg")).shape == (480, 640, 3)


def test_blur_faces_leaves_no_detail_in_the_face_and_all_of_it_elsewhere(run, film, tmp_path):
    run("blur_faces", film, tmp_path / "blurred.mp4")
    before, after = read_frames(film)[-1], read_frames(tmp_path / "blurred.mp4")[-1]
    (face,) = device.analyze(before)
    x, y, w, h = (round(value) for value in face.box)

    def detail(picture: np.ndarray) -> float:
        return float(cv2.Laplacian(picture, cv2.CV_64F).std())

    inside = np.s_[y : y + h, x : x + w]
    assert detail(after[inside]) < 0.3 * detail(before[inside])
    assert detail(after[:, :100]) > 0.5 * detail(before[:, :100])


def test_compare_two_models_finds_no_difference_between_a_model_and_itself(run, film):
    model = ROOT / "models" / "attributes-small.json"
    printed = run("compare_two_models", model, model, film)
    assert re.fullmatch(r"\d\d faces compared\n", printed)


@pytest.mark.slow
def test_compare_two_models_lists_the_attributes_that_differ(run, film):
    models = [ROOT / "models" / f"{name}.json" for name in ("attributes", "attributes-small")]
    first, *others = run("compare_two_models", *models, film).splitlines()
    assert re.fullmatch(r"\d\d faces compared", first)
    assert others
    assert all(re.fullmatch(r"\w+ +\d+\.\d%", line) for line in others)


def test_count_smiles_counts_one_of_one(run, film):
    assert run("count_smiles", film) == "1 faces, 1 smiled\n"


def test_crops_to_folder_saves_a_picture_per_face(run, photo, tmp_path):
    assert run("crops_to_folder", tmp_path / "crops", photo) == "astronaut.png: 1 faces\n"
    (path,) = (tmp_path / "crops").iterdir()
    assert path.name == "astronaut-1.png"
    assert 90 < cv2.imread(str(path)).shape[0] < 120  # px; the face is 104 px wide


def test_crops_to_folder_names_a_photo_that_it_cannot_read(run, tmp_path):
    with pytest.raises(SystemExit, match=r"cannot read missing\.png"):
        run("crops_to_folder", tmp_path / "crops", "missing.png")


def test_faces_in_view_prints_who_comes(run, film):
    assert re.fullmatch(r"\d\d:\d\d:\d\d face 1 came, 1 in view\n", run("faces_in_view", film))


def test_lamp_on_smile_prints_without_gpiozero(run, film, monkeypatch):
    monkeypatch.setitem(sys.modules, "gpiozero", None)  # as if it were not installed
    assert run("lamp_on_smile", film, 17) == "lamp 17 on\n"


def test_lamp_by_source_lights_a_lamp_of_gpiozero(run, monkeypatch):
    gpiozero = pytest.importorskip("gpiozero")
    from gpiozero.pins.mock import MockFactory

    factory = MockFactory()
    monkeypatch.setattr(gpiozero.Device, "pin_factory", factory)
    assert run("lamp_by_source", "demo", 17).endswith("lamp off\n")
    assert True in [change.state for change in factory.pin(17).states]
    factory.close()


def test_log_to_sqlite_has_a_row_per_face_and_frame(run, film, tmp_path):
    path = tmp_path / "faces.db"
    printed = run("log_to_sqlite", film, path)
    query = "select count(*), count(distinct track), max(smiling), max(eyeglasses) from faces"
    with contextlib.closing(sqlite3.connect(path)) as database:
        count, tracks, smiling, eyeglasses = database.execute(query).fetchone()
    assert printed == f"{count} rows in {path}\n"
    assert (count, tracks) == (FRAMES, 1)
    assert smiling > 0.9
    assert eyeglasses < 0.5


def test_photo_to_json_prints_the_faces(run, photo):
    (face,) = json.loads(run("photo_to_json", photo))
    assert face["state"] == "ok"
    assert len(face["box"]) == 4
    assert len(face["probabilities"]) == 40
    assert face["probabilities"]["Smiling"] > 0.9


def test_every_script_has_a_test():
    source = Path(__file__).read_text()
    assert [path.stem for path in SCRIPTS if f'"{path.stem}"' not in source] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_is_short_and_says_how_to_run_it(path):
    source = path.read_text()
    assert source.count("\n") < 40
    assert f"\n    python {path.name}" in ast.get_docstring(ast.parse(source), clean=False)
