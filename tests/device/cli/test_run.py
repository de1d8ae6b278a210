"""The command with real portraits and models; in this process, unless the process is tested."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime

import cv2
import pytest

from device import preview
from device.camera import prefetch
from device.cli.command import exit_with
from device.cli.loop import until_stopped
from device.errors import FacetError
from device.preview import with_previews
from device.rowlog.csv_format import unescaped
from tests.conftest import CARD, DATA, ROOT
from tests.device.outputs.made_up import face, result
from tests.device.test_preview import FakeLiveCamera, slow_results

HEADLESS = {key: value for key, value in os.environ.items() if key != "DISPLAY"}


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


# The loop


class Recording:
    """An output that keeps the indices of its results."""

    def __init__(self):
        self.indices = []

    def write(self, given):
        self.indices.append(given.frame.index)


class ClosedWindow:
    """A window that the user closes at the first picture, or once the pipeline hangs."""

    def __init__(self, stop, hangs=None):
        self._stop, self._hangs = stop, hangs

    def write(self, given):
        if self._hangs:
            assert self._hangs.wait(10)
        self._stop.set()


def run(results, outputs, stop):
    """Write every result to every output, as the commands do."""
    with until_stopped(results, stop) as pipeline:
        for result in pipeline:
            for output in outputs:
                output.write(result)


def test_a_run_ends_with_its_results():
    recording = Recording()
    run((result(face(), index=n) for n in range(4)), [recording], threading.Event())
    assert recording.indices == [0, 1, 2, 3]


def test_a_closed_window_ends_the_run_after_the_other_outputs_have_the_result():
    stop, recording = threading.Event(), Recording()
    run((result(index=n) for n in range(4)), [ClosedWindow(stop), recording], stop)
    assert recording.indices == [0]


@pytest.mark.parametrize("live", [True, False])
def test_a_pipeline_that_hangs_after_the_window_was_closed_is_exit_code_1(
    monkeypatch, capsys, live
):
    monkeypatch.setattr(preview, "JOIN_S", 0.2)
    monkeypatch.setattr(prefetch, "JOIN_TIMEOUT_S", 0.2)
    camera, stop = FakeLiveCamera(), threading.Event()
    hangs, release = threading.Event(), threading.Event()

    def hang():
        yield from slow_results(camera, 1, takes_s=0)
        hangs.set()
        release.wait(60)

    results = with_previews(hang(), camera) if live else prefetch.prefetch(hang(), 1)
    with pytest.raises(SystemExit) as left:
        exit_with(lambda: run(results, [ClosedWindow(stop, hangs)], stop))
    assert left.value.code == 1
    assert "did not stop within 0.2 s" in capsys.readouterr().err
    release.set()


class FullDisk:
    """An output that fails once the pipeline hangs."""

    def __init__(self, hangs):
        self._hangs = hangs

    def write(self, given):
        assert self._hangs.wait(10)
        raise FacetError("the disk is full")


def test_a_fault_of_an_output_is_not_replaced_by_one_of_the_pipeline(monkeypatch):
    monkeypatch.setattr(preview, "JOIN_S", 0.1)
    camera, hangs, release = FakeLiveCamera(), threading.Event(), threading.Event()

    def hang():
        yield from slow_results(camera, 1, takes_s=0)
        hangs.set()
        release.wait(60)

    with pytest.raises(FacetError, match="the disk is full"):
        run(with_previews(hang(), camera), [FullDisk(hangs)], threading.Event())
    release.set()


@pytest.mark.parametrize("live", [True, False])
def test_a_pipeline_that_fails_while_a_window_is_open_ends_the_run_with_its_fault(live):
    camera = FakeLiveCamera()
    results = slow_results(camera, 2, takes_s=0.01, fault=FacetError("the cable"))
    windowed = with_previews(results, camera) if live else prefetch.prefetch(results, 1)
    with pytest.raises(FacetError, match="the cable"):
        run(windowed, [Recording()], threading.Event())


# The command


def test_a_first_run_leaves_a_log_and_a_video(tmp_path, facet):
    done = facet()  # no camera here, no screen
    assert done.code == 0, done.stderr
    assert "no camera found, playing the built-in demo clip" in done.stderr
    assert done.stderr.count("no screen") == 1
    for file in ("out/demo.csv", "out/demo.mp4"):
        assert file in done.stderr and (tmp_path / file).stat().st_size > 1000
    got = rows(tmp_path / "out" / "demo.csv")
    assert {row["state"] for row in got} == {"ok"}
    starts = [datetime.fromisoformat(row["time"]) for row in got]
    assert 10 < (max(starts) - min(starts)).total_seconds() < 12  # a row a second of the clip


def test_every_frame_of_a_confirmed_track_is_a_row(tmp_path, facet):
    out = tmp_path / "a.csv"
    done = facet("--camera", "demo", "--max-frames", 12, "--log", out, "--log-every", 0)
    assert done.code == 0, done.stderr
    got = rows(out)
    assert [row["frame"] for row in got] == [str(n) for n in range(12)]
    assert all(0 <= float(row["Smiling"]) <= 1 for row in got)


def test_after_a_cut_the_next_person_has_a_new_id(tmp_path, facet):
    """The demo's first two portraits have their faces in the same place, at frame 100."""
    out = tmp_path / "a.csv"
    facet("--camera", "demo", "--max-frames", 102, "--log", out, "--log-every", 0)
    tracks = {int(row["frame"]): row["track"] for row in rows(out)}
    assert set(tracks.values()) == {"1", "2"} and tracks[99] == "1" and tracks[100] == "2"
    glasses = {int(row["frame"]): float(row["Eyeglasses"]) for row in rows(out)}
    assert glasses[99] < 0.1 and glasses[100] > 0.9


