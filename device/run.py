"""Facet's camera: find faces, tell their attributes, show and log them.

    python -m device.run                                  # a camera, else the demo clip; q quits
    python -m device.run --list-cameras                   # which cameras there are
    python -m device.run --camera 0                       # the first of them
    python -m device.run --camera film.mp4 --headless --log faces.csv --log-every 0
    python -m device.run --camera photos/ --headless --log faces.csv

Exit codes: 0 done, 1 a fault at run time, 2 wrong usage or settings, 3 no camera or unreadable
source, 4 model or detector missing, corrupt or mismatched.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import re
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device import __version__
from device.command import Parser, exit_with, note
from device.errors import UsageError
from device.settings import Settings, merge, read_toml, shown_and_logged

if TYPE_CHECKING:
    from device.attributes.card import Card
    from device.camera import Camera
    from device.outputs import Output
    from device.outputs.window import Window
    from device.people.recognise import Recogniser

DEMO_OUT = Path("out")  # where the demo leaves what a machine without a screen cannot show

# flag -> (table, key) of the settings
FLAGS = {
    "camera": ("camera", "source"),
    "width": ("camera", "width"),
    "height": ("camera", "height"),
    "fps": ("camera", "fps"),
    "detector": ("faces", "detector"),
    "min_face": ("faces", "min_face"),
    "max_turn": ("faces", "max_turn"),
    "min_sharpness": ("faces", "min_sharpness"),
    "model": ("attributes", "model"),
    "attributes": ("attributes", "show"),
    "logged": ("attributes", "log"),
    "threads": ("attributes", "threads"),
    "headless": ("outputs", "headless"),
    "people": ("people", "recognise"),
    "log": ("outputs", "log"),
    "log_every": ("outputs", "log_every"),
    "events": ("outputs", "events"),
    "record": ("outputs", "record"),
    "max_frames": ("outputs", "max_frames"),
}


class ListCameras(argparse.Action):
    """A flag that prints the cameras and ends the command, as --help does."""

    def __init__(self, option_strings, dest, **options):
        super().__init__(option_strings, dest, nargs=0, **options)

    def __call__(self, parser, *_):
        from device.camera.listing import table
        from device.camera.v4l2 import V4l2

        print(table(V4l2()))
        parser.exit()


def size_wh(text: str) -> tuple[int, int]:
    """Return (width, height) px of a flag's text, such as 1280x720."""
    sides = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text.lower())
    if not sides:
        raise argparse.ArgumentTypeError(f"expected WxH, such as 1280x720, not {text!r}")
    return int(sides[1]), int(sides[2])


def parser() -> Parser:
    plain = Settings()
    one = Parser("device.run", __doc__, argument_default=argparse.SUPPRESS)
    add = one.add_argument
    add(
        "--camera",
        metavar="SRC",
        help="0 (the first of --list-cameras), usb:0, csi:0, /dev/video0, rtsp://.., a video, a "
        "photo, a folder of photos, demo, or auto: the first camera that works, else the demo "
        "(default auto)",
    )
    add("--list-cameras", action=ListCameras, help="print the cameras that are there, and end")
    add(
        "--size",
        type=size_wh,
        metavar="WxH",
        help="px asked of a camera, which gives the nearest it has: more finds faces further off "
        f"and costs time (default {plain.camera.width}x{plain.camera.height})",
    )
    add(
        "--fps",
        type=int,
        metavar="N",
        help="frames/s asked of a camera: fewer give each more light and leave the Pi cooler "
        f"(default {plain.camera.fps})",
    )
    add("--headless", action="store_true", help="no window")
    add("--log", metavar="FILE.csv", help="append a row per face; no pictures are stored")
    add(
        "--log-every",
        type=float,
        metavar="S",
        help="seconds between two rows of one face, 0 = "
        f"every frame (default {plain.outputs.log_every:g})",
    )
    add(
        "--events",
        metavar="FILE.csv",
        help="append a row per visit: who came, how long, what was seen; not for photos",
    )
    add("--record", metavar="FILE.mp4", help="store the annotated video: this keeps faces")
    add("--attributes", metavar="A,B,..", help="show and log these only (default all)")
    add("--model", metavar="CARD", help="a model card (default models/attributes.json)")
    add(
        "--detector",
        metavar="NAME",
        help="back: across a room; full: half the time, misses "
        "more; short: arm's length; yunet: crowds, slowly, with a network that you bring (default "
        "back)",
    )
    add(
        "--min-face",
        type=float,
        metavar="PX",
        help="narrower faces are boxed but not judged: "
        "lower guesses more, higher refuses more "
        f"(default {plain.faces.min_face:g})",
    )
    add(
        "--max-turn",
        type=float,
        metavar="X",
        help="faces turned further are boxed but not judged: distance of the landmarks from a "
        f"frontal face's, in eye distances (default {plain.faces.max_turn:g})",
    )
    add(
        "--min-sharpness",
        type=float,
        metavar="X",
        help="faces with less detail are boxed but not judged: 0.2 is a sharp face, 0 judges fog "
        f"(default {plain.faces.min_sharpness:g})",
    )
    add(
        "--people",
        action="store_true",
        help="name those who were enrolled (python -m device.people), in the window and the log",
    )
    add("--threads", type=int, metavar="N", help="threads of each network (default 1)")
    add("--max-frames", type=int, metavar="N", help="stop after so many frames")
    add("--config", type=Path, metavar="FILE", help="settings as TOML; flags go before it")
    add("--version", action="version", version=f"facet {__version__}")
    return one


