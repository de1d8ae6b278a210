"""Read device.run's flags: each names one setting, and goes before the settings file."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import UsageError
from ..settings import Settings, merge, read_toml
from .command import Parser

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
    "logged": ("attributes", "logged"),
    "threads": ("runtime", "threads"),
    "headless": ("outputs", "headless"),
    "people": ("people", "enabled"),
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
        from ..camera.discovery import table
        from ..camera.v4l2 import V4l2

        print(table(V4l2()))
        parser.exit()


def size_wh(text: str) -> tuple[int, int]:
    """Return (width, height) px of a flag's text, such as 1280x720."""
    sides = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text.lower())
    if not sides:
        raise argparse.ArgumentTypeError(f"expected WxH, such as 1280x720, not {text!r}")
    return int(sides[1]), int(sides[2])


def parser(about: str) -> Parser:
    """Return the parser of device.run; about: what its help begins with."""
    plain = Settings()
    one = Parser("device.run", about, argument_default=argparse.SUPPRESS)
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


def read_settings(argv: list[str] | None, about: str = "") -> Settings:
    """Return the defaults, overlaid by --config's file, overlaid by the flags."""
    flags = vars(parser(about).parse_args(argv))
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
