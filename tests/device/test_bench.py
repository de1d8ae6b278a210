"""The bench: its scene, its figures, and what it says of wrong ones."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from device.attributes.card import read_card
from device.bench import __main__ as bench
from device.bench import report
from device.bench.scene import Scene
from device.errors import ModelError, UsageError
from device.faces.blazeface import BlazeFace
from tests.conftest import CARD


@pytest.mark.parametrize(
    ("people", "size_wh"), [(1, (640, 480)), (10, (640, 480)), (3, (320, 640))]
)
def test_a_scene_shows_so_many_people_who_move(people, size_wh):
    frames = list(Scene(people, size_wh, 70))
    assert len(frames) == 70 and frames[0].bgr.shape == (size_wh[1], size_wh[0], 3)
    assert len(BlazeFace().detect(frames[0].bgr)) == people
    assert np.abs(frames[0].bgr.astype(int) - frames[15].bgr).mean() > 1
    assert frames[30].at_s == 1.0


def test_a_scene_without_people():
    (frame,) = Scene(0, (64, 48), 1)
    assert frame.bgr.std() == 0


def test_what_one_run_comes_to(tmp_path, capsys):
    out = tmp_path / "bench.json"
    bench.main(["--faces", "2", "--max-frames", "40", "--rounds", "1", "--json", str(out)])
    figures = json.loads(out.read_text())
    assert figures["frames"] == 40 and figures["faces"] >= 70
    # In 40 frames of a scene at 30 frames/s: searches at 0, 0.2, .. 1.2 s.
    assert figures["invocations"]["searcher"] == 7
    assert 10 <= figures["invocations"]["classifier"] <= 30
    assert 1.0 < figures["overhead_ratio"] < 20
    assert figures["fps"] > 1 and figures["peak_memory_mb"] + 1 > figures["final_memory_mb"] > 20
    printed = capsys.readouterr().out
    assert "times what the bare models take" in printed and f"{figures['fps']:.1f}" in printed


def test_two_configurations_in_turns(tmp_path, capsys):
    out = tmp_path / "both.json"
    common = ["--faces", "1", "--max-frames", "60", "--rounds", "1", "--json", str(out)]
    bench.main([*common, "--against", "faces.search=1000"])
    both = json.loads(out.read_text())
    assert both["a"]["fps"] > both["b"]["fps"] > 0
    assert "faces.search=1000" in capsys.readouterr().out


def test_memory_over_many_frames(capsys):
    bench.main(["--growth", "200", "--size", "320x240"])
    assert "200 frames" in capsys.readouterr().out


def test_against_the_naive_loop(tmp_path, capsys):
    pytest.importorskip("tensorflow")
    from train.network.build import build
    from train.quantize import main as quantize

    model = build(40, read_card(CARD).crop_wh, "none")
    model.save(tmp_path / "a.keras")
    quantize([str(tmp_path / "a.keras"), "--float", str(tmp_path / "float.tflite")])
    scene = ["--faces", "2", "--max-frames", "20", "--rounds", "1"]
    bench.main([*scene, "--naive", str(tmp_path / "float.tflite")])
    assert "times as fast" in capsys.readouterr().out
    with pytest.raises(ModelError, match=r"train\.quantize"):
        bench.main([*scene, "--naive", str(tmp_path / "none.tflite")])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "settle=1"], "TABLE.KEY=VALUE"),
        (["--set", "tracks.setle=1"], "Did you mean settle"),
        (["--against", "tracks.setle=1"], "Did you mean settle"),
        (["--rounds", "0"], "1 or more"),
        (["--faces", "-1"], "0 or more"),
        (["--growth", "5"], "100 frames"),
        (["--size", "big"], "WxH"),
    ],
)
def test_wrong_words_are_named(arguments, message):
    with pytest.raises(UsageError, match=message):
        bench.main(arguments)


def test_a_film_is_read_like_any_camera(tmp_path, astronaut):
    writer = cv2.VideoWriter(
        str(tmp_path / "a.avi"), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 25, (512, 512)
    )
    for _ in range(10):
        writer.write(astronaut)
    writer.release()
    out = tmp_path / "a.json"
    bench.main(["--camera", str(tmp_path / "a.avi"), "--rounds", "1", "--json", str(out)])
    assert json.loads(out.read_text())["frames"] == 10


def test_the_report_says_what_passed_and_what_did_not():
    asked = []

    def figures(arguments):
        asked.append(arguments)
        fps = 100.0 if arguments == report.TEN else 300.0
        return {
            "overhead_ratio": 1.5,
            "fps": fps,
            "startup_to_first_label_s": 0.5,
            "peak_memory_mb": 120.0,
            "memory_growth_mb": -0.1,
            "naive_ratio": 2.0,
        }

    lines = report.table(figures, Path("float.tflite"))
    found = {line.split(" | ")[0][2:]: line for line in lines[2:]}
    assert len(found) == 9
    assert "1.50 | 1.3 | 1.15 | MISSED" in found["overhead ratio, one face, 640x480"]
    assert "| passed |" in found["overhead ratio, one face, 1920x1080"]
    assert "300 | 120 | 200 | aim reached" in found["frames/s, one face, 640x480"]
    assert "3.00x | 4x | 2.5x | passed" in found["cost of a frame, ten faces over one"]
    assert "MISSED" in found["against the naive loop, four faces"]
    assert ("--faces", "4", "--naive", "float.tflite") in asked


def test_the_report_goes_between_its_marks():
    text = f"before\n{report.START}\nold\n{report.END}\nafter\n"
    once = report.filled(text, ["new"])
    assert once == f"before\n{report.START}\n\nnew\n\n{report.END}\nafter\n"
    assert report.filled(once, ["new"]) == once
    with pytest.raises(UsageError, match="no <!--"):
        report.filled("nothing", [])
