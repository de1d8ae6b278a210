"""The rows of the comparison: their verdicts, and that each has its measurement and its probe."""

import pytest

from device.bench.compare import PROBES
from device.bench.rows import LATENCY_ROWS, MEASUREMENTS, ROWS, Row


@pytest.mark.parametrize(
    ("value", "more_is_better", "verdict"),
    [
        (0.9, False, "aim reached"),
        (1.0, False, "aim reached"),
        (1.1, False, "passed"),
        (2.0, False, "passed"),
        (2.1, False, "MISSED"),
        (2.1, True, "aim reached"),
        (1.0, True, "MISSED"),
    ],
)
def test_a_figure_is_judged_by_both_limits(value, more_is_better, verdict):
    limits = (1.5, 2.0) if more_is_better else (2.0, 1.0)
    assert Row("figure", "key", *limits, more_is_better=more_is_better).verdict(value) == verdict


@pytest.mark.parametrize("row", [*ROWS, *LATENCY_ROWS], ids=lambda row: row.label)
def test_every_row_has_a_measurement(row):
    assert row.measurement in MEASUREMENTS


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_every_measurement_has_a_probe_and_a_row(name):
    assert (PROBES / f"{MEASUREMENTS[name].probe}.py").is_file()
    assert [row for row in (*ROWS, *LATENCY_ROWS) if row.measurement == name]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
def test_an_aim_is_stricter_than_what_passes(row):
    assert (row.aim > row.passes) if row.more_is_better else (row.aim < row.passes)


def test_limits_of_a_ratio_need_the_other_commit():
    assert all(MEASUREMENTS[row.measurement].both for row in ROWS if row.by_ratio)
