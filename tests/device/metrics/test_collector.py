"""The figures of a run, worked out by hand, as Prometheus reads them."""

import json
import re
from dataclasses import replace

import pytest

pytest.importorskip("prometheus_client", reason="pip install -r requirements-metrics.txt")
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from device import __version__
from device.config import merge
from device.metrics.collector import RunCollector, registry_of
from device.rowlog import RowCounts
from device.settings import Settings
from device.stopwatch import BUCKETS_S, STAGES
from device.types import BLURRED
from tests.conftest import ROOT
from tests.device.metrics.made_up import live_run
from tests.device.outputs.made_up import face, result


def families(live, temperature_c=lambda: 61.5):
    """Return {name: metric family} of a run, through the text format and back."""
    text = generate_latest(registry_of(RunCollector(live, temperature_c, lambda: 1000.0))).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(live, name, **labels):
    """Return the value of one sample."""
    found = [
        sample.value
        for family in families(live).values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    assert len(found) == 1, (name, labels, found)
    return found[0]


def test_before_the_first_frame_all_counters_are_zero():
    live = live_run()
    assert value(live, "facet_frames_total") == 0
    assert value(live, "facet_frames_dropped_total") == 0
    assert value(live, "facet_faces", state="ok") == 0
    assert value(live, "facet_faces_analyzed_total", state="too small") == 0
    assert value(live, "facet_visits_total") == 0
    assert value(live, "facet_start_time_seconds") == 1000
    assert value(live, "facet_build_info", version=__version__, model="attributes") == 1
    assert "facet_frame_age_seconds" not in families(live)


def test_frames_faces_by_state_and_visits_are_counted():
    live = live_run(dropped=lambda: 7, reconnecting=lambda: True)
    blurred = face(2, values=None, state=BLURRED)
    with live.state as state:
        state.write(result(face(1), blurred))
        state.write(result(face(1), blurred, face(3), seconds=0.1))
        state.write(result(blurred, seconds=9.0))
        assert value(live, "facet_frames_total") == 3
        assert value(live, "facet_frames_dropped_total") == 7
        assert value(live, "facet_camera_reconnecting") == 1
        assert value(live, "facet_faces", state="ok") == 0
        assert value(live, "facet_faces", state="blurred") == 1
        assert value(live, "facet_faces_analyzed_total", state="ok") == 3
        assert value(live, "facet_faces_analyzed_total", state="blurred") == 3
        # Tracks 1 and 3 have left; 2 was away for longer than a track lives, and is in view again.
        assert value(live, "facet_visits_total") >= 2


def test_stages_are_histograms_with_cumulative_buckets():
    live = live_run()
    live.stopwatch.keep_histograms()
    for seconds in (0.001, 0.003, 0.003, 9.0):
        live.stopwatch.histograms["faces"].add(seconds)
    samples = families(live)["facet_stage_duration_seconds"].samples
    faces = [one for one in samples if one.labels["stage"] == "faces"]
    buckets = {one.labels["le"]: one.value for one in faces if one.name.endswith("_bucket")}
    assert (buckets["0.001"], buckets["0.0025"], buckets["0.005"]) == (1, 1, 3)
    assert (buckets["2.5"], buckets["+Inf"]) == (3, 4) and len(buckets) == len(BUCKETS_S) + 1
    assert value(live, "facet_stage_duration_seconds_sum", stage="faces") == pytest.approx(9.007)
    assert value(live, "facet_stage_duration_seconds_count", stage="faces") == 4
    assert {one.labels["stage"] for one in samples} == set(STAGES)


def test_rows_and_queues_are_those_of_the_outputs():
    live = live_run(rows={"faces": lambda: RowCounts(5, 2, 3)}, waiting={"recording": lambda: 8})
    assert value(live, "facet_log_rows_written_total", log="faces") == 5
    assert value(live, "facet_log_rows_lost_total", log="faces") == 2
    assert value(live, "facet_queue_length", queue="faces") == 3
    assert value(live, "facet_queue_length", queue="recording") == 8


def test_without_a_sensor_there_is_no_temperature():
    live = live_run()
    assert value(live, "facet_temperature_celsius") == 61.5
    assert "facet_temperature_celsius" not in families(live, lambda: None)


def all_names():
    """Return the names of all samples that a run can have."""
    live = live_run(rows={"faces": lambda: RowCounts(0, 0, 0)})
    live.stopwatch.keep_histograms()
    live.state.write(result(face(1)))
    live.state._result = type(live.state.newest())(*live.state.newest(), 25.0, 0.1)
    return {sample.name for family in families(live).values() for sample in family.samples}


def test_the_dashboard_asks_only_for_metrics_that_there_are():
    dashboard = json.loads((ROOT / "docs" / "grafana.json").read_text())
    queries = [
        target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())
    ]
    asked = {name for query in queries for name in re.findall(r"facet_\w+", query)}
    assert len(queries) >= 8 and len(asked) >= 10
    assert asked <= all_names()


def test_the_page_in_docs_names_every_metric_and_no_other():
    page = (ROOT / "docs" / "metrics.md").read_text()
    documented = set(re.findall(r"^\| `(facet_\w+)", page, re.MULTILINE))
    bases = {re.sub("_(bucket|sum|count)$", "", name) for name in all_names()}
    assert documented == {name for name in bases if not name.startswith("facet_process_")}


def test_at_the_level_of_counts_no_figure_tells_when_one_person_came():
    """Neither do durations: most frames take under 1 ms while nobody is in view, and none else."""
    live = live_run(merge(Settings(), {"privacy": "counts"}, "test"))
    with live.state as state:
        state.write(replace(result(face(1)), age_s=0.1))
    live.stopwatch.keep_histograms()
    for stage in STAGES:
        live.stopwatch.lap(stage)
    assert set(families(live)) == {
        *("facet_build_info", "facet_start_time_seconds", "facet_temperature_celsius"),
        *("facet_frames", "facet_frames_dropped", "facet_camera_reconnecting"),
        *("facet_log_rows_written", "facet_log_rows_lost", "facet_queue_length"),
        *("facet_process_virtual_memory_bytes", "facet_process_resident_memory_bytes"),
        *("facet_process_start_time_seconds", "facet_process_open_fds", "facet_process_max_fds"),
    }
    assert value(live, "facet_frames_total") == 1
