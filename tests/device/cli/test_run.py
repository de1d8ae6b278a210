"""The command as a user runs it: real portraits, real model, real processes."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime

import cv2
import pytest

from tests.conftest import CARD, DATA, ROOT

HEADLESS = {key: value for key, value in os.environ.items() if key != "DISPLAY"}


def facet(*arguments, cwd=ROOT, env=None, timeout=120):
    return subprocess.run(
        [sys.executable, "-m", "device.run", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**(env or HEADLESS), "PYTHONPATH": str(ROOT)},
        timeout=timeout,
    )


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_new_users_first_run_leaves_a_log_and_a_clip(tmp_path):
    done = facet(cwd=tmp_path)  # no camera here, no screen
    assert done.returncode == 0, done.stderr
    assert "no camera found, playing the built-in demo clip" in done.stderr
    assert done.stderr.count("no screen") == 1
    for file in ("out/demo.csv", "out/demo.mp4"):
        assert file in done.stderr and (tmp_path / file).stat().st_size > 1000
    got = rows(tmp_path / "out" / "demo.csv")
    assert {row["state"] for row in got} == {"ok"}
    starts = [datetime.fromisoformat(row["time"]) for row in got]
    assert 10 < (max(starts) - min(starts)).total_seconds() < 12  # a row a second of film


def test_every_frame_of_a_face_is_a_row_once_it_is_somebody(tmp_path):
    out = tmp_path / "a.csv"
    done = facet("--camera", "demo", "--max-frames", 12, "--log", out, "--log-every", 0)
    assert done.returncode == 0, done.stderr
    got = rows(out)
    assert [row["frame"] for row in got] == [str(n) for n in range(2, 12)]
    assert all(0 <= float(row["Smiling"]) <= 1 for row in got)


def test_after_a_cut_nobody_inherits_a_number(tmp_path):
    """The demo's first two portraits have their faces in the same place, at frame 100."""
    out = tmp_path / "a.csv"
    facet("--camera", "demo", "--max-frames", 110, "--log", out, "--log-every", 0)
    tracks = {int(row["frame"]): row["track"] for row in rows(out)}
    assert set(tracks.values()) == {"1", "2"} and tracks[99] == "1" and tracks[100] == "2"
    glasses = {int(row["frame"]): float(row["Eyeglasses"]) for row in rows(out)}
    assert glasses[99] < 0.1 and glasses[100] > 0.9


def test_photos_a_row_per_face_and_a_truncated_one_is_skipped(tmp_path, astronaut, admiral):
    folder = tmp_path / "photos"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.jpg"), astronaut)
    cv2.imwrite(str(folder / "b.png"), admiral)
    cv2.imwrite(str(folder / "grey.png"), cv2.cvtColor(astronaut, cv2.COLOR_BGR2GRAY))
    cv2.imwrite(str(folder / "dot.png"), astronaut[:1, :1])
    (folder / "cut.jpg").write_bytes((folder / "a.jpg").read_bytes()[:9000])
    out = tmp_path / "a.csv"
    done = facet("--camera", folder, "--headless", "--log", out, "--attributes", "Smiling,Young")
    assert done.returncode == 0, done.stderr
    assert "cut.jpg" in done.stderr and "1 of 5 photos were skipped" in done.stderr
    got = rows(out)
    assert [row["source"] for row in got] == ["a.jpg", "b.png", "grey.png"]
    assert list(got[0])[-2:] == ["Smiling", "Young"]
    assert float(got[0]["Smiling"]) > 0.8 and float(got[2]["Smiling"]) > 0.8


