"""Debian's Prometheus scrapes a run, and promtool has nothing to complain about."""

import os
import shutil
import subprocess
import time
import urllib.request

import pytest

pytest.importorskip("prometheus_client", reason="pip install -r requirements-metrics.txt")
from prometheus_client import generate_latest

from device.metrics.collector import RunCollector, registry_of
from device.metrics.server import MetricsServer
from device.metrics.textfile import MetricsFile
from tests.device.metrics.made_up import live_run
from tests.device.metrics.prometheus import Prometheus, free_port
from tests.device.outputs.made_up import face, result


@pytest.fixture
def program():
    """Return the path of a program, which may be missing on a desk but not where all is tested."""

    def find(name):
        path = shutil.which(name)
        if path is None:
            message = f"no {name}: sudo apt install prometheus prometheus-node-exporter"
            if os.environ.get("FACET_INTEGRATIONS") == "1":
                pytest.fail(message)
            pytest.skip(message)
        return path

    return find


@pytest.fixture
def live():
    live = live_run()
    live.stopwatch.keep_histograms()
    for index in range(5):
        live.stopwatch.lap("faces")
        live.state.write(result(face(1), face(2), index=index, seconds=index / 10))
    return live


def test_promtool_finds_no_fault(program, live):
    text = generate_latest(registry_of(RunCollector(live)))
    command = [program("promtool"), "check", "metrics"]
    done = subprocess.run(command, input=text, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_prometheus_scrapes_it(program, live, tmp_path):
    with (
        MetricsServer(registry_of(RunCollector(live)), "127.0.0.1:0") as server,
        Prometheus(tmp_path, server.port, program("prometheus")) as prometheus,
    ):
        assert prometheus.answer("facet_frames_total") == [5]
        assert prometheus.answer('facet_faces{state="ok"}') == [2]
        assert prometheus.answer('facet_stage_duration_seconds_count{stage="faces"}') == [5]
        assert prometheus.answer('up{job="facet"}') == [1]


def test_node_exporter_publishes_the_file(program, live, tmp_path):
    port = free_port()
    command = [
        program("prometheus-node-exporter"),
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={tmp_path}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    MetricsFile(registry_of(RunCollector(live)), tmp_path / "facet.prom", 1).write()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        text, until_s = "", time.monotonic() + 60
        while "facet_frames_total" not in text and time.monotonic() < until_s:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
                    text = reply.read().decode()
            except OSError:
                time.sleep(0.2)
    finally:
        process.terminate()
        process.wait(30)
    assert "\nfacet_frames_total 5\n" in text and "\nnode_textfile_scrape_error 0\n" in text
