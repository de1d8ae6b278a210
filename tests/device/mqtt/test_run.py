"""device.run with and without [mqtt]."""

import itertools
import os
import subprocess
import sys

from tests.conftest import ROOT
from tests.device.mqtt.broker import Listener, free_port, wait_until


def run(folder, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "device.run", "--camera", "demo", "--headless", *flags]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


def settings(folder, **mqtt):
    file = folder / "facet.toml"
    lines = (f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}"
             for key, value in mqtt.items())  # fmt: skip
    file.write_text("\n".join(["[mqtt]", *lines]) + "\n")
    return str(file)


def test_the_demo_sends_its_visits(tmp_path, broker):
    config = settings(tmp_path, host="127.0.0.1", port=broker.port, id="demo")
    with Listener(broker.port, "facet/#") as listener:
        runs = itertools.takewhile(lambda _: not listener.of("facet/demo/visit"), range(20))
        # At its own speed, or else the clip may end before the broker has answered.
        flags = "--events", "visits.csv", "--repeat", "--max-frames", "120"
        for _ in runs:
            done = run(tmp_path, "--config", config, *flags)
            assert done.returncode == 0, done.stderr
        wait_until(lambda: listener.of("facet/demo/visit"), "a visit")
        wait_until(lambda: listener.last("facet/demo/status") == b"offline", "the end")
    rows = (tmp_path / "visits.csv").read_text().splitlines()[1:]
    assert len({visit["id"] for visit in listener.json("facet/demo/visit")}) <= len(rows)


def test_visits_without_a_file_are_refused(tmp_path):
    config = settings(tmp_path, host="127.0.0.1", port=free_port())
    done = run(tmp_path, "--config", config)
    assert "which wait for the broker in a file that is not named" in done.stderr
    assert "--events visits.csv, or visits = false in [mqtt]" in done.stderr