def test_the_device_never_loads_tensorflow(tmp_path):
    code = (
        "import sys, device.run as r\n"
        f"r.main(['--camera', 'demo', '--max-frames', '2', '--log', {str(tmp_path / 'a.csv')!r}])\n"
        "heavy = {'tensorflow', 'keras', 'train', 'matplotlib', 'sklearn', 'skimage'}\n"
        "sys.exit(', '.join(heavy & {name.partition('.')[0] for name in sys.modules}) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=HEADLESS, capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["--camera", "usb:97"], 3, "no camera usb:97: /dev/video97 does not exist. Try: python"),
        (["--camera", "nothing.mp4"], 3, "no camera and no file is called nothing.mp4"),
        (["--camera", __file__], 3, "test_run.py is not a video that can be read"),
        (["--model", "none.json"], 4, "no model card none.json. Give one with --model"),
        (["--attributes", "Smilling"], 2, "unknown attribute 'Smilling'. Try: Smiling"),
        (["--detector", "bakc"], 2, "--detector 'bakc' is unknown. Try: back"),
        (["--log-every", "-1"], 2, "--log-every -1.0, need 0 to 86400"),
        (["--log", "/proc/none/a.csv", "--camera", "demo"], 2, "cannot write the log /proc/none"),
        (["--record", "a.txt", "--camera", "demo"], 2, "unknown ending '.txt'"),
        (["--attributes", ","], 2, "--attributes: ',' names none"),
        (["--camera", ""], 2, "--camera is empty"),
        (["--log", "~nosuchuser/a.csv"], 2, "--log '~nosuchuser/a.csv', need a path"),
        (["--camera", __file__, "--log", "/dev/full"], 3, "is not a video that can be read"),
        (["--config", "none.toml"], 2, "no settings file none.toml"),
        (["--cammera", "0"], 2, "unrecognized arguments: --cammera 0. Try: python -m device.run"),
        (["--size", "640"], 2, "--size: expected WxH, such as 1280x720, not '640'. Try: python -m"),
        (["--size", "640x9"], 2, "--size 9, need 16 to 16384"),
        (["--max-frames", "many"], 2, "invalid int value: 'many'"),
    ],
)
def test_bad_input_is_one_line_and_its_exit_code(arguments, code, message):
    done = facet("--headless", *arguments)
    assert done.returncode == code
    assert message in done.stderr and "Traceback" not in done.stderr
    said = [line for line in done.stderr.splitlines() if "no window" not in line]
    assert len(said) == 1 and said[0].startswith("facet: ")


def test_a_network_that_is_not_the_cards_stops_with_4(tmp_path):
    for ending in (".json", ".tflite"):
        shutil.copy(CARD.with_suffix(ending), tmp_path)
    with open(tmp_path / "attributes.tflite", "ab") as file:
        file.write(b"x")
    done = facet("--headless", "--model", tmp_path / "attributes.json")
    assert done.returncode == 4 and "has other bytes than its card says" in done.stderr


def test_what_is_read_is_not_overwritten(tmp_path):
    film = tmp_path / "film.mp4"
    made = facet("--camera", "demo", "--headless", "--max-frames", 5, "--record", film)
    assert made.returncode == 0, made.stderr
    before = film.read_bytes()
    done = facet("--camera", film, "--headless", "--record", film)
    assert done.returncode == 2 and "is what --camera reads" in done.stderr
    assert film.read_bytes() == before


def test_a_folder_named_demo_is_not_filmed(tmp_path, astronaut):
    (tmp_path / "demo").mkdir()
    cv2.imwrite(str(tmp_path / "demo" / "me.png"), astronaut)
    done = facet("--camera", "./demo", "--headless", cwd=tmp_path)
    assert done.returncode == 0 and "results go nowhere" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_names_that_are_no_utf8(tmp_path, astronaut):
    folder = os.fsencode(tmp_path) + b"/photos"
    os.mkdir(folder)
    _, encoded = cv2.imencode(".jpg", astronaut)
    with open(folder + b"/M\xfcller.jpg", "wb") as file:
        file.write(encoded.tobytes())
    out = tmp_path / "a.csv"
    done = facet("--camera", os.fsdecode(folder), "--headless", "--log", out)
    assert done.returncode == 0, done.stderr
    assert rows(out)[0]["source"] == "M\\udcfcller.jpg"
    os.rename(folder + b"/M\xfcller.jpg", folder + b"/M\xfc.mp4")
    done = facet("--camera", os.fsdecode(folder + b"/M\xfc.mp4"), "--headless")
    assert done.returncode == 3 and "is not a name in UTF-8" in done.stderr