def test_photos_give_a_row_per_face_and_a_truncated_one_is_skipped(
    tmp_path, facet, astronaut, admiral
):
    folder = tmp_path / "photos"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.jpg"), astronaut)
    cv2.imwrite(str(folder / "b.png"), admiral)
    cv2.imwrite(str(folder / "grey.png"), cv2.cvtColor(astronaut, cv2.COLOR_BGR2GRAY))
    cv2.imwrite(str(folder / "dot.png"), astronaut[:1, :1])
    (folder / "cut.jpg").write_bytes((folder / "a.jpg").read_bytes()[:9000])
    out = tmp_path / "a.csv"
    done = facet("--camera", folder, "--headless", "--log", out, "--attributes", "Smiling,Young")
    assert done.code == 0, done.stderr
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
        (["--camera", "nothing.mp4"], 3, "nothing.mp4"),
        (["--camera", __file__], 3, "test_run.py"),
        (
            ["--model", "none.json"],
            4,
            "no model card none.json. Try: --model /",
        ),
        (["--attributes", "Smilling"], 2, "unknown attribute 'Smilling'. Try: Smiling"),
        (["--detector", "bakc"], 2, "bakc"),
        (["--log-every", "-1"], 2, "-1"),
        (["--log", "/proc/none/a.csv", "--camera", "demo"], 2, "cannot write the log /proc/none"),
        (["--record", "a.txt", "--camera", "demo"], 2, "'.txt'"),
        (["--attributes", ","], 2, "--attributes"),
        (["--camera", ""], 2, "camera"),
        (["--log", "~nosuchuser/a.csv"], 2, "~nosuchuser/a.csv"),
        (["--camera", __file__, "--log", "/dev/full"], 3, "test_run.py"),
        (["--config", "none.toml"], 2, "no settings file none.toml"),
        (["--cammera", "0"], 2, "--cammera"),
        (["--size", "640"], 2, "expected WxH, such as 1280x720, not '640'"),
        (["--size", "640x9"], 2, "16"),
        (["--max-frames", "many"], 2, "'many'"),
    ],
)
def test_wrong_input_is_one_line_and_its_exit_code(facet, arguments, code, message):
    done = facet("--headless", *arguments)
    assert done.code == code and message in done.stderr
    lines = [line for line in done.stderr.splitlines() if "no window" not in line]
    assert len(lines) == 1 and lines[0].startswith("facet: ")


def test_a_network_that_is_not_the_cards_is_exit_code_4(tmp_path, facet):
    for ending in (".json", ".tflite"):
        shutil.copy(CARD.with_suffix(ending), tmp_path)
    with open(tmp_path / "attributes.tflite", "ab") as file:
        file.write(b"x")
    done = facet("--headless", "--model", tmp_path / "attributes.json")
    assert done.code == 4 and "attributes.tflite does not match its card" in done.stderr


def test_the_video_that_is_read_is_not_overwritten(tmp_path, facet):
    video = tmp_path / "film.mp4"
    made = facet("--camera", "demo", "--headless", "--max-frames", 5, "--record", video)
    assert made.code == 0, made.stderr
    before = video.read_bytes()
    done = facet("--camera", video, "--headless", "--record", video)
    assert done.code == 2 and "is what --camera reads" in done.stderr
    assert video.read_bytes() == before


def test_two_logs_in_one_file_and_visits_of_photos_are_wrong_usage(tmp_path, facet, astronaut):
    done = facet("--camera", "demo", "--headless", "--log", "a.csv", "--events", "./a.csv")
    assert done.code == 2 and "--log and --events are both a.csv" in done.stderr
    cv2.imwrite(str(tmp_path / "me.png"), astronaut)
    done = facet("--camera", "me.png", "--headless", "--events", "a.csv")
    assert done.code == 2 and "photos have none" in done.stderr


