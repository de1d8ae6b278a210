"""Measure Facet without a window: each stage, frames/s, start and memory.

    python -m device.bench                                        # the demo clip
    python -m device.bench --camera film.mp4 --json bench.json
    python -m device.bench --faces 10 --size 1920x1080            # moving portraits, in memory
    python -m device.bench --against runtime.threads=2            # two configurations in turns
    python -m device.bench --faces 4 --baseline out/float.tflite  # against the baseline loop
    python -m device.bench --growth 100000                        # memory over so many frames
    python -m device.bench --connected                            # what connections cost, 4 minutes
    python -m device.bench --cameras 4                            # each further camera, 2 minutes
    python -m device.bench --against v0.1.0 --write               # docs/benchmarks.md, 25 minutes

Prints p50, p95 and p99 of each stage, frames/s, the time from the start of the process to the
first label, memory, and the overhead ratio: the time a clip takes, divided by the time the bare
models take for it. Videos count in their own time: a face classified 5 times a second is classified
5 times for each second of video, however fast the video runs. Do not compare figures of two
machines or of a busy one; ratios of one call can be compared.
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..bench.rows import MEASUREMENTS
from ..config import merge
from ..errors import UsageError
from ..settings import Settings
from ..settings.limits import SIDE
from ..text import counted
from . import bench_against
from .command import Parser, exit_with
from .flags import add_flags, merge_flags, size_wh
from .result_file import refuse_unwritable, write_result

if TYPE_CHECKING:
    from ..camera import Camera

SCENE_FRAMES = 600  # 20 s
FLOAT_MODEL = Path("out/float.tflite")
SETTING_FLAGS = ("--camera", "--model", "--detector", "--threads", "--max-frames")

Figures = dict[str, Any]


def parser() -> Parser:
    bench = Parser("device.bench", __doc__ or "", argument_default=argparse.SUPPRESS)
    add = bench.add_argument
    add("--camera", default="demo", metavar="SRC", help="as for device.run (default demo)")
    add("--faces", type=int, metavar="K", help="a scene of K portraits instead of a camera")
    add(
        "--size",
        type=size_wh,
        default=bench_against.SIZE_WH,
        metavar="WxH",
        help="of the scene, px (default 640x480)",
    )
    add("--set", action="append", default=[], metavar="TABLE.KEY=VALUE", help="any setting")
    add("--rounds", type=int, default=3, metavar="N", help="runs; prints medians (default 3)")
    add("--json", type=Path, metavar="FILE", help="write the figures to FILE as well")
    add_flags(bench, Settings, SETTING_FLAGS[1:])
    mode = bench.add_mutually_exclusive_group()
    mode.add_argument(
        "--against",
        metavar="TABLE.KEY=VALUE,.. or COMMIT",
        help="run a second configuration, or another commit, in turns with the first",
    )
    mode.add_argument(
        "--baseline", type=Path, metavar="FLOAT.tflite", help="run the baseline loop in turns"
    )
    mode.add_argument("--growth", type=int, metavar="N", help="memory over N frames of a scene")
    mode.add_argument(
        "--connected",
        action="store_true",
        help="what a web page, MQTT, metrics and rules cost together",
    )
    mode.add_argument("--cameras", type=int, metavar="N", help="1, 2, 4, ... up to N cameras")
    add(
        "--write",
        action="store_true",
        help="fill the figures in docs/benchmarks.md, too",
    )
    commits = bench.add_argument_group("with --against COMMIT")
    commits.add_argument(
        "--float",
        type=Path,
        default=FLOAT_MODEL,
        metavar="FLOAT.tflite",
        help=f"the model of the baseline loop (default {FLOAT_MODEL})",
    )
    commits.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=[],
        metavar="NAME,..",
        help=f"of {', '.join(MEASUREMENTS)}",
    )
    commits.add_argument(
        "--no-growth",
        action="store_true",
        default=False,
        help="leave the growth of memory out, which takes long",
    )
    return bench


def parse_settings(texts: list[str]) -> dict[str, dict[str, Any]]:
    """Return {table: {key: value}} of texts such as "tracks.smoothing_s=0.5".

    Raises UsageError for a text of another form.
    """
    tables: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        table, dot, key = name.strip().partition(".")
        if not (equals and dot):
            raise UsageError(
                f"{text!r} is not TABLE.KEY=VALUE", "--set tracks.smoothing_s=0.5, for example"
            )
        try:
            tables.setdefault(table, {})[key] = tomllib.loads(f"x = {value}")["x"]
        except (ValueError, RecursionError):
            tables.setdefault(table, {})[key] = value  # a word needs no quotes here
    return tables


def main(argv: list[str] | None = None) -> None:
    argv = sys.argv[1:] if argv is None else argv
    args = parser().parse_args(argv)
    if args.rounds < 1:
        raise UsageError(f"--rounds {args.rounds}, need 1 or more", "--rounds 3")
    settings = merge_flags(Settings(), args, SETTING_FLAGS)
    settings = merge(settings, parse_settings(args.set), "--set")
    if "json" in args:
        refuse_unwritable(args.json, "another --json")  # before minutes of work
    commits = "against" in args and bench_against.is_commit(args.against)
    if "write" in args and not (commits or "connected" in args or "cameras" in args):
        message = "--write without --connected, --cameras or --against COMMIT"
        raise UsageError(message, "--connected --write")
    if "connected" in args:
        figures, printed = _measure_connected(args, settings)
    elif "cameras" in args:
        from .bench_cameras import measured

        figures, printed = measured(args.cameras, "write" in args)
    elif commits:
        figures, printed = bench_against.compare_commits(args)
    elif "against" in args:
        merge(settings, parse_settings(args.against.split(",")), "--against")
        figures = bench_against.compare_settings(argv, args.against, args.rounds)
        printed = bench_against.comparison_text(figures, args.against)
    else:
        figures, printed = _measure(args, settings)
    if "json" in args:
        write_result(args.json, f"{json.dumps(figures, indent=2)}\n".encode(), "another --json")
    print(printed)


def _measure_connected(args: argparse.Namespace, settings: Settings) -> tuple[Figures, str]:
    """Return what the connections cost, and the text that shows it; write it where asked for."""
    from ..bench import report
    from ..tflite import runtime_name
    from .bench_connected import Extent, lines_of, measure

    marks = report.CONNECTED
    if "write" in args:
        report.refuse_unwritable(marks)
    figures = measure(settings, Extent(rounds=args.rounds))
    lines = lines_of(figures)
    if "write" in args:
        report.fill([report.conditions(runtime_name()), "", *lines], marks)
    return figures, "\n".join(lines)


def _measure(args: argparse.Namespace, settings: Settings) -> tuple[Figures, str]:
    """Return the figures of one configuration, and the text that shows them."""
    from ..bench.measure import measure, measure_baseline, measure_growth
    from ..models import load_models

    models = load_models(settings)
    if "growth" in args:
        scene = _scene(getattr(args, "faces", 1), args.size, args.growth)
        if args.growth < 100:
            raise UsageError(f"--growth {args.growth}, need 100 or more", "--growth 100000")
        growth = measure_growth(settings, models, scene, args.growth)
        return growth, "{frames} frames: {memory_growth_mb:+.2f} MB since the first tenth".format(
            **growth
        )
    open_camera = camera_opener(args, settings)
    if "baseline" in args:
        both = measure_baseline(settings, models, open_camera, args.baseline, args.rounds)
        return both, (
            "{fps:.1f} frames/s, the baseline loop {baseline_fps:.1f}: {baseline_ratio:.1f} times "
            "as fast".format(**both)
        )
    figures = measure(settings, models, open_camera, args.rounds)
    return figures, figures_text(figures)


def camera_opener(args: argparse.Namespace, settings: Settings) -> "Callable[[], Camera]":
    """Return what opens the camera or scene that the flags name."""
    if "faces" in args:
        scene = _scene(args.faces, args.size, SCENE_FRAMES)
        return lambda: scene
    from ..camera.open import open_camera

    # The service's settings wait for a camera that is absent.
    chosen = merge(settings, {"camera": {"wait": False, "repeat": False}}, "bench").camera
    return lambda: open_camera(chosen)


MIN_PANEL_PX = 16  # side of a portrait's part of the picture


def _scene(faces: int, size_wh: tuple[int, int], frames: int) -> "Camera":
    from ..bench.scene import Scene

    if faces < 0:
        raise UsageError(f"--faces {faces}, need 0 or more", "--faces 4")
    low, high = SIDE
    if not low <= min(size_wh) <= max(size_wh) <= high:
        message = f"--size {size_wh[0]}x{size_wh[1]}, need {low} to {high}"
        raise UsageError(message, "--size 640x480")
    most = size_wh[0] * size_wh[1] // MIN_PANEL_PX**2
    if faces > most:
        message = f"--faces {faces}, need at most {most} in {size_wh[0]}x{size_wh[1]}"
        raise UsageError(message, "--faces 4")
    return Scene(faces, size_wh, frames)


def figures_text(figures: Figures) -> str:
    """Return one configuration's figures as lines of text."""
    lines = [f"{'ms per frame':12}{'p50':>8}{'p95':>8}{'p99':>8}"]
    for stage, percentiles in figures["stages_ms"].items():
        lines.append(f"{stage:12}" + "".join(f"{ms:8.2f}" for ms in percentiles.values()))
    first_s, ratio = figures["startup_to_first_label_s"], figures["overhead_ratio"]
    invocations = ", ".join(f"{part} {count}" for part, count in figures["invocations"].items())
    lines.append(
        f"{counted(figures['frames'], 'frame')}, {counted(figures['faces'], 'face')}: "
        f"{figures['fps']:.1f} frames/s on {figures['runtime']}, "
        f"{counted(figures['threads'], 'thread')}"
    )
    lines.append(
        f"{ratio:.2f} times the bare models' time ({invocations})"
        if ratio
        else "a live camera: no overhead ratio"
    )
    if "classifications_per_s" in figures:
        lines.append(
            "each face classified {classifications_per_s:.1f} times a second, "
            "{ms_per_face:.2f} ms each".format(**figures)
        )
    lines += [
        f"{figures['label_changes_per_minute']:.0f} label changes a minute",
        f"first label after {first_s:.2f} s" if first_s else "no label",
        "memory: peak {peak_memory_mb:.0f} MB, at the end {final_memory_mb:.0f} MB".format(
            **figures
        ),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    exit_with(main)
