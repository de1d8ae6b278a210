"""Two checkouts in turns, with figures made up by the test, and the tables of them."""

import pytest

from device.bench.checkouts import ROOT, Checkout
from device.bench.compare import Comparison, compare, run_probe
from device.bench.rows import LATENCY_ROWS, MEASUREMENTS, ROWS
from device.bench.tables import latencies, lines_of, stages, table
from device.errors import FacetError

HERE, THEN = Checkout(ROOT, "aaaaaaa"), Checkout(ROOT, "bbbbbbb")


class Probes:
    """Returns the next of some figures at each call, and remembers the calls."""

    def __init__(self, key, values):
        self.key, self.values, self.calls = key, iter(values), []

    def __call__(self, checkout, probe, options):
        self.calls.append((checkout.commit, probe, options))
        return {self.key: next(self.values)}


def test_rounds_take_turns_after_a_warm_up():
    probes = Probes("peak_mb", range(10))
    comparison = compare(HERE, THEN, ["memory"], 2, {"folder": "x"}, probes)
    assert [(commit, probe) for commit, probe, _ in probes.calls] == [
        ("aaaaaaa", "start"),
        ("bbbbbbb", "start"),
        *[("aaaaaaa", "memory"), ("bbbbbbb", "memory")] * 2,
    ]
    assert probes.calls[2][2] == {"camera": "demo", "folder": "x"}
    here, then = comparison.runs["memory"]
    assert here == [{"peak_mb": 2}, {"peak_mb": 4}] and then == [{"peak_mb": 3}, {"peak_mb": 5}]


def test_what_only_this_checkout_is_measured_for_is_measured_once():
    probes = Probes("growth_mb", [0, 0, 0.5])
    comparison = compare(HERE, THEN, ["growth"], 3, {}, probes)
    assert [commit for commit, *_ in probes.calls] == ["aaaaaaa", "bbbbbbb", "aaaaaaa"]
    assert comparison.median("growth", "growth_mb") == (0.5, None, None)


def test_the_ratio_is_the_median_of_the_rounds_ratios():
    # 1/1, 2/4, 9/3: the ratio of the medians, 2/3, is another one.
    probes = Probes("cpu", [0, 0, 1, 1, 2, 4, 9, 3])
    comparison = compare(HERE, THEN, ["memory"], 3, {}, probes)
    assert comparison.median("memory", "cpu") == (2, 3, 1)


def test_a_figure_of_zero_has_no_ratio():
    comparison = Comparison("a", "b", {"memory": ([{"x": 1}], [{"x": 0}])})
    assert comparison.median("memory", "x") == (1, 0, None)


def test_each_measurement_is_one_line_of_progress(capsys):
    compare(HERE, THEN, ["memory", "growth"], 2, {}, Probes("x", range(20)))
    assert capsys.readouterr().err.splitlines() == [
        "facet: 1 of 2: memory, round 1 of 2",
        "facet: 1 of 2: memory, round 2 of 2",
        "facet: 2 of 2: growth, round 1 of 1",
    ]


def test_frames_that_were_left_out_are_a_warning(capsys, monkeypatch):
    monkeypatch.setattr("device.bench.compare.AwakeCores", _Nothing)
    compare(HERE, THEN, ["live"], 1, {}, Probes("fps", [0, 0, 24.9, 20.0]))
    assert capsys.readouterr().err.splitlines()[1:] == [
        "facet: 20.0 frames/s of 25: the computer is busy, or too slow"
    ]


class _Nothing:
    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass


def made_up(here, then=None):
    """Return a comparison in which every figure is `here` and, in the other commit, `then`."""
    figures = [
        {row.key: value for row in ROWS}
        | {f"{row.key}_p{rank}": value for row in LATENCY_ROWS for rank in (50, 95)}
        | {"stages_ms": {"faces": [value, value, value]}}
        for value in (here, here if then is None else then)
    ]
    runs = {
        name: ([figures[0]], [figures[1]] if measurement.both else [])
        for name, measurement in MEASUREMENTS.items()
    }
    return Comparison("aaaaaaa", "bbbbbbb", runs)


def test_the_table_shows_both_and_judges_each_figure():
    lines = table(made_up(1.25, 5.0))
    assert lines[0] == "| figure | here | bbbbbbb | ratio | pass | aim | |"
    found = {line.split(" | ")[0][2:]: line for line in lines[2:]}
    assert len(found) == len(ROWS)
    assert "640x480 | 1.25 | 5.00 | 0.25 | 1.2 | 1.1 | MISSED |" in found[ROWS[0].label]
    assert "1920x1080 | 1.25 | 5.00 | 0.25 | 1.3 | 1.2 | passed |" in found[ROWS[1].label]
    nobody = found["CPU seconds per second, live camera, nobody in view"]
    assert nobody.endswith("| 1.25 | 5.00 | 0.25 | ratio 0.5 | ratio 0.25 | aim reached |")
    growth = found["memory growth over 100,000 frames"]
    assert growth.endswith("| 1.25 MB | - | - | 2 MB | 0.05 MB | passed |")
    assert (
        "1.25x | 5.00x | 0.25 | 6x | 10x | MISSED" in found["against the baseline loop, four faces"]
    )


def test_latencies_are_judged_by_the_time_of_two_frames():
    lines = latencies(made_up(66.6, 70.0))
    assert len(lines) == 2 + 6
    assert lines[2] == (
        "| an analyzed frame, one face | 66.6 | 70.0 | 66.6 | 70.0 | 66.7 | aim reached |"
    )
    assert latencies(made_up(66.7))[2].endswith("| MISSED |")  # two frames take 66.67 ms


def test_stages_stand_side_by_side():
    assert stages(made_up(1.0, 2.0))[2] == "| faces | 1.00 | 2.00 | 1.00 | 2.00 | 1.00 | 2.00 |"


def test_what_was_not_measured_has_no_row():
    one = Comparison("a", "b", {"start": ([{"first_label_s": 0.31}], [{"first_label_s": 0.62}])})
    lines = lines_of(one)
    assert len(lines) == 3
    assert (
        lines[2]
        == "| start to first label | 0.31 s | 0.62 s | 0.50 | 0.5 s | 0.35 s | aim reached |"
    )
    assert lines_of(Comparison("a", "b", {})) == []


def test_a_probe_that_fails_is_one_line_and_keeps_its_traceback():
    with pytest.raises(
        FacetError, match=r"the probe nothing of aaaaaaa failed: .*No module"
    ) as fault:
        run_probe(HERE, "nothing", {})
    assert "\n" not in str(fault.value) and "Traceback" in str(fault.value.__cause__)
