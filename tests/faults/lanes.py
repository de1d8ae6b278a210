"""Run one fault in a process of its own, ended with all that it started when its time is up."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.faults.fault import Bench, Fault, Missing, Outcome
from tests.faults.mounts import private
from tests.faults.mutants import VARIABLE, apply_chosen
from tests.faults.report import Row
from tests.faults.victim import ROOT

LANES = 2  # most of them wait most of the time
_running: set[int] = set()  # groups of processes


@dataclass(frozen=True)
class Run:
    """A fault that is to be inflicted so often."""

    fault: Fault
    trials: int
    seed: int
    mutant: str = ""  # the name of a mutant, which the fault's check must notice


def inflict(run: Run, until_s: float) -> Row:
    """Return what came of a fault; one that is not done at `until_s` (monotonic, s) has failed."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="facet-fault-") as folder:
        result = Path(folder) / "result.json"
        flags = ["--only", run.fault.name, "--trials", run.trials, "--seed", run.seed]
        command = [*private(), sys.executable, "-m", "tests.faults", *flags, "--inside", result]
        more = {VARIABLE: run.mutant, "FACET_FAULT_PATIENCE_S": "30"} if run.mutant else {}
        process = subprocess.Popen(
            [str(one) for one in command],
            cwd=ROOT,
            env=os.environ | more,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        _running.add(process.pid)
        try:
            stderr = process.communicate(timeout=max(1.0, until_s - begun))[1]
        except subprocess.TimeoutExpired:
            stderr = "not done when the time was up"
        finally:
            _end(process.pid)
            process.communicate()
            _running.discard(process.pid)
        if result.is_file():
            outcome = Outcome(**json.loads(result.read_text()))
        else:
            seen = " ".join(stderr.split())[-300:] or f"ended with code {process.returncode}"
            outcome = Outcome("an end", seen, False)
    return Row(run.fault, run.trials, outcome, time.monotonic() - begun)


def end_all() -> None:
    """End whatever is being inflicted, with all that it started."""
    for group in tuple(_running):
        _end(group)


def _end(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def inside(run: Run, result: Path) -> int:
    """Inflict a fault in this process, and leave what came of it in a file."""
    apply_chosen()  # for faults that call Facet in this process
    folder = result.parent / "bench"
    folder.mkdir()
    rng = random.Random(f"{run.seed} {run.fault.name}")
    try:
        outcome = run.fault.inflict(Bench(folder, rng, run.trials))
    except Missing as error:
        outcome = Outcome("", str(error), None)
    except AssertionError as error:  # what was waited for did not happen
        outcome = Outcome("no wait without end", " ".join(str(error).split())[:400], False)
    part = result.with_suffix(".part")
    part.write_text(json.dumps(asdict(outcome)))
    part.rename(result)
    return 0
