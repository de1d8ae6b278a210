"""`device.run` with [[lines]], on a clip of a portrait that walks across the picture and back."""

import csv

import cv2
import numpy as np
import pytest

import device
from device.camera.demo import ASTRONAUT
from device.settings import load_settings
from tests.conftest import ROOT

SIZE_WH, FPS = (640, 480), 25.0
FACE_PX = 90
LINES = """
[[lines]]
name = "door"
from = [0.5, 1.0]
to = [0.5, 0.0]
in_name = "entries"

[[lines]]
name = "shelf"    # above the face: never crossed
from = [0.0, 0.1]
to = [1.0, 0.1]
"""


@pytest.fixture(scope="module")
def walk(tmp_path_factory, astronaut):
    """A film of 4 s: from x = 160 to 480 px and back, with pauses at both ends."""
    path = tmp_path_factory.mktemp("walk") / "walk.avi"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, SIZE_WH)
    zoom = FACE_PX / ASTRONAUT.face_px
    legs = [np.full(10, 160.0), np.linspace(160, 480, 40), np.linspace(480, 160, 40)]
    for x in np.concatenate([*legs, np.full(10, 160.0)]):
        shift = np.array((x, 240)) - zoom * np.array(ASTRONAUT.face_xy)
        matrix = np.array([(zoom, 0, shift[0]), (0, zoom, shift[1])])
        video.write(cv2.warpAffine(astronaut, matrix, SIZE_WH, borderValue=(90, 90, 90)))
    video.release()
    return path


@pytest.fixture
def config(tmp_path):
    (tmp_path / "lines.toml").write_text(LINES)
    return tmp_path / "lines.toml"


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_walk_there_and_back_is_one_crossing_in_and_one_out(walk, config, tmp_path, facet):
    log = tmp_path / "crossings.csv"
    done = facet("--camera", walk, "--headless", "--crossings", log, "--config", config)
    assert done.code == 0 and f"logging crossings to {log}" in done.stderr
    seen = rows(log)
    assert [(row["line"], row["direction"]) for row in seen] == [("door", "in"), ("door", "out")]
    assert {row["track"] for row in seen} == {"1"} and {row["source"] for row in seen} == {
        "walk.avi"
    }
    # The face is at the line in frames 30 and 70, and past the margin of 14 px two frames later. As
    # it moves as predicted, it is detected every fourth frame.
    assert [int(row["frame"]) for row in seen] == pytest.approx([34, 74], abs=2)
    assert seen[0]["time"] < seen[1]["time"] and seen[0]["time"].endswith("Z")


def test_the_lines_are_in_the_recording(walk, config, tmp_path, facet):
    film = tmp_path / "film.avi"
    assert facet("--camera", walk, "--headless", "--record", film, "--config", config).code == 0
    video = cv2.VideoCapture(str(film))
    _, picture = video.read()
    video.release()
    column, beside = picture[400:470, 320].mean(), picture[400:470, 340].mean()
    assert column > 200 and beside < 150  # white on grey


def test_crossings_need_a_line_a_video_and_a_file_of_their_own(
    walk, config, tmp_path, facet, astronaut
):
    done = facet("--camera", walk, "--headless", "--crossings", "c.csv")
    assert done.code == 2
    assert "--crossings without a line to cross. Try: [[lines]] with name" in done.stderr
    shared = ("--crossings", "c.csv", "--log", "./c.csv", "--config", config)
    done = facet("--camera", walk, "--headless", *shared)
    assert done.code == 2 and "--log and --crossings are both c.csv" in done.stderr
    cv2.imwrite(str(tmp_path / "me.png"), astronaut)
    photo = ("--camera", "me.png", "--headless", "--crossings", "c.csv", "--config", config)
    done = facet(*photo)
    assert done.code == 2 and "--crossings logs tracks, and photos have none" in done.stderr
    assert not (tmp_path / "c.csv").exists()


def test_a_wrong_line_ends_the_command_in_one_line(walk, config, facet):
    config.write_text('[[lines]]\nname = "door"\nfrom = [0, 50]\n')
    done = facet("--camera", walk, "--headless", "--config", config)
    message = "[[lines]] 1: from = [0, 50], need each 0 to 1. Try: from = [0.0, 0.5]"
    assert done.code == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_line_of_the_page_counts_entries_to_the_right(walk, config, tmp_path, facet):
    page = (ROOT / "docs" / "lines.md").read_text()
    block = page.partition("    [[lines]]")[2].partition("\n\n")[0]
    config.write_text("[[lines]]" + block)
    log = tmp_path / "crossings.csv"
    assert facet("--camera", walk, "--headless", "--crossings", log, "--config", config).code == 0
    assert [row["direction"] for row in rows(log)] == ["in", "out"]
    assert load_settings(config).lines[0].in_name == "entries"


def test_the_library_gives_crossings_and_sums(walk):
    door = {"name": "door", "from": [0.5, 1.0], "to": [0.5, 0.0]}
    results = list(device.watch(walk, lines=[door]))
    found = [crossing for result in results for crossing in result.crossings]
    assert [(one.line, one.direction) for one in found] == [("door", "in"), ("door", "out")]
    (count,) = results[-1].lines
    assert (count.line.name, count.ins, count.outs) == ("door", 1, 1)
