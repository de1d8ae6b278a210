"""The file for node_exporter: whole at any moment, readable, gone after the run."""

import stat
import threading

import pytest

pytest.importorskip("prometheus_client", reason="pip install -r requirements-metrics.txt")
from prometheus_client.parser import text_string_to_metric_families

from device.cli.command import readable_by
from device.metrics.collector import RunCollector, registry_of
from device.metrics.textfile import MetricsFile
from tests.device.metrics.made_up import eventually, live_run


def registry():
    return registry_of(RunCollector(live_run()))


def test_it_is_there_during_the_run_readable_for_node_exporter_and_gone_afterwards(tmp_path):
    path = tmp_path / "facet.prom"
    with readable_by("owner"), MetricsFile(registry(), path, 3600):
        eventually(path.exists)
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        names = [one.name for one in text_string_to_metric_families(path.read_text())]
        assert "facet_frames" in names
    assert list(tmp_path.iterdir()) == []


def test_a_reader_never_sees_half_a_file(tmp_path):
    path, file = tmp_path / "facet.prom", MetricsFile(registry(), tmp_path / "facet.prom", 1)
    file.write()
    done = threading.Event()

    def write():
        while not done.is_set():
            file.write()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(50):
            text = path.read_text()
            assert text.endswith("\n") and "facet_process_max_fds" in text
    finally:
        done.set()
        writer.join()


def test_a_folder_that_is_none_is_reported_once_and_tried_again(tmp_path, capsys):
    folder = tmp_path / "folder"
    folder.write_text("no folder")
    file = MetricsFile(registry(), folder / "facet.prom", 1)
    file.write()
    file.write()
    assert capsys.readouterr().err.count("cannot write the metrics") == 1
    folder.unlink()
    file.write()
    assert "again" in capsys.readouterr().err and (folder / "facet.prom").exists()
