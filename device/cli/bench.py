"""Time Facet's loop, stage by stage, without a window.

    python -m device.bench                                    # the demo clip
    python -m device.bench --camera film.mp4 --json bench.json
    python -m device.bench --faces 10 --size 1920x1080        # portraits that move, in memory
    python -m device.bench --against runtime.threads=2     # two configurations in turns
    python -m device.bench --faces 4 --naive out/float.tflite # against the loop it replaces
    python -m device.bench --growth 100000                    # memory over so many frames

Prints p50, p95 and p99 of every stage, frames/s, the time from the start of the process to the
first label, memory, and the overhead ratio: what a clip takes over what the bare models take for
it. Films count in their own time: 5 looks a second are five for each second of film, however fast
it runs. Figures of two machines, or of a busy one, do not compare; ratios of one call do.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..config import merge
from ..errors import FacetError, UsageError
from ..settings import Settings
from .command import Parser, exit_with
from .flags import merge_flags, size_wh

SCENE_FRAMES = 600  # 20 s
COMPARED = ("fps", "overhead_ratio", "ms_per_face", "label_changes_per_minute", "peak_memory_mb")


def parser() -> Parser:
    one = Parser("device.bench", __doc__, argument_default=argparse.SUPPRESS)
    add = one.add_argument
    add("--camera", default="demo", metavar="SRC", help="as for device.run (default demo)")
    add("--faces", type=int, metavar="K", help="a scene of K portraits instead of a camera")
    add("--size", type=size_wh, default=(640, 480), metavar="WxH", help="of the scene (640x480)")
    add("--model", metavar="CARD")
    add("--detector", metavar="NAME")
    add("--threads", type=int, metavar="N")
    add("--max-frames", type=int, metavar="N")
    add("--set", action="append", default=[], metavar="TABLE.KEY=VALUE", help="any setting")
    add("--rounds", type=int, default=3, metavar="N", help="runs, of which the median counts (3)")
    add("--json", type=Path, metavar="FILE", help="write the figures there as well")
    what = one.add_mutually_exclusive_group()
    what.add_argument(
        "--against",
        metavar="TABLE.KEY=VALUE,..",
        help="run a second configuration in turns with the first",
    )
    what.add_argument("--naive", type=Path, metavar="FLOAT.tflite", help="run the naive loop too")
    what.add_argument("--growth", type=int, metavar="N", help="memory over N frames of a scene")
    return one


def assigned(texts: list[str]) -> dict[str, dict[str, Any]]:
    """Return {table: {key: value}} of texts such as "tracks.smoothing_s=0.5", or UsageError."""
    tables: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        table, dot, key = name.strip().partition(".")
        if not (equals and dot):
            raise UsageError(
                f"{text!r} sets nothing", "Write TABLE.KEY=VALUE: tracks.smoothing_s=0.5"
            )
        try:
            tables.setdefault(table, {})[key] = tomllib.loads(f"x = {value}")["x"]
        except tomllib.TOMLDecodeError:
            tables.setdefault(table, {})[key] = value  # a word needs no quotes here
    return tables


def camera_of(args: argparse.Namespace, settings: Settings) -> Callable:
    """Return what opens the camera or scene that the flags name."""
    if "faces" not in args:
        from ..camera.open import open_camera

        return lambda: open_camera(settings.camera)
    from ..bench.scene import Scene

    if args.faces < 0:
        raise UsageError(f"--faces {args.faces}: need 0 or more")
    scene = Scene(args.faces, args.size, SCENE_FRAMES)
    return lambda: scene


def text(figures: dict[str, Any]) -> str:
    """Return one configuration's figures as a table."""
    lines = [f"{'ms per frame':12}{'p50':>8}{'p95':>8}{'p99':>8}"]
    for stage, row in figures["stages_ms"].items():
        lines.append(f"{stage:12}" + "".join(f"{value:8.2f}" for value in row.values()))
    first, ratio = figures["startup_to_first_label_s"], figures["overhead_ratio"]
    counts = ", ".join(f"{part} {count}" for part, count in figures["invocations"].items())
    lines += [
        f"{figures['frames']} frames, {figures['faces']} faces: {figures['fps']:.1f} frames/s on "
        f"{figures['runtime']}, {figures['threads']} thread(s)",
        f"{ratio:.2f} times what the bare models take ({counts})" if ratio else "live: no ratio",
        "each face told {told_hz:.1f} times a second, in {ms_per_face:.2f} ms".format(**figures)
        if "told_hz" in figures
        else "",
        f"{figures['label_changes_per_minute']:.0f} label changes a minute",
        f"first label after {first:.2f} s" if first else "no label",
        f"memory {figures['peak_memory_mb']:.0f} MB at most, {figures['final_memory_mb']:.0f} at "
        "the end",
    ]
    return "\n".join(filter(None, lines))


