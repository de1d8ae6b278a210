"""The bench: its scene, its figures, its document, and its errors."""

import json

import cv2
import numpy as np
import pytest

from device.attributes.model_card import read_card
from device.bench import measure, report
from device.bench.scene import Scene
from device.cli import bench
from device.config import merge
from device.errors import ModelError, UsageError
from device.faces.blazeface import BlazeFace
from device.models import load_models
from device.settings import Settings
from device.types import Face, Result
from tests.conftest import CARD


@pytest.mark.parametrize(("faces", "size_wh"), [(1, (640, 480)), (10, (640, 480)), (3, (320, 640))])
def test_a_scene_shows_so_many_moving_faces(faces, size_wh):
    frames = list(Scene(faces, size_wh, 70))
    assert len(frames) == 70 and frames[0].bgr.shape == (size_wh[1], size_wh[0], 3)
    assert len(BlazeFace().detect(frames[0].bgr)) == faces
    assert np.abs(frames[0].bgr.astype(int) - frames[15].bgr).mean() > 1
    assert frames[30].at_s == 1.0


def test_a_scene_without_faces():
    (frame,) = Scene(0, (64, 48), 1)
    assert frame.bgr.std() == 0


def test_figures_of_one_run(tmp_path, capsys):
    out = tmp_path / "bench.json"
    bench.main(["--faces", "2", "--max-frames", "40", "--rounds", "1", "--json", str(out)])
    figures = json.loads(out.read_text())
    assert figures["frames"] == 40 and figures["faces"] >= 70
    # In 40 frames of a scene at 30 frames/s: full detections at 0, 0.2, .. 1.2 s; nine tiles.
    assert figures["invocations"]["full_detector"] == 16
    assert 10 <= figures["invocations"]["classifier"] <= 30
    assert figures["classifications_per_s"] == pytest.approx(5, abs=2)
    assert figures["overhead_ratio"] > 0  # a busy machine makes any ratio
    assert figures["fps"] > 1 and figures["peak_memory_mb"] + 1 > figures["final_memory_mb"] > 20
    printed = capsys.readouterr().out
    assert "times the bare models' time" in printed and f"{figures['fps']:.1f}" in printed


def test_two_configurations_in_turns(tmp_path, capsys):
    out = tmp_path / "both.json"
    common = ["--faces", "1", "--max-frames", "20", "--rounds", "1", "--json", str(out)]
    bench.main([*common, "--against", "faces.detect_hz=1000"])
    both = json.loads(out.read_text())
    # Which is faster, so few frames do not show.
    assert both["a"]["fps"] > 0 and both["b"]["fps"] > 0
    assert "faces.detect_hz=1000" in capsys.readouterr().out


def test_memory_over_many_frames(capsys):
    bench.main(["--growth", "100", "--size", "320x240"])
    assert "100 frames" in capsys.readouterr().out


@pytest.fixture
def float_model(tmp_path):
    """A .tflite that takes the classifier's crops as float32, as `device.bench --baseline` does."""
    tf = pytest.importorskip("tensorflow")
    width, height = read_card(CARD).crop_wh
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [layers.Input((height, width, 3), 1), layers.GlobalAveragePooling2D(), layers.Dense(40)]
    )
    path = tmp_path / "float.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    return path


@pytest.mark.slow
def test_against_the_baseline_loop(float_model, capsys):
    scene = ["--faces", "2", "--max-frames", "20", "--rounds", "1"]
    bench.main([*scene, "--baseline", str(float_model)])
    assert "times as fast" in capsys.readouterr().out
    with pytest.raises(ModelError, match=r"Try: python -m train\.quantize"):
        bench.main([*scene, "--baseline", str(float_model.with_name("none.tflite"))])
    with pytest.raises(ModelError, match="does not take float crops of"):
        bench.main([*scene, "--baseline", str(CARD.with_suffix(".tflite"))])


def test_counting_leaves_the_models_alone():
    settings = merge(Settings(), {"outputs": {"max_frames": 7}}, "test")
    models = load_models(settings)
    network = models.classifier.network
    networks = measure._count_invocations(settings, models, lambda: Scene(1, (640, 480), 9))
    assert models.classifier.network is network
    assert networks["full_detector"].count == 11  # at 0 and 0.2 s, and nine tiles at 0
    # near the track, in three of the five frames between; and one detection that is not verified
    assert networks["roi_detector"].count == len(networks["roi_detector"].inputs) == 4


def test_label_changes_are_counted_for_each_track():
    output = measure.BenchOutput()
    for labels in ((), ("smile",), ("smile", "hat"), ("hat",)):
        output.write(Result(None, [_face(1, labels), _face(2, ("hat",))]))
    assert output.label_changes == 3 and output.first_label_s > 0


def _face(id, labels):
    return Face(id, (0, 0, 1, 1), 1.0, np.zeros((4, 2)), labels=labels)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "settle=1"], "TABLE.KEY=VALUE"),
        (["--set", "tracks.smothing=1"], "Try: smoothing_s"),
        (["--against", "tracks.smothing=1"], "Try: smoothing_s"),
        (["--rounds", "0"], "1 or more"),
        (["--faces", "-1"], "0 or more"),
        (["--growth", "5"], "need 100 or more"),
        (["--size", "big"], "WxH"),
    ],
)
def test_wrong_usage(arguments, message):
    with pytest.raises(UsageError, match=message):
        bench.main(arguments)


def test_a_video_is_read_like_any_camera(tmp_path, astronaut):
    writer = cv2.VideoWriter(
        str(tmp_path / "a.avi"), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 25, (512, 512)
    )
    for _ in range(10):
        writer.write(astronaut)
    writer.release()
    out = tmp_path / "a.json"
    bench.main(["--camera", str(tmp_path / "a.avi"), "--rounds", "1", "--json", str(out)])
    assert json.loads(out.read_text())["frames"] == 10


def test_figures_go_between_their_marks():
    text = f"before\n{report.MARKS[0]}\nold\n{report.MARKS[1]}\nafter\n"
    once = report.filled(text, ["new"])
    assert once == f"before\n{report.MARKS[0]}\n\nnew\n\n{report.MARKS[1]}\nafter\n"
    assert report.filled(once, ["new"]) == once
    with pytest.raises(UsageError, match="no <!--"):
        report.filled("nothing", [])


@pytest.mark.parametrize("words", ["--faces -1", "--faces 100000000", "--faces 2 --size 16x16"])
def test_a_scene_with_an_impossible_number_of_faces(words):
    with pytest.raises(UsageError, match=r"--faces .*, need .*Try: --faces 4"):
        bench.main(words.split())