def test_a_folder_named_demo_is_not_recorded(tmp_path, facet, astronaut):
    (tmp_path / "demo").mkdir()
    cv2.imwrite(str(tmp_path / "demo" / "me.png"), astronaut)
    done = facet("--camera", "./demo", "--headless")
    assert done.code == 0 and "results are neither shown nor kept" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_a_connection_alone_is_a_purpose_of_a_run(tmp_path, facet):
    """No warning that results are not kept: who asks for figures or rules asks for no file."""
    film, metrics = tmp_path / "film.mp4", tmp_path / "facet.toml"
    made = facet("--camera", "demo", "--headless", "--max-frames", 5, "--record", film)
    assert made.code == 0, made.stderr
    metrics.write_text(f'[metrics]\nfile = "{tmp_path}/facet.prom"\n')
    done = facet("--camera", film, "--headless", "--config", metrics)
    assert done.code == 0 and "neither shown nor kept" not in done.stderr
    done = facet("--camera", film, "--headless")
    assert done.code == 0 and "neither shown nor kept" in done.stderr


def test_a_rule_that_lacks_something_is_wrong_usage_before_a_camera_is_waited_for(tmp_path, facet):
    config = tmp_path / "facet.toml"
    rule = '[camera]\nsource = "usb:none"\nwait = true\n[[rules]]\nwhen = "people > 0"\n'
    for action, message in (
        ('do = "mqtt"', 'needs a broker. Try: host = "..." in [mqtt]'),
        ('do = "push"\naddresses_file = "none.txt"', "cannot read the push addresses none.txt"),
        ('do = "command"\nargv = ["no-such-program"]', "there is no program no-such-program"),
        ('do = "mqtt"\n[mqtt]\nhost = "localhost"', "in a file that is not named"),
    ):
        config.write_text(f"{rule}{action}\n")
        done = facet("--headless", "--config", config)
        assert done.code == 2 and message in done.stderr


def test_file_names_that_are_not_utf_8(tmp_path, facet, astronaut):
    folder = os.fsencode(tmp_path) + b"/photos"
    os.mkdir(folder)
    _, encoded = cv2.imencode(".jpg", astronaut)
    with open(folder + b"/M\xfcller.jpg", "wb") as file:
        file.write(encoded.tobytes())
    out = tmp_path / "a.csv"
    done = facet("--camera", os.fsdecode(folder), "--headless", "--log", out)
    assert done.code == 0, done.stderr
    assert rows(out)[0]["source"] == "M\\udcfcller.jpg"
    with open(folder + b"/M\xfc.mp4", "wb") as file:
        file.write(b"film")
    done = facet("--camera", os.fsdecode(folder + b"/M\xfc.mp4"), "--headless")
    assert done.code == 3 and "UTF-8" in done.stderr


def test_a_name_with_a_colon_is_a_file_not_a_protocol(facet):
    record = ("--headless", "--max-frames", 3, "--record", "12:30.mp4")
    for _ in range(2):
        done = facet("--camera", "demo", *record)
        assert done.code == 0, done.stderr
    done = facet("--camera", "12:30.mp4", "--headless")
    assert done.code == 0 and "3 frames" in done.stderr


def test_a_closed_stderr_is_no_fault(tmp_path):
    line = f"{sys.executable} -m device.run --camera demo --max-frames 4 --log a.csv 2>&- >&-"
    env = {**HEADLESS, "PYTHONPATH": str(ROOT)}
    assert subprocess.run(line, shell=True, cwd=tmp_path, env=env).returncode == 0
    assert len(rows(tmp_path / "a.csv")) == 1


@pytest.mark.parametrize("who, mode", [(None, 0o600), ("group", 0o640), ("everyone", 0o644)])
def test_who_may_read_what_a_run_writes(tmp_path, facet, who, mode):
    mask = os.umask(0o022)
    try:
        (tmp_path / "a.toml").write_text(f'[outputs]\nreadable_by = "{who}"\n' if who else "")
        out = ("--log", "new/a.csv", "--events", "new/b.csv", "--record", "new/c.mp4")
        facet("--config", "a.toml", "--camera", "demo", "--headless", "--max-frames", 9, *out)
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(mask)
    files = sorted((tmp_path / "new").iterdir())
    assert [file.name for file in files] == ["a.csv", "b.csv", "c.mp4"]
    assert {file.stat().st_mode & 0o777 for file in files} == {mode}


def test_a_log_on_stdout_goes_where_stdout_goes(tmp_path):
    line = f"echo before; {sys.executable} -m device.run --camera demo --max-frames 4 --log -"
    env = {**HEADLESS, "PYTHONPATH": str(ROOT)}
    command = f"({line}; echo after) > a.txt 2> errors"
    assert subprocess.run(command, shell=True, cwd=tmp_path, env=env).returncode == 0
    before, header, _, after = (tmp_path / "a.txt").read_text().splitlines()
    assert (before, after) == ("before", "after") and header.startswith("time,source")