def compared(argv: list[str], against: str, rounds: int) -> dict[str, Any]:
    """Return both configurations' median figures, each run in a process of its own, in turns."""
    plain = [word for word in argv if word != "--against" and word != against]
    plain = [word for word in plain if not word.startswith("--against=")]
    second = [part for one in against.split(",") for part in ("--set", one)]
    assigned(against.split(","))
    runs: dict[str, list[dict]] = {"a": [], "b": []}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        for _ in range(rounds):
            for name, extra in (("a", []), ("b", second)):
                command = [sys.executable, "-m", "device.bench", *plain, *extra]
                done = subprocess.run(
                    [*command, "--rounds", "1", "--json", str(out)], capture_output=True, text=True
                )
                if done.returncode:
                    reason = done.stderr.strip().removeprefix("facet: ")
                    raise FacetError(f"configuration {name} failed: {reason}")
                runs[name].append(json.loads(out.read_text()))
    return {
        name: {
            key: float(np.median([one[key] for one in of_it]))
            for key in COMPARED
            if of_it[0].get(key) is not None
        }
        for name, of_it in runs.items()
    }


def compared_text(both: dict[str, dict[str, float]], against: str) -> str:
    """Return two configurations' figures side by side."""
    lines = [f"{'':26}{'as it is':>10}{against:>26}{'ratio':>8}"]
    for key, value in both["a"].items():
        other = both["b"][key]
        ratio = f"{other / value:8.2f}" if value else f"{'':8}"
        lines.append(f"{key:26}{value:10.2f}{other:26.2f}{ratio}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    argv = sys.argv[1:] if argv is None else argv
    args = parser().parse_args(argv)
    if args.rounds < 1:
        raise UsageError(f"--rounds {args.rounds}: need 1 or more")
    flags = {
        name: getattr(args, name)
        for name in ("camera", "model", "detector", "threads", "max_frames")
        if name in args
    }
    settings = merge(merge_flags(Settings(), flags), assigned(args.set), "--set")
    if "against" in args:
        merge(settings, assigned(args.against.split(",")), "--against")
        figures: dict[str, Any] = compared(argv, args.against, args.rounds)
        print(compared_text(figures, args.against))
    else:
        figures = _figures(args, settings)
    if "json" in args:
        try:
            args.json.write_text(json.dumps(figures, indent=2) + "\n")
        except OSError as error:
            raise UsageError(f"cannot write {args.json}: {error.strerror}") from error


def _figures(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    from ..bench import measure
    from ..pipeline import load_models

    models = load_models(settings)
    if "growth" in args:
        from ..bench.scene import Scene

        if args.growth < 100:
            raise UsageError(f"--growth {args.growth}: need 100 frames or more")
        scene = Scene(getattr(args, "faces", 1), args.size, args.growth)
        figures = measure.measure_growth(settings, models, scene, args.growth)
        print("{frames} frames: {memory_growth_mb:+.2f} MB since the first tenth".format(**figures))
        return figures
    opened = camera_of(args, settings)
    if "naive" in args:
        figures = measure.measure_naive(settings, models, opened, args.naive, args.rounds)
        print(
            "{fps:.1f} frames/s, the naive loop {naive_fps:.1f}: {naive_ratio:.1f} times as "
            "fast".format(**figures)
        )
        return figures
    figures = measure.measure(settings, models, opened, args.rounds)
    print(text(figures))
    return figures


if __name__ == "__main__":
    exit_with(main)