def test_a_name_with_a_colon_is_a_file_not_a_protocol(tmp_path):
    for _ in range(2):
        done = facet(
            "--camera",
            "demo",
            "--headless",
            "--max-frames",
            3,
            "--record",
            "12:30.mp4",
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
    done = facet("--camera", "12:30.mp4", "--headless", cwd=tmp_path)
    assert done.returncode == 0 and "3 frames" in done.stderr


def test_a_closed_stderr_is_no_fault(tmp_path):
    line = f"{sys.executable} -m device.run --camera demo --max-frames 4 --log a.csv 2>&- >&-"
    env = {**HEADLESS, "PYTHONPATH": str(ROOT)}
    assert subprocess.run(line, shell=True, cwd=tmp_path, env=env).returncode == 0
    assert len(rows(tmp_path / "a.csv")) == 1


def test_a_setting_misspelt_in_a_file_names_the_nearest(tmp_path):
    file = tmp_path / "facet.toml"
    file.write_text("[outputs]\nlog_evry = 2\n")
    done = facet("--config", file)
    assert done.returncode == 2
    assert "unknown setting log_evry. Try: log_every" in done.stderr


def test_a_polite_stop_closes_everything(tmp_path):
    out = tmp_path / "a.csv"
    command = [sys.executable, "-m", "device.run", "--camera", "demo", "--headless"]
    process = subprocess.Popen(
        [*command, "--log", str(out), "--log-every", "0", "--record", str(tmp_path / "a.mp4")],
        cwd=ROOT,
        env=HEADLESS,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 30
    while time.monotonic() < until and not (out.exists() and out.stat().st_size > 2000):
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 0, stderr
    got = rows(out)
    assert 0 < len(got) < 400 and out.read_text().endswith("\n")
    assert cv2.VideoCapture(str(tmp_path / "a.mp4")).read()[0]  # the record was closed as well


def test_no_screen_at_the_other_end_of_display(tmp_path):
    env = {**HEADLESS, "DISPLAY": ":98"}
    done = facet("--camera", "demo", "--max-frames", 2, cwd=tmp_path, env=env)
    assert done.returncode == 0 and done.stderr.count("no screen: running headless") == 1


def test_bench_writes_what_it_prints(tmp_path):
    out = tmp_path / "bench.json"
    done = subprocess.run(
        [sys.executable, "-m", "device.bench", "--max-frames", "20", "--json", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text())
    assert figures["frames"] == 20 and figures["faces"] == 18
    assert figures["startup_to_first_label_s"] > 0.05
    assert f"{figures['fps']:.1f} frames/s" in done.stdout


@pytest.mark.data
def test_a_smile_that_appears_is_seen_to_rise(tmp_path):
    out = tmp_path / "a.csv"
    film = DATA / "videos" / "smile-appears.mp4"
    assert facet("--camera", film, "--headless", "--log", out, "--log-every", 0).returncode == 0
    got = rows(out)
    smiling = [float(row["Smiling"]) for row in got]
    # All 270 frames but the two before a face counts as somebody; one person, one number.
    assert len(got) == 268 and {row["track"] for row in got} == {"1"}
    assert sum(smiling[:90]) / 90 < 0.2 and sum(smiling[-30:]) / 30 > 0.8


@pytest.mark.data
def test_whole_photos_agree_with_their_labels(tmp_path):
    out = tmp_path / "wild.csv"
    every = ("--attributes", "all", "--log", out)
    assert facet("--camera", DATA / "wild", "--headless", *every).returncode == 0
    thresholds = {
        one["name"]: one["threshold"] for one in json.loads(CARD.read_text())["attributes"]
    }
    largest: dict[str, dict] = {}
    for row in rows(out):
        other = largest.get(row["source"])
        if not other or float(row["width"]) > float(other["width"]):
            largest[row["source"]] = row
    labels = rows(DATA / "wild" / "attributes.csv")
    assert len(largest) >= 0.98 * len(labels)
    told = {photo: row for photo, row in largest.items() if row["state"] == "ok"}
    assert len(told) >= 0.95 * len(labels)
    right = [
        (float(told[label["image_id"]][name]) >= threshold) == (label[name] == "1")
        for label in labels
        if label["image_id"] in told
        for name, threshold in thresholds.items()
    ]
    assert sum(right) / len(right) > 0.88


@pytest.mark.data
def test_nobody_is_found_among_bottles(tmp_path):
    out = tmp_path / "a.csv"
    film = DATA / "videos" / "bottles-no-face.mp4"
    done = facet("--camera", film, "--headless", "--log", out, "--max-frames", 300)
    assert done.returncode == 0 and rows(out) == []