def test_a_photo_on_stdin(tmp_path, astronaut):
    cv2.imwrite(str(tmp_path / "a.png"), astronaut)
    line = f"cat a.png | {sys.executable} -m device.run --camera - --headless --log -"
    env = {**HEADLESS, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(line, shell=True, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and ",stdin,0,1," in done.stdout


NASTY_NAMES = ["\x1b]0;owned\x07.jpg", "=1+1.jpg", "+a.jpg", "-a.jpg", "@a.jpg", "a\nfacet: b.jpg"]


@pytest.mark.parametrize("name", NASTY_NAMES)
@pytest.mark.parametrize("whole", [True, False])
def test_file_names_reach_no_terminal_and_no_spreadsheet(tmp_path, facet, astronaut, name, whole):
    folder = tmp_path / "photos"
    folder.mkdir()
    _, encoded = cv2.imencode(".jpg", astronaut)
    content = encoded.tobytes()
    (folder / name).write_bytes(content if whole else content[:2000])
    done = facet("--camera", folder / name, "--headless", "--log", tmp_path / "a.csv")
    assert done.code == (0 if whole else 3)
    text = done.stderr + (tmp_path / "a.csv").read_text() if whole else done.stderr
    assert not {"\x1b", "\x07"} & set(text)
    assert all(line.startswith("facet: ") for line in done.stderr.splitlines())
    if whole:
        (row,) = rows(tmp_path / "a.csv")
        assert row["source"][0] not in "=+-@" and unescaped(row["source"]) == name


def test_a_misspelt_setting_in_a_file_names_the_nearest(tmp_path, facet):
    (tmp_path / "facet.toml").write_text("[outputs]\nlog_evry = 2\n")
    done = facet("--config", "facet.toml")
    assert done.code == 2 and "unknown setting log_evry. Try: log_every" in done.stderr


def test_a_signal_closes_every_output(tmp_path):
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
    assert 0 < len(rows(out)) < 400 and out.read_text().endswith("\n")
    assert cv2.VideoCapture(str(tmp_path / "a.mp4")).read()[0]  # the recording was closed as well


def test_a_display_without_a_screen_runs_headless(facet, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":98")
    done = facet("--camera", "demo", "--max-frames", 2)
    assert done.code == 0 and done.stderr.count("no screen: running headless") == 1


@pytest.mark.data
def test_a_smile_that_appears_raises_its_probability(tmp_path, facet):
    out, video = tmp_path / "a.csv", DATA / "videos" / "smile-appears.mp4"
    assert facet("--camera", video, "--headless", "--log", out, "--log-every", 0).code == 0
    got = rows(out)
    smiling = [float(row["Smiling"]) for row in got]
    # All 270 frames; one person, one id.
    assert len(got) == 270 and {row["track"] for row in got} == {"1"}
    assert sum(smiling[:90]) / 90 < 0.2 and sum(smiling[-30:]) / 30 > 0.8


@pytest.mark.data
def test_whole_photos_agree_with_their_labels(tmp_path, facet):
    out = tmp_path / "wild.csv"
    labels = rows(DATA / "wild" / "attributes.csv")[::5]
    (tmp_path / "wild").mkdir()
    for label in labels:
        name = label["image_id"]
        (tmp_path / "wild" / name).symlink_to(DATA / "wild" / name)
    wild = ("--camera", tmp_path / "wild", "--headless", "--attributes", "all", "--log", out)
    assert facet(*wild).code == 0
    attributes = json.loads(CARD.read_text())["attributes"]
    thresholds = {attribute["name"]: attribute["threshold"] for attribute in attributes}
    largest: dict[str, dict] = {}
    for row in rows(out):
        other = largest.get(row["source"])
        if not other or float(row["width"]) > float(other["width"]):
            largest[row["source"]] = row
    assert len(largest) >= 0.98 * len(labels)
    classified = {photo: row for photo, row in largest.items() if row["state"] == "ok"}
    assert len(classified) >= 0.95 * len(labels)
    correct = [
        (float(classified[label["image_id"]][name]) >= threshold) == (label[name] == "1")
        for label in labels
        if label["image_id"] in classified
        for name, threshold in thresholds.items()
    ]
    assert sum(correct) / len(correct) > 0.88


@pytest.mark.data
def test_bottles_have_no_faces(tmp_path, facet):
    out, video = tmp_path / "a.csv", DATA / "videos" / "bottles-no-face.mp4"
    done = facet("--camera", video, "--headless", "--log", out, "--max-frames", 300)
    assert done.code == 0 and rows(out) == []
