"""Durations of stages: the newest, and histograms of all on request."""

from hypothesis import given
from hypothesis import strategies as st

from device.stopwatch import BUCKETS_S, STAGES, Histogram, Stopwatch


def test_histograms_are_kept_on_request_only():
    stopwatch = Stopwatch()
    stopwatch.lap("faces")
    assert stopwatch.histograms == {}
    stopwatch.keep_histograms()
    stopwatch.lap("faces")
    assert {stage: sum(one.counts) for stage, one in stopwatch.histograms.items()} == {
        stage: int(stage == "faces") for stage in STAGES
    }
    assert stopwatch.histograms["faces"].sum_s == stopwatch.last["faces"][-1]


@given(st.lists(st.floats(0, 10) | st.sampled_from(BUCKETS_S)))
def test_every_duration_is_in_the_first_bucket_that_holds_it(durations):
    histogram = Histogram()
    for seconds in durations:
        histogram.add(seconds)
    for index, limit in enumerate(BUCKETS_S):
        assert sum(histogram.counts[: index + 1]) == sum(s <= limit for s in durations)
    assert sum(histogram.counts) == len(durations)