def read_settings(argv: list[str] | None) -> Settings:
    """Return the defaults, overlaid by --config's file, overlaid by the flags."""
    flags = vars(parser().parse_args(argv))
    settings = Settings()
    config = flags.pop("config", None)
    if config:
        settings = merge(settings, read_toml(config), str(config))
    if "size" in flags:
        flags["width"], flags["height"] = flags.pop("size")
    if "attributes" in flags:
        named = [name.strip() for name in flags["attributes"].split(",")]
        flags["attributes"] = [name for name in named if name]
        if not flags["attributes"]:
            raise UsageError("--attributes names none", "Give names, or all")
        flags["logged"] = flags["attributes"]
    return merge_flags(settings, flags)


def merge_flags(settings: Settings, flags: dict[str, Any]) -> Settings:
    """Return the settings overlaid by flags, each named as in FLAGS."""
    tables: dict[str, dict] = {}
    for flag, value in flags.items():
        table, key = FLAGS[flag]
        tables.setdefault(table, {})[key] = value
    return merge(settings, tables, "command line")


def main(argv: list[str] | None = None) -> int:
    settings = read_settings(argv)
    # After the flags: --help and a slip of the finger should not wait for OpenCV.
    from device.camera import open_camera
    from device.pipeline import assemble, load_models
    from device.tflite import runtime_name

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    models = load_models(settings)
    shown, logged = shown_and_logged(settings.attributes, models.classifier.card.names)
    with contextlib.ExitStack() as stack:
        camera = stack.enter_context(open_camera(settings.camera, stop.is_set))
        naming = open_naming(settings, camera, stack)
        outputs = open_outputs(settings, camera, models.classifier.card, logged, stack)
        window = open_window(settings, camera, stop, stack)
        if not (outputs or window):
            note("no window, no --log, no --events and no --record: results go nowhere")
        note(
            f"{__version__}, {camera.name} ({camera.mode}), detector {settings.faces.detector}, "
            f"model {settings.attributes.model.stem} ({len(shown)} attributes) on {runtime_name()}"
        )
        everywhere = [*outputs, window] if window else outputs
        everywhere += open_reports(settings, camera, stack)
        pipeline = assemble(settings, models, camera, everywhere, shown, stop.is_set, naming)
        if window:
            window.show(lambda: pipeline.run(settings.outputs.max_frames))
        else:
            pipeline.run(settings.outputs.max_frames)
    totals = pipeline.totals
    rate = totals.frames / totals.seconds if totals.seconds else 0.0
    dropped = f", {camera.dropped} dropped" if camera.live else ""
    shown = f", {window.shown} shown" if window and camera.live else ""
    note(f"{totals.frames} frames{dropped}{shown}, {totals.faces} faces, {rate:.1f} frames/s")
    return 0


