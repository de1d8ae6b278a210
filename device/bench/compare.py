"""Run the probes over two checkouts in turns, each in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from ..errors import FacetError, one_line
from ..log import log
from .checkouts import Checkout
from .rows import MEASUREMENTS, Measurement
from .surroundings import AwakeCores

PROBES = Path(__file__).parent / "probes"
LEAST_SHARE = 0.95  # of a live camera's frames; a run that leaves more out takes less CPU time
TIMEOUT_S = 3600.0  # of a probe; the longest takes ten minutes

Figures = dict[str, Any]
Probe = Callable[[Checkout, str, Figures], Figures]
"""What measures a checkout: given it, the name of the probe and its options."""


@dataclass(frozen=True)
class Comparison:
    """The figures of two checkouts, by measurement, a round after the other."""

    here: str
    then: str
    """The commits' short names."""
    runs: Mapping[str, tuple[Sequence[Figures], Sequence[Figures]]]

    def median(self, measurement: str, key: str) -> tuple[float, float | None, float | None]:
        """Return the median here, the other commit's, and the median of the rounds' ratios.

        None: the other commit was not measured. The ratio is None where a figure there is 0.
        """
        here, then = ([run[key] for run in side] for side in self.runs[measurement])
        if not then:
            return float(median(here)), None, None
        pairs = zip(here, then, strict=True)
        ratio = float(median([a / b for a, b in pairs])) if all(then) else None
        return float(median(here)), float(median(then)), ratio


def run_probe(checkout: Checkout, probe: str, options: Figures) -> Figures:
    """Return what a probe measures of a checkout; FacetError if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        given = json.dumps(options | {"folder": folder, "spawned_s": time.monotonic()})
        command = [sys.executable, str(PROBES), str(checkout.root), probe, given]
        done = _run(command, checkout)
    if done.returncode:
        last = one_line(done.stderr.strip().rpartition("\n")[2])
        message = f"the probe {probe} of {checkout.commit} failed: {last or done.returncode}"
        hint = (
            "FACET_DEBUG=1; what commits name differently stands in device/bench/probes/compat.py"
        )
        raise FacetError(message, hint) from RuntimeError(done.stderr)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _run(command: list[str], checkout: Checkout) -> subprocess.CompletedProcess[str]:
    # A checkout whose byte code is not kept would compile it at every start.
    hidden = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")
    environment = {name: text for name, text in os.environ.items() if name not in hidden}
    try:
        return subprocess.run(
            command,
            cwd=checkout.root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        message = f"a probe of {checkout.commit} did not end within an hour"
        raise FacetError(message, "--only without it") from error


def compare(
    here: Checkout,
    then: Checkout,
    names: Sequence[str],
    rounds: int,
    given: Figures,
    probe: Probe = run_probe,
) -> Comparison:
    """Return what the measurements of these names give of both checkouts, in turns.

    given: options of every probe: paths of the photo and of the float model.
    """
    # Not counted: the first start compiles a checkout and reads it from the disk.
    warm_up = MEASUREMENTS["start"]
    for checkout in (here, then):
        probe(checkout, warm_up.probe, warm_up.options | given)
    runs: dict[str, tuple[list[Figures], list[Figures]]] = {}
    for number, name in enumerate(names, 1):
        measurement = MEASUREMENTS[name]
        turns = range(rounds if measurement.both else 1)
        runs[name] = ([], [])
        for turn in turns:
            log.info(f"{number} of {len(names)}: {name}, round {turn + 1} of {len(turns)}")
            for side, checkout in zip(runs[name], (here, then), strict=True):
                if side is runs[name][0] or measurement.both:
                    side.append(_measured(measurement, checkout, given, probe))
    return Comparison(here.commit, then.commit, runs)


def _measured(
    measurement: Measurement, checkout: Checkout, given: Figures, probe: Probe
) -> Figures:
    with AwakeCores() if measurement.awake else contextlib.nullcontext():
        figures = probe(checkout, measurement.probe, measurement.options | given)
    due_fps = measurement.options.get("fps", 0.0)
    fps = figures.get("fps", due_fps)  # not every probe counts them
    if fps < LEAST_SHARE * due_fps:
        log.warning("%.1f frames/s of %g: the computer is busy, or too slow", fps, due_fps)
    return figures
