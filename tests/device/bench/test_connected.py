"""The bench of connections: its parts, its figures, and the text of them."""

import json
import subprocess
import sys
import time

import pytest

from device.bench import report
from device.bench.observed import ObservedRun, start
from device.bench.surroundings import Broker, Receiver, Viewers
from device.cli import bench, bench_connected
from device.cli.bench_connected import PACKAGES, Extent, lines_of, measure
from device.errors import FacetError, UsageError
from device.settings import Settings

SHORT = Extent(rounds=1, frames=30, window_s=0.5, warm_up_s=0.5, starts=1)


@pytest.fixture(scope="module")
def figures():
    for package in ("starlette", "uvicorn", "paho", "prometheus_client", "httpx"):
        pytest.importorskip(package)
    return measure(Settings(), SHORT)


@pytest.mark.slow
def test_all_is_on_and_all_is_used(figures):
    assert figures["mqtt"] == bool(Broker.find()) and figures["rules"] == 3
    assert figures["viewer_mb"] > 0 and figures["webhooks"] > 0
    assert len(figures["frame_ratios"]) == 2 and figures["frame_ratio"] > 0.1
    assert figures["memory_on_mb"] > 20 and figures["memory_off_mb"] > 20  # too short for more
    assert set(figures["viewers"]) == {"1", "10"}


@pytest.mark.slow
def test_where_all_is_off_nothing_is_imported(figures):
    assert figures["imported"] == [] and figures["start_off_s"] > 0.1


@pytest.mark.slow
def test_the_figures_are_written_into_the_document(figures, tmp_path, monkeypatch, capsys):
    document, out = tmp_path / "benchmarks.md", tmp_path / "connected.json"
    document.write_text("\n".join(["before", *report.CONNECTED, "after\n"]))
    monkeypatch.setattr(report, "DOCUMENT", document)
    monkeypatch.setattr(bench_connected, "measure", lambda *_: figures)
    bench.main(["--connected", "--write", "--json", str(out)])
    text, printed = document.read_text(), capsys.readouterr().out
    assert text.startswith("before\n<!-- connected -->\n\nMeasured on ")
    assert text.endswith("<!-- end of connected -->\nafter\n")
    for line in lines_of(figures):
        assert line in text and line in printed
    assert json.loads(out.read_text()) == figures


def test_the_document_needs_its_marks_before_anything_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "DOCUMENT", tmp_path / "benchmarks.md")
    report.DOCUMENT.write_text("no marks")
    with pytest.raises(UsageError, match="no <!-- connected -->"):
        bench.main(["--connected", "--write"])
    with pytest.raises(
        UsageError,
        match=r"--write without --connected, --cameras or --against COMMIT",
    ):
        bench.main(["--write"])


@pytest.mark.slow
def test_without_mosquitto_the_text_says_so(figures):
    assert "no MQTT (Mosquitto is not installed)" in lines_of(figures | {"mqtt": False})[0]


def test_a_run_that_does_not_begin_is_one_line(tmp_path):
    config = tmp_path / "facet.toml"
    config.write_text('[camera]\nsource = "none.mp4"\n[outputs]\nheadless = true\n')
    with (
        pytest.raises(FacetError, match=r"no camera and no file is called none\.mp4"),
        ObservedRun("device", config, tmp_path),
    ):
        pass


def test_the_baseline_of_the_start_runs_without_the_module_of_connections(tmp_path):
    _, names = start("device", tmp_path, ("device.cli.connections",))
    assert names == ["device.cli.connections"]
    _, names = start("device", tmp_path, (*PACKAGES, "device.outputs"), without=True)
    assert "device.outputs.live" not in names and "device.outputs.csv_log" in names


def test_webhooks_are_counted():
    code = "import sys, urllib.request\nurllib.request.urlopen(sys.argv[1], b'{}').close()"
    with Receiver() as receiver:
        for _ in range(2):
            subprocess.run([sys.executable, "-c", code, receiver.url], check=True)
    assert receiver.count == 2


def test_viewers_without_a_page_end(monkeypatch):
    monkeypatch.setattr("device.bench.surroundings.START_S", 0.1)
    began_s = time.monotonic()
    with pytest.raises(FacetError, match="the viewers did not start"), Viewers(1):
        pass
    assert time.monotonic() - began_s < 30
