"""The chart of visits by hour: valid SVG, bars in proportion, a text that says the same."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.web.charts import HEIGHT, WIDTH, axis_steps, hours_svg

SVG = "{http://www.w3.org/2000/svg}"
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
COUNTS = st.lists(st.integers(0, 1_000_000), max_size=48)


def day(*counts: int) -> list[tuple[datetime, int]]:
    """Return counts of consecutive hours from noon."""
    return [(NOON + timedelta(hours=place), count) for place, count in enumerate(counts)]


def parsed(svg: str) -> ElementTree.Element:
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    return root


def bars(root: ElementTree.Element) -> list[dict[str, float]]:
    return [
        {name: float(bar.attrib[name]) for name in ("x", "y", "width", "height")}
        for bar in root.iter(f"{SVG}rect")
        if bar.get("class") == "bar"
    ]


def description(root: ElementTree.Element) -> str:
    return root.findtext(f"{SVG}desc") or ""


def axis(root: ElementTree.Element) -> list[str]:
    (group,) = (g for g in root.iter(f"{SVG}g") if g.get("class") == "axis")
    return [text.text or "" for text in group]


def test_no_hours_is_an_empty_chart():
    root = parsed(hours_svg([], UTC))
    assert bars(root) == []
    assert description(root) == "No visits."


def test_hours_without_visits():
    root = parsed(hours_svg(day(*[0] * 24), UTC))
    assert [bar["height"] for bar in bars(root)] == [0] * 24
    assert description(root) == "No visits."
    assert root.findtext(f"{SVG}title") == "Visits in the last 24 hours"


def test_the_text_names_the_total_and_the_busiest_hour():
    root = parsed(hours_svg(day(1, 5, 5, 1_000), UTC))
    assert description(root) == "1,011 visits. Most from 15:00 to 16:00: 1,000."
    assert "1 visit. Most from 12:00 to 13:00: 1." in hours_svg(day(1), UTC)
    assert "Most from 13:00 to 14:00: 5." in hours_svg(day(1, 5, 5), UTC)  # of equals the first


def test_each_bar_has_a_text_of_its_own():
    titles = [title.text for title in parsed(hours_svg(day(0, 1, 2), UTC)).iter(f"{SVG}title")]
    assert titles[1:] == [
        "12:00 to 13:00: 0 visits",
        "13:00 to 14:00: 1 visit",
        "14:00 to 15:00: 2 visits",
    ]


def test_the_axis_has_every_sixth_hour_by_the_clock_of_the_zone():
    assert axis(parsed(hours_svg(day(*[1] * 24), UTC))) == [
        "12:00", "18:00", "00:00", "06:00"
    ]  # fmt: skip
    # An hour at the border has none: it would be cut off.
    assert axis(parsed(hours_svg(day(*[1] * 19), UTC))) == [
        "12:00", "18:00", "00:00"
    ]  # fmt: skip
    india = timezone(timedelta(hours=5, minutes=30))
    assert axis(parsed(hours_svg(day(*[1] * 24), india))) == ["18:30", "00:30", "06:30", "12:30"]


@pytest.mark.parametrize(
    ("most", "expected"),
    [(0, (1, 1)), (1, (1, 1)), (4, (1, 4)), (5, (2, 6)), (9, (5, 10)), (101, (50, 150))],
)
def test_the_grid_has_round_numbers(most, expected):
    assert axis_steps(most) == expected


@given(st.integers(0, 10**12))
def test_the_grid_reaches_the_tallest_bar_in_four_steps(most):
    step, top = axis_steps(most)
    assert top >= most
    assert top % step == 0
    assert 1 <= top // step <= 4


@given(COUNTS)
def test_bars_are_proportional_to_the_counts_and_inside(counts):
    drawn = bars(parsed(hours_svg(day(*counts), UTC)))
    assert len(drawn) == len(counts)
    tallest = max((bar["height"] for bar in drawn), default=0)
    for bar, count in zip(drawn, counts, strict=True):
        # 0.001 px: the file has four digits.
        assert bar["height"] * max(counts) == pytest.approx(tallest * count, abs=1e-3 * max(counts))
        assert 0 <= bar["x"] <= bar["x"] + bar["width"] <= WIDTH
        assert 0 <= bar["y"] <= bar["y"] + bar["height"] <= HEIGHT
    for left, right in pairwise(drawn):
        assert left["x"] + left["width"] <= right["x"]


@given(COUNTS, st.integers(0, 23))
def test_the_hours_are_inside(counts, offset):
    svg = hours_svg(day(*counts), timezone(timedelta(hours=offset)))
    for text in parsed(svg).iter(f"{SVG}text"):
        if text.get("text-anchor") == "middle":
            half = len(text.text or "") * 7.5 / 2
            assert half <= float(text.attrib["x"]) <= WIDTH - half


@given(COUNTS)
def test_the_text_has_the_sum_of_any_counts(counts):
    words = description(parsed(hours_svg(day(*counts), UTC)))
    total = sum(counts)
    assert words.startswith(f"{total:,} visit" if total else "No visits.")


def test_the_chart_needs_nothing_from_elsewhere():
    svg = hours_svg(day(1, 2), UTC)
    assert "<script" not in svg
    assert svg.count("http") == 1  # the name of SVG itself
    assert "currentColor" in svg
    assert "prefers-color-scheme:dark" in svg
