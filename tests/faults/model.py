"""The model's files are replaced, overwritten or deleted while it runs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.faults.fault import Bench, Outcome
from tests.faults.logs import read_log
from tests.faults.scenery import Webcam
from tests.faults.systemd import Supervisor
from tests.faults.victim import ROOT, Facet, environment, flags, settings

MODELS = ROOT / "models"
SAME = 0.1  # mean difference of probabilities below which one model gave both
LAST = 25  # rows that are averaged


def replaced(bench: Bench) -> Outcome:
    """Put another model in its place; the old one runs on, the doctor reports it, the next start
    takes the new one, or prints one line about its fault."""
    trials = [_replace(bench, trial, way) for trial, way in enumerate(_ways(bench.trials))]
    drift = max(drift for drift, _, _ in trials)
    doctor = sum(found for _, found, _ in trials)
    after = sum(restarted for _, _, restarted in trials)
    return Outcome(
        "the old one runs on, the doctor reports it, the next start takes the new one or explains",
        f"probabilities moved by {drift:.3f} at most; reported by the doctor {doctor} times; "
        f"next start right {after} times",
        drift < SAME and doctor == after == bench.trials,
    )


def _ways(count: int) -> list[str]:
    return [("moved", "overwritten", "deleted")[trial % 3] for trial in range(count)]


def _replace(bench: Bench, trial: int, way: str) -> tuple[float, bool, bool]:
    """Return how far probabilities moved, whether the doctor reported it, and whether the next
    start was correct."""
    folder = bench.folder / str(trial)
    folder.mkdir()
    webcam, log, card = Webcam(folder), folder / "faces.csv", folder / "attributes.json"
    for path in MODELS.glob("attributes.*"):
        if path.suffix in (".json", ".tflite"):
            shutil.copy(path, folder)
    config = settings(folder, "[attributes]", f"model = '{card}'", "[camera]", "source = 'demo'")

    def start(notify: dict[str, str]) -> Facet:
        return Facet(folder, *flags("0", log, config), **webcam.environment, **notify)

    with Supervisor(folder, start) as systemd:
        facet = systemd.facet
        facet.wait_for_row(40)
        quiet = _doctor(folder, facet.pid, config)["status"] == "ok"
        before = _probabilities(log)
        _change(folder, way)
        facet.wait_for_row(facet.row_count() + LAST + 5)
        drift = _apart(_probabilities(log), before)
        found = _doctor(folder, facet.pid, config)
        reported = ("is gone" if way == "deleted" else "runs the old") in found["message"]
        systemd.restart()
        right = _restarted_well(systemd, log, before, way)
        if way != "deleted":
            right &= _doctor(folder, systemd.facet.pid, config)["status"] == "ok"
    return drift, quiet and reported, right


def _change(folder: Path, way: str) -> None:
    """Make the files those of a model that finds everything likelier, or delete the network."""
    if way == "deleted":
        (folder / "attributes.tflite").unlink()
        return
    card = json.loads((MODELS / "attributes-small.json").read_text())
    card["file"] = "attributes.tflite"
    for attribute in card["attributes"]:  # so that the two models differ clearly
        attribute["calibration"]["offset"] += 3.0
    new = {
        "attributes.tflite": (MODELS / "attributes-small.tflite").read_bytes(),
        "attributes.json": json.dumps(card).encode(),
    }
    for name, content in new.items():
        if way == "moved":
            (folder / "new").write_bytes(content)
            os.replace(folder / "new", folder / name)
        else:
            (folder / name).write_bytes(content)


def _restarted_well(systemd: Supervisor, log: Path, before: np.ndarray, way: str) -> bool:
    if way == "deleted":  # exit code 4, one line, and not tried again
        output = systemd.facet.stderr().splitlines()
        return systemd.ends[-1].code == 4 and len(output) == 1 and "attributes.tflite" in output[0]
    systemd.facet.wait_for_row(LAST + 15)
    return _apart(_probabilities(log), before) > SAME


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def _probabilities(log: Path) -> np.ndarray:
    """Return the mean probabilities of the last rows, (attributes,)."""
    rows = [list(row.values())[10:] for row in read_log(log).rows[-LAST:]]
    return np.array(rows, float).mean(axis=0)


def _doctor(folder: Path, pid: int, config: Path) -> dict[str, str]:
    """Return the doctor's result on the loaded model; systemctl is a script here."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    answer = f"LoadState=loaded\\nActiveState=active\\nMainPID={pid}\\nWorkingDirectory={ROOT}\\n"
    for name, output in (("systemctl", answer), ("journalctl", "")):
        (tools / name).write_text(f"#!/bin/sh\nprintf '{output}'\n")
        (tools / name).chmod(0o755)
    more = environment(PATH=f"{tools}:{os.environ['PATH']}")
    command = [sys.executable, "-m", "device.doctor", "--json", "--config", str(config)]
    done = subprocess.run(command, cwd=ROOT, env=more, capture_output=True, text=True)
    (found,) = [one for one in json.loads(done.stdout) if one["check"] == "loaded model"]
    return found
