"""The bench of several cameras: its live scenes, its ways, its figures, and the text of them."""

import itertools

import numpy as np
import pytest

from device.bench import camera_run, cameras, live_scene, report
from device.bench.camera_run import Usage
from device.bench.cameras import CameraProcess, Extent, Plan, Way, lines_of, measure, ways
from device.bench.live_scene import LiveScene
from device.camera import is_live
from device.cli import bench
from device.errors import FacetError, UsageError

PICTURES = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1).repeat(2, 1).repeat(2, 2).repeat(3, 3)


@pytest.fixture
def clock(monkeypatch):
    """A clock that only sleeping and the test move."""
    now_s = [100.0]

    def sleep(seconds):
        now_s[0] += seconds

    monkeypatch.setattr(live_scene.time, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(live_scene.time, "sleep", sleep)
    return now_s


def test_a_live_scene_gives_each_picture_at_its_time(clock):
    scene = LiveScene("camera 0", PICTURES, first=2)
    frames = list(itertools.islice(scene, 4))
    assert [frame.index for frame in frames] == [0, 1, 2, 3] and scene.dropped == 0
    assert [frame.at_s for frame in frames] == pytest.approx([100, 100.04, 100.08, 100.12])
    assert [int(frame.bgr[0, 0, 0]) for frame in frames] == [2, 0, 1, 2]
    assert is_live(scene) and scene.mode == "2x2, 25 frames/s"
    frames[0].bgr[:] = 9
    assert PICTURES.max() == 2


def test_frames_that_were_due_meanwhile_are_dropped(clock):
    frames = iter(scene := LiveScene("camera 0", PICTURES))
    next(frames)
    clock[0] += 0.13  # 3 periods and a quarter
    assert next(frames).index == 3 and scene.dropped == 2


def test_the_ways_are_powers_of_two_in_one_process_and_in_several():
    assert ways(1) == [Way(1, 1)]
    assert ways(5) == [Way(1, 1), Way(2, 1), Way(2, 2), Way(4, 1), Way(4, 4)]
    assert Way(4, 1).groups == [(0, 1, 2, 3)] and Way(2, 2).groups == [(0,), (1,)]


def test_the_figures_add_up_the_processes():
    usages = [
        Usage((50, 40), (0.01,) * 90, 2.0, 1.0, 120.0),
        Usage((60,), (0.2,) * 10, 2.0, 0.5, 80),
    ]
    assert cameras._figures(usages) == pytest.approx(
        {
            "fps": 25.0,
            "least_fps": 20.0,
            "cores": 0.75,
            "cpu_ms": 15.0,
            "peak_mb": 200.0,
            "age_p95_ms": 200.0,
        }
    )


@pytest.fixture(scope="module")
def figures():
    return measure(2, Extent(warm_up_s=0.5, window_s=1.0))


def test_each_way_is_measured(figures):
    rows = figures["rows"]
    assert [(row["cameras"], row["processes"]) for row in rows] == [(1, 1), (2, 1), (2, 2)]
    for row in rows:
        assert 0 < row["least_fps"] <= row["fps"] <= 30 and row["age_p95_ms"] > 0
        assert row["cores"] > 0 and row["pss_mb"] > 20 and row["peak_mb"] > 20
    # A second set of models: the tests' own process is not measured.
    assert rows[2]["peak_mb"] > 1.5 * rows[1]["peak_mb"]


def test_the_text_has_a_row_for_each_way_and_the_cost_of_a_further_camera(figures):
    row = {"fps": 25.0, "least_fps": 24.9, "cpu_ms": 8.0, "peak_mb": 130.0, "age_p95_ms": 12.0}
    rows = [
        row | {"cameras": 1, "processes": 1, "cores": 0.2, "pss_mb": 100.0},
        row | {"cameras": 4, "processes": 1, "cores": 0.8, "pss_mb": 130.0},
        row | {"cameras": 4, "processes": 4, "cores": 1.1, "pss_mb": 340.0},
    ]
    lines = lines_of({"rows": rows})
    assert "| 4 | 1 | 25.0 | 24.9 | 0.80 | 8.0 ms | 130 MB | 130 MB | 12 ms |" in lines
    assert lines[-2:] == [
        "A further camera in the same process: 0.20 of a core, 10 MB (PSS).",
        "A further camera in a process of its own: 0.30 of a core, 80 MB (PSS).",
    ]
    assert len([line for line in lines_of(figures) if line.startswith("| ")]) == 4


def test_the_figures_are_written_into_the_document(figures, tmp_path, monkeypatch, capsys):
    document = tmp_path / "benchmarks.md"
    document.write_text("\n".join(["before", *report.CAMERAS, "after\n"]))
    monkeypatch.setattr(report, "DOCUMENT", document)
    monkeypatch.setattr(cameras, "measure", lambda *_: figures)
    bench.main(["--cameras", "2", "--write"])
    text, printed = document.read_text(), capsys.readouterr().out
    assert text.startswith("before\n<!-- cameras -->\n\nMeasured on ")
    assert all(line in text and line in printed for line in lines_of(figures))


@pytest.mark.parametrize("number", ["0", "-1", "33"])
def test_a_wrong_number_of_cameras_is_refused(number):
    with pytest.raises(UsageError, match=f"--cameras {number}, need 1 to 32. Try: --cameras 4"):
        bench.main([f"--cameras={number}"])


def test_a_process_that_fails_is_one_line(monkeypatch, capfd):
    monkeypatch.setattr(camera_run, "__name__", "device.bench.missing")
    plan = Plan(0, (1, 1, 1, 3), (0,), 0.0, 0.0)
    with CameraProcess(plan) as process, pytest.raises(FacetError, match="the bench failed"):
        process.line()