def open_outputs(
    settings: Settings,
    camera: Camera,
    card: Card,
    logged: tuple[str, ...],
    stack: contextlib.ExitStack,
) -> list[Output]:
    """Return the files that the settings and the camera call for.

    Each is entered on the stack as soon as it is open, so that a later one's fault closes it.
    """
    from device.camera.demo import Demo
    from device.outputs.beside import Beside
    from device.outputs.csv_log import CsvLog
    from device.outputs.events_log import EventsLog
    from device.outputs.video import VideoRecord

    wanted = settings.outputs
    log, events, record = wanted.log, wanted.events, wanted.record
    if isinstance(camera, Demo) and not (log or events or record or wants_window(settings)):
        log, record = DEMO_OUT / "demo.csv", DEMO_OUT / "demo.mp4"
    if events and camera.stills:
        raise UsageError("photos have no visits to write to --events", "Log them with --log")
    if log and events and log.resolve() == events.resolve():
        raise UsageError(f"--log and --events are both {log}", "Name two files")
    outputs: list[Output] = []
    for path in filter(None, (log, events, record)):
        _refuse_source(path, settings.camera.source)
    columns = [card.names.index(name) for name in logged]
    named = settings.people.recognise
    if log:
        # Photos share nothing but their folder: each face of each gets its row.
        every_s = 0.0 if camera.stills else wanted.log_every
        csv_log = CsvLog(log, logged, columns, every_s, settings.log, named)
        outputs.append(stack.enter_context(csv_log))
        note(f"logging to {log}{_kept(csv_log.moved_to)}")
    if events:
        thresholds, hold_s = card.column("threshold"), settings.tracks.hold
        visits = EventsLog(events, logged, columns, thresholds, hold_s, settings.log, named)
        outputs.append(stack.enter_context(visits))
        note(f"logging visits to {events}{_kept(visits.moved_to)}")
    if record:
        video = VideoRecord(record, camera.fps, camera.live)
        outputs.append(stack.enter_context(Beside(video, str(record), camera.live)))
        note(f"recording the annotated picture to {record}{_kept(video.moved_to)}")
    return outputs


def open_naming(
    settings: Settings, camera: Camera, stack: contextlib.ExitStack
) -> Recogniser | None:
    """Return what names people, if the settings want that; nothing of it is loaded otherwise."""
    if not settings.people.recognise:
        return None
    from device.people.recognise import Recogniser

    return stack.enter_context(Recogniser(settings.people, camera.live))


def open_window(
    settings: Settings, camera: Camera, stop: threading.Event, stack: contextlib.ExitStack
) -> Window | None:
    """Return the window, if the settings and the screen allow one."""
    if not wants_window(settings):
        return None
    from device.outputs.window import Window

    pace = None if camera.live or camera.stills else camera.fps
    newest = (lambda: camera.seen) if camera.live else None
    window = stack.enter_context(Window(pace, camera.stills, Path.cwd(), stop, newest))
    note("q quits, s saves a snapshot, space pauses" + ", n: next" * camera.stills)
    return window


def open_reports(settings: Settings, camera: Camera, stack: contextlib.ExitStack) -> list[Output]:
    """Return what tells a service's journal, and systemd, how it goes; at a terminal nothing."""
    from device.outputs.journal import Journal
    from device.service import service

    reports: list[Output] = []
    every_s = settings.outputs.journal_every
    if every_s and sys.stderr and not sys.stderr.isatty():
        reports.append(Journal(every_s, lambda: camera.dropped if camera.live else 0))
    systemd = service(lambda: camera.live and camera.away)
    if systemd:
        reports.append(systemd)
    return [stack.enter_context(report) for report in reports]


@functools.cache
def wants_window(settings: Settings) -> bool:
    """Whether a window is wanted and there is a screen for it; says so where there is none."""
    if settings.outputs.headless:
        return False
    from device.outputs.window import has_screen

    if not has_screen():
        note("no screen: running headless")
        return False
    return True


def _refuse_source(path: Path, source: str) -> None:
    """Raise UsageError where an output would overwrite the film or photo that is being read."""
    try:
        same = path.samefile(source)
    except (OSError, ValueError):  # one of them is no file
        return
    if same:
        raise UsageError(f"{path} is what --camera reads", "Name another file")


def _kept(moved_to: Path | None) -> str:
    return f" (the file that was there is now {moved_to})" if moved_to else ""


if __name__ == "__main__":
    exit_with(main)
