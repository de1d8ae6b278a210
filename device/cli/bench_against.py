"""`python -m device.bench --against`: two configurations, or two commits, in turns."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from ..bench.checkouts import checked_out, short_name, this_checkout
from ..bench.rows import MEASUREMENTS
from ..errors import FacetError, UsageError, nearest
from ..settings import Settings
from ..text import counted
from .command import PACKAGE

# The figures of two configurations.
COMPARED = ("fps", "overhead_ratio", "ms_per_face", "label_changes_per_minute", "peak_memory_mb")
# Flags of other measurements; commits are compared with the default settings.
OTHERS = ("faces", "model", "detector", "threads", "max_frames")
SIZE_WH = (640, 480)  # of scenes, unless --size says otherwise
WITH_PHOTO = {"photo", "memory-photo"}  # measurements

Figures = dict[str, Any]


def is_commit(against: str) -> bool:
    """Whether a text of --against names a commit, and no settings."""
    return "=" not in against


def refuse_wrong(args: argparse.Namespace) -> None:
    """Raise UsageError for flags that do not go with --against COMMIT."""
    given = [f"--{name.replace('_', '-')}" for name in OTHERS if name in args]
    changed = {"--set": args.set, "--camera": args.camera != "demo", "--size": args.size != SIZE_WH}
    given += [flag for flag, is_changed in changed.items() if is_changed]
    if given:
        message = f"{given[0]} with --against {args.against}: commits have the default settings"
        raise UsageError(message, f"--against {args.against}")
    if args.only and "write" in args:
        raise UsageError("--only with --write: the table would be incomplete", "--only or --write")
    for name in args.only:
        if name not in MEASUREMENTS:
            raise UsageError(f"unknown measurement {name!r}", nearest(name, MEASUREMENTS))


def compare_commits(args: argparse.Namespace) -> tuple[Figures, str]:
    """Return the figures of this checkout and of another commit, and their tables as text.

    Raises UsageError for an unknown commit, a checkout with changes and a document that cannot be
    written; ModelError for a float model that is missing.
    """
    refuse_wrong(args)
    from ..bench import report
    from ..bench.compare import compare
    from ..bench.tables import lines_of
    from ..tflite import runtime_name

    here, commit = this_checkout(), short_name(args.against)
    names = args.only or [name for name in MEASUREMENTS if name != "growth" or not args.no_growth]
    if "baseline" in names:
        _refuse_float_model(args.float)
    if "write" in args:
        report.refuse_unwritable()  # before minutes of work
    # As Ctrl-C: the checkout and the processes must not be left behind.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder, checked_out(commit) as then:
        photo = Path(folder) / "photo.jpg"
        if not WITH_PHOTO.isdisjoint(names):
            from ..bench.probes import group_photo  # not in a wheel

            group_photo.main(photo)
        given = {"photo": str(photo), "float_model": str(args.float.resolve())}
        comparison = compare(here, then, names, args.rounds, given)
    rounds = counted(args.rounds, "round")
    how = f"Here is commit {here.commit}, in turns with {commit}; medians of {rounds}."
    lines = [f"{report.conditions(runtime_name())} {how}", "", *lines_of(comparison)]
    if "write" in args:
        report.fill(lines)
    return {"here": here.commit, "then": commit, "runs": comparison.runs}, "\n".join(lines)


def _refuse_float_model(path: Path) -> None:
    """Raise ModelError if the model of the baseline loop is missing or another one."""
    from ..bench.baseline import load_float_network
    from ..models import load_models

    settings = Settings()
    load_float_network(path, load_models(settings), settings.runtime.threads)


def compare_settings(argv: list[str], against: str, rounds: int) -> dict[str, dict[str, float]]:
    """Return both configurations' medians {"a": {}, "b": {}}, run in turns in own processes."""
    common = [word for word in argv if word not in ("--against", against)]
    common = [word for word in common if not word.startswith("--against=")]
    changes = [word for change in against.split(",") for word in ("--set", change)]
    runs: dict[str, list[Figures]] = {"a": [], "b": []}
    for _ in range(rounds):
        for name, extra in (("a", []), ("b", changes)):
            try:
                runs[name].append(run_bench([*common, *extra, "--rounds", "1"]))
            except FacetError as error:
                raise FacetError(f"configuration {name}: {error.message}", error.hint) from error
    return {
        name: {
            key: float(median([figures[key] for figures in measured]))
            for key in COMPARED
            if measured[0].get(key) is not None
        }
        for name, measured in runs.items()
    }


def run_bench(arguments: list[str]) -> Figures:
    """Return the figures of this command in a process of its own; FacetError if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        command = [sys.executable, "-m", f"{PACKAGE}.bench", *arguments, "--json", str(out)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            last_line = done.stderr.strip().rpartition("\n")[2].removeprefix("facet: ")
            message, _, hint = last_line.partition(". Try: ")
            raise FacetError(message or f"the bench ended with code {done.returncode}", hint)
        return json.loads(out.read_text())


def comparison_text(both: dict[str, dict[str, float]], against: str) -> str:
    """Return two configurations' figures side by side."""
    lines = [f"{'':26}{'as it is':>10}{against:>26}{'ratio':>8}"]
    for key, first in both["a"].items():
        second = both["b"][key]
        ratio = f"{second / first:8.2f}" if first else f"{'':8}"
        lines.append(f"{key:26}{first:10.2f}{second:26.2f}{ratio}")
    return "\n".join(lines)
