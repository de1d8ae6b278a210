"""The probes, each of them short, in processes of their own; and what they count."""

import subprocess
import sys

import numpy as np
import pytest

from device.bench.checkouts import ROOT, Checkout
from device.bench.compare import PROBES, run_probe
from device.bench.probes.recorder import Recorder
from device.bench.probes.room import cut_out
from device.camera.demo import ASTRONAUT, portrait
from device.resources import portrait_path

HERE = Checkout(ROOT, "here")
LIVE = {"fps": 10.0, "warm_up_s": 0.5, "window_s": 1.0, "people": 1}


class Interpreter:
    """A runtime's network that adds 1 to its input, and counts."""

    calls = 0

    def __init__(self):
        self.value = np.zeros(2)

    def get_input_details(self):
        return [{"index": 7}]

    def get_tensor(self, index):
        assert index == 7
        return self.value

    def set_tensor(self, index, value):
        assert index == 7
        self.value = value

    def invoke(self):
        Interpreter.calls += 1
        self.value = self.value + 1


def test_invocations_are_counted_and_repeated_on_their_inputs():
    one, other = Interpreter(), Interpreter()
    one.invoke()
    with Recorder(Interpreter) as recorder:
        one.invoke()
        one.invoke()
        other.invoke()
    one.invoke()  # not counted any more
    assert recorder.count == 3 and one.value.tolist() == [4, 4]
    before = Interpreter.calls
    assert recorder.repeat_s() > 0 and Interpreter.calls == before + 3
    assert one.value.tolist() == [3, 3]  # the second counted one began with 2
    assert other.value.tolist() == [1, 1]


@pytest.mark.slow
def test_the_overhead_of_a_scene():
    options = {"faces": 1, "size_wh": (640, 480), "frames": 7, "repeats": 1}
    figures = run_probe(HERE, "overhead", options)
    # Full detections at 0 and 0.2 s and nine tiles at 0; more of the track and its attributes.
    assert figures["overhead"] > 0 and figures["invocations"] >= 2 + 9 + 5 + 1


def test_the_overhead_of_a_photo():
    photo = str(portrait_path(ASTRONAUT.file))
    figures = run_probe(HERE, "photo", {"photo": photo, "repeats": 1})
    assert figures["faces"] == 1 and figures["photo_s"] > figures["decoding_s"] > 0


@pytest.mark.parametrize("number", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_live_camera(number):
    figures = run_probe(HERE, "live", LIVE | {"people": number, "moving": False})
    assert 0 < figures["cpu"] < 20 and 0 < figures["fps"] < 11
    assert figures["faces_per_frame"] == number == figures["labelled_per_frame"]


@pytest.mark.slow
def test_latency():
    figures = run_probe(HERE, "latency", LIVE)
    for name in ("analyzed", "picture", "label"):
        assert 0 < figures[f"{name}_p50"] <= figures[f"{name}_p95"]
    assert figures["label_p50"] >= figures["picture_p50"]


def test_the_cost_of_a_frame():
    figures = run_probe(HERE, "cost", {"frames": 7, "repeats": 1})
    assert figures["ten_over_one"] == pytest.approx(figures["fps_one"] / figures["fps_ten"])
    assert list(figures["stages_ms"]) == ["camera", "faces", "attributes", "outputs"]
    assert all(p50 <= p95 <= p99 for p50, p95, p99 in figures["stages_ms"].values())


def test_the_first_label_comes_after_the_start():
    figures = run_probe(HERE, "start", {"frames": 10})
    assert 0.05 < figures["first_label_s"] < 60


@pytest.mark.slow
def test_the_peak_of_memory():
    photo = str(portrait_path(ASTRONAUT.file))
    options = {"camera": None, "photo": photo}
    assert 30 < run_probe(HERE, "memory", options)["peak_mb"] < 1000


@pytest.mark.slow
def test_the_growth_of_memory():
    assert abs(run_probe(HERE, "growth", {"frames": 100})["growth_mb"]) < 100


def test_probes_import_the_checkout_that_they_are_given(tmp_path):
    """A checkout whose `device` says what it is: nothing of this one's may be taken."""
    (tmp_path / "device" / "bench").mkdir(parents=True)
    for package in ("device", "device/bench"):
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "device" / "bench" / "measure.py").write_text("raise SystemExit('of the other')\n")
    done = run_by_hand(tmp_path, "growth")
    assert done.returncode == 1 and done.stderr.strip().endswith("of the other")


def run_by_hand(checkout, probe):
    command = [sys.executable, str(PROBES), str(checkout), probe, "{}"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True)


def test_portraits_are_cut_out_around_their_face():
    person = cut_out(portrait(ASTRONAUT), ASTRONAUT.face_xy, ASTRONAUT.face_px)
    x, y = (round(side) for side in person.face_xy)
    assert person.opacity[y, x] == pytest.approx(1, abs=0.01)
    assert person.opacity[0].max() < 0.02 and person.opacity[:, 0].max() < 0.02
    assert person.opacity[-1, x] == pytest.approx(1, abs=0.01)  # shoulders go on below
