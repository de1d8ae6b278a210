"""`device.run` with several cameras: what is refused, and what the log says of each."""

import csv

import cv2
import pytest

from device.cli.flags import read_settings
from device.errors import UsageError
from device.settings import Settings, load_settings


@pytest.fixture
def films(tmp_path, astronaut, admiral):
    """Two films of 20 and 12 frames, a.avi and b.avi, with one face each."""
    for name, portrait, count in (("a", astronaut, 20), ("b", admiral[:512], 12)):
        writer = cv2.VideoWriter(
            str(tmp_path / f"{name}.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (320, 320)
        )
        for index in range(count):
            writer.write(cv2.resize(portrait[: 512 - index], (320, 320)))
        writer.release()


def rows(path):
    """Return the rows of a log by their source, without the time."""
    found = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            del row["time"]
            found.setdefault(row["source"], []).append(row)
    return found


def test_the_sources_are_flags_or_a_list(tmp_path):
    config = tmp_path / "facet.toml"
    config.write_text('[camera]\nsource = ["usb:0", 1]\n')
    assert load_settings(config).camera.sources == ("usb:0", "1")
    flags = ["--camera", "usb:2", "--camera", "usb:3"]
    assert read_settings(flags).camera.sources == ("usb:2", "usb:3")
    both = read_settings(["--config", str(config), "--camera", "demo"])
    assert both.camera.source == both.camera.single_source == "demo"
    config.write_text('[camera]\nsource = ["usb:0"]\n')
    assert load_settings(config).camera.source == "usb:0"
    assert Settings().camera.sources == ("auto",)


@pytest.mark.parametrize("value", ["[]", "[1.5]", '[["usb:0", "usb:1"], "usb:2"]', "true"])
def test_a_wrong_list_is_one_line(tmp_path, value):
    config = tmp_path / "facet.toml"
    config.write_text(f"[camera]\nsource = {value}\n")
    with pytest.raises(UsageError, match=r"\[camera\] source = .*, need text"):
        load_settings(config)


def test_a_command_for_one_camera_says_so(tmp_path):
    config = tmp_path / "facet.toml"
    config.write_text('[camera]\nsource = ["usb:0", "usb:1"]\n')
    with pytest.raises(UsageError, match=r"source in \[camera\] names 2 cameras, and this"):
        load_settings(config).camera.single_source  # noqa: B018


LINE = '[[lines]]\nname = "door"\n'
RULE = '[[rules]]\nwhen = "Smiling"\ndo = "command"\nargv = ["true"]\n'


@pytest.mark.parametrize(
    "flags, toml, named",
    [
        (["--record", "x.mp4"], "", "--record"),
        (["--people"], "", "--people"),
        (["--web"], "", "--web"),
        (["--counts", "c.csv"], "", "--counts"),
        ([], '[mqtt]\nhost = "localhost"\n', "[mqtt]"),
        ([], '[metrics]\nlisten = "127.0.0.1:9000"\n', "[metrics]"),
        ([], '[store]\nfile = "facet.db"\n', "[store]"),
        ([], LINE, "[[lines]]"),
        (["--crossings", "x.csv"], LINE, "[[lines]]"),
        ([], RULE, "[[rules]]"),
        ([], '[camera]\nname = "door"\n', "name in [camera]"),
        (["--camera", "-"], "", "--camera - (stdin)"),
    ],
)
def test_what_is_for_one_camera_is_refused_by_name(facet, tmp_path, flags, toml, named):
    (tmp_path / "facet.toml").write_text(toml)
    done = facet("--config", "facet.toml", "--camera", "demo", "--camera", "usb:1", *flags)
    assert done.code == 2 and done.stderr.count("\n") == 1
    count = 3 if "-" in flags else 2
    message = f"facet: {named} is for one camera, and --camera names {count}. Try: one run for each"
    assert done.stderr.startswith(message), done.stderr


@pytest.mark.parametrize(
    "sources, message",
    [
        (("demo", "demo"), "--camera demo and --camera demo are the same. Try: each camera once"),
        (("usb:1", "/dev/video1"), "--camera usb:1 and --camera /dev/video1 are the same"),
        (("a.avi", "./a.avi"), "--camera a.avi and --camera ./a.avi are the same"),
        (("demo", "auto"), "--camera auto is any camera, and there are others. Try: python -m"),
        (("demo", "me.png"), "me.png is photos, which go with no other --camera"),
        (("me.png", "photos"), "me.png is photos, which go with no other --camera"),
        (("demo", ""), "--camera is empty"),
        (("a.avi", "folder/a.avi"), "two cameras are called a.avi. Try: one run for each camera"),
        (
            ("rtsp://ann:secret@host/a", "rtsp://ann:secret@host/a"),
            "--camera rtsp://host/*** and --camera rtsp://host/*** are the same",
        ),
    ],
)
def test_sources_that_do_not_go_together(facet, films, tmp_path, astronaut, sources, message):
    cv2.imwrite(str(tmp_path / "me.png"), astronaut)
    (tmp_path / "photos").mkdir()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.avi").write_bytes((tmp_path / "a.avi").read_bytes())
    first, second = sources
    done = facet("--headless", "--camera", first, "--camera", second)
    assert done.code == 2 and f"facet: {message}" in done.stderr, done.stderr
    assert "secret" not in done.stderr


def test_a_camera_that_is_missing_is_a_fault_of_the_source(facet):
    done = facet("--headless", "--camera", "demo", "--camera", "missing.mp4")
    assert done.code == 3 and "no camera and no file is called missing.mp4" in done.stderr


def test_an_output_that_one_of_them_reads_is_refused(facet, films):
    done = facet("--headless", "--camera", "demo", "--camera", "a.avi", "--log", "a.avi")
    assert done.code == 2 and "a.avi is what --camera reads" in done.stderr


def test_the_rows_of_two_films_are_those_of_each_alone(facet, films, tmp_path):
    common = ("--headless", "--log-every", "0", "--log")
    done = facet("--camera", "a.avi", "--camera", "b.avi", *common, "both.csv")
    assert done.code == 0, done.stderr
    for name in ("a", "b"):
        assert facet("--camera", f"{name}.avi", *common, f"{name}.csv").code == 0
    both = rows(tmp_path / "both.csv")
    assert both == rows(tmp_path / "a.csv") | rows(tmp_path / "b.csv")
    assert len(both["a.avi"]) >= 15 and len(both["b.avi"]) >= 8
    assert "2 cameras: a.avi (320x320, 25 frames/s), b.avi (320x320, 25 frames/s)" in done.stderr
    lines = done.stderr.splitlines()[-3:]
    assert lines[0].startswith("facet: a.avi: 20 frames, ")
    assert lines[1].startswith("facet: b.avi: 12 frames, ")
    assert lines[2].startswith("facet: all: 32 frames, ")


def test_a_film_that_breaks_off_ends_neither_the_others_nor_silently(facet, films, tmp_path):
    """Its frames are cut off, so that it is shorter; the other film is whole in the log."""
    content = (tmp_path / "a.avi").read_bytes()
    (tmp_path / "a.avi").write_bytes(content[: len(content) // 2])
    flags = ("--headless", "--log-every", "0", "--log", "x.csv", "--events", "v.csv")
    done = facet("--camera", "a.avi", "--camera", "b.avi", *flags)
    assert "b.avi: 12 frames" in done.stderr
    assert "b.avi" in rows(tmp_path / "x.csv")


def test_the_status_line_names_each_camera(facet, films, tmp_path):
    (tmp_path / "facet.toml").write_text("[outputs]\nstatus_every = 0.001\n")
    flags = ("--headless", "--config", "facet.toml", "--max-frames", "12")
    done = facet("--camera", "a.avi", "--camera", "b.avi", *flags)
    (line, *_) = [line for line in done.stderr.splitlines() if "last 0 s" in line]
    assert "a.avi " in line and "; b.avi " in line and line.count("frames/s") == 2
    assert "facet: all: 12 frames, " in done.stderr
