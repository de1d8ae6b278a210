"""Fill in the figures of docs/benchmarks.md.

The bench runs in one process after another, with one thread for each network. Do not use the
machine meanwhile.
"""

import os
import platform
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..files import write_atomic
from ..log import log

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "benchmarks.md"
NAME = "docs/benchmarks.md"
MARKS = ("<!-- figures -->", "<!-- end of figures -->")
CONNECTED = ("<!-- connected -->", "<!-- end of connected -->")
CAMERAS = ("<!-- cameras -->", "<!-- end of cameras -->")
ONE, TEN = ("--faces", "1"), ("--faces", "10")

Figures = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """One row of the table: what is measured, how, and the limits it is judged by."""

    label: str
    arguments: tuple[str, ...]  # of device.bench
    key: str  # of its JSON
    passes: float
    aim: float
    unit: str = ""
    more_is_better: bool = False

    def verdict(self, value: float) -> str:
        sign = -1 if self.more_is_better else 1
        if sign * value <= sign * self.aim:
            return "aim reached"
        return "passed" if sign * value <= sign * self.passes else "MISSED"


FIGURES = (
    Figure("overhead ratio, one face, 640x480", ONE, "overhead_ratio", 1.30, 1.15),
    Figure(
        "overhead ratio, one face, 1920x1080",
        (*ONE, "--size", "1920x1080"),
        "overhead_ratio",
        1.8,
        1.4,
    ),
    Figure("frames/s, one face, 640x480", ONE, "fps", 120, 200, "", True),
    Figure("frames/s, ten faces, 640x480, each classified at 5 Hz", TEN, "fps", 45, 90, "", True),
    Figure("start to first label", ("--rounds", "1"), "startup_to_first_label_s", 1.0, 0.6, " s"),
    Figure("most memory, headless, 640x480", ("--rounds", "1"), "peak_memory_mb", 150, 110, " MB"),
    Figure(
        "memory growth over 100,000 frames",
        ("--growth", "100000", "--size", "320x240"),
        "memory_growth_mb",
        2,
        0.05,
        " MB",
    ),
)
COST = Figure("cost of a frame, ten faces over one", (), "", 4.0, 2.5, "x")
BASELINE = Figure(
    "against the baseline loop, four faces", (), "baseline_ratio", 3.0, 6.0, "x", True
)


def table(figures: Callable[[tuple[str, ...]], Figures], baseline: Path) -> list[str]:
    """Return the lines of the table; figures: returns what the bench with such arguments gives."""
    cost = figures(ONE)["fps"] / figures(TEN)["fps"]
    against = ("--faces", "4", "--baseline", str(baseline))
    ratio = figures(against)["baseline_ratio"]
    rows = [(row, figures(row.arguments)[row.key], row.arguments) for row in FIGURES]
    rows[4:4] = [(COST, cost, (*ONE, "and", *TEN)), (BASELINE, ratio, against)]
    lines = [
        "| figure | here | pass | aim | | `python -m device.bench` |",
        "|---|---|---|---|---|---|",
    ]
    for row, value, arguments in rows:
        shown = f"{value:.0f}" if abs(value) >= 20 else f"{value:.2f}"
        lines.append(
            f"| {row.label} | {shown}{row.unit} | {row.passes:g}{row.unit} | "
            f"{row.aim:g}{row.unit} | {row.verdict(value)} | `{' '.join(arguments)}` |"
        )
    return lines


def stages(figures: Figures) -> list[str]:
    """Return how long each stage took, p50, p95 and p99, as a table."""
    lines = [
        f"Stages in ms, {figures['camera']} ({figures['frames']} frames):",
        "",
        "| stage | p50 | p95 | p99 |",
        "|---|---|---|---|",
    ]
    for stage, percentiles in figures["stages_ms"].items():
        durations = " | ".join(f"{ms:.2f}" for ms in percentiles.values())
        lines.append(f"| {stage} | {durations} |")
    return lines


def conditions(runtime: str) -> str:
    """Return a sentence on date, machine and versions."""
    try:
        cpus = Path("/proc/cpuinfo").read_text()
    except OSError:
        cpus = ""
    name = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", cpus, re.MULTILINE)
    processor = name[1] if name else platform.machine()
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {processor}, {os.cpu_count()} cores, one thread"
        f" for each network, {system}, Python {platform.python_version()}, {runtime}."
    )


def filled(document: str, lines: list[str], marks: tuple[str, str] = MARKS) -> str:
    """Return the document with the lines between two marks; UsageError if a mark is missing."""
    before, start, rest = document.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not (start and end):
        raise UsageError(f"no {marks[0]} and {marks[1]} in the document", f"git checkout -- {NAME}")
    return "\n".join([before + start, "", *lines, "", end + after])


def refuse_unwritable(marks: tuple[str, str] = MARKS) -> None:
    """Raise UsageError if docs/benchmarks.md cannot be written, or has no such marks."""
    with _document_faults():
        document = DOCUMENT.read_text()
        filled(document, [], marks)
        write_atomic(DOCUMENT, document.encode())


def fill(lines: list[str], marks: tuple[str, str] = MARKS) -> None:
    """Write lines between two marks of docs/benchmarks.md; UsageError if that fails."""
    with _document_faults():
        write_atomic(DOCUMENT, filled(DOCUMENT.read_text(), lines, marks).encode())


def write(run_bench: Callable[[list[str]], Figures], float_model: Path) -> str:
    """Measure all figures, write them into docs/benchmarks.md and return them as Markdown.

    run_bench: returns the figures of `device.bench` with such arguments. float_model: of the
    baseline. Raises UsageError if the document cannot be written.
    """
    known: dict[tuple[str, ...], Figures] = {}

    def figures(arguments: tuple[str, ...]) -> Figures:
        if arguments not in known:
            log.info("python -m device.bench %s", shlex.join(arguments))
            known[arguments] = run_bench(list(arguments))
        return known[arguments]

    refuse_unwritable()  # before minutes of work
    rows = table(figures, float_model)
    rate = figures(TEN)["classifications_per_s"]
    ten = f"With ten faces, each is classified {rate:.1f} times a second."
    lines = [conditions(figures(ONE)["runtime"]), "", *rows, "", ten, "", *stages(figures(ONE))]
    fill(lines)
    return "\n".join(lines)


@contextmanager
def _document_faults() -> Iterator[None]:
    """Raise UsageError for a document that cannot be read or written."""
    try:
        yield
    except OSError as error:
        hint = "the command in a checkout"
        raise UsageError(f"cannot write {DOCUMENT}: {error.strerror}", hint) from error
