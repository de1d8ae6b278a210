"""Facet's command as a process: its settings, its log, its end."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from device.outputs.visit_id import visit_id
from tests.machines.debian import ROOT

TRACEBACK = re.compile(r"Traceback \(most recent|please report it")


class FacetRun:
    """`python -m device.run` with a settings file; `start` may be called again.

    environment: variables beside those of this process.
    """

    def __init__(self, folder: Path, environment: dict[str, str]):
        self.folder, self.log = folder, folder / "facet.log"
        self.visits = folder / "visits.csv"
        self._environment = os.environ | environment
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, settings: str) -> None:
        """Start it with settings in TOML."""
        file = self.folder / "facet.toml"
        file.write_text(settings)
        words = [sys.executable, "-m", "device.run", "--headless", "--config", str(file)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                words, cwd=ROOT, env=self._environment, stdout=log, stderr=log
            )

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self.process.poll() if self.process else None

    def text(self) -> str:
        """Its log so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def faults(self) -> list[str]:
        """Lines of its log that show a bug."""
        return [line for line in self.text().splitlines() if TRACEBACK.search(line)]

    def visit_ids(self, camera: str) -> list[str]:
        """Return the ids of the visits in its file, as its messages name them."""
        with self.visits.open(newline="") as file:
            return [visit_id(row, camera) for row in csv.DictReader(file)]

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.process:
            self.process.kill()
            self.process.wait(30)

    def stop(self) -> float:
        """Ask it to end; return how long that took, s. It is killed after a minute."""
        assert self.process
        begun_s = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        return time.monotonic() - begun_s

    def cpu_s(self) -> float:
        """CPU time that it has taken so far, s."""
        assert self.process
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def as_toml(tables: dict[str, object]) -> str:
    """Return settings as TOML: a table for each dict, an array of tables for each list of dicts."""
    lines: list[str] = []
    for name, value in tables.items():
        several = value if isinstance(value, list) else [value]
        for table in several:
            lines.append(f"[[{name}]]" if isinstance(value, list) else f"[{name}]")
            # Texts, numbers, booleans and lists of them are the same in JSON.
            lines += [f"{key} = {json.dumps(one)}" for key, one in table.items()]
    return "\n".join(lines) + "\n"
