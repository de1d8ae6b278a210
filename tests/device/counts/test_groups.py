"""No group of visits that what is written tells, alone or by subtraction, is a small one."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.counts.counter import (
    RANGES,
    CountedVisit,
    VisitCounter,
    dwell_range,
    start_of_interval,
)
from device.counts.groups import Table, is_safe, merge_ranges
from device.counts.rows import ATTRIBUTE, DWELL, REFUSED, RUN, VISITS
from device.settings import CountsSettings

MORNING = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
NAMES = ("Smiling", "Eyeglasses", "Wearing_Hat")


def chosen(minutes=15, min_group=3, attributes=(), crossed=False):
    return CountsSettings(
        minutes=minutes, min_group=min_group, attributes=attributes, crossed=crossed
    )


@pytest.mark.parametrize("count, expected", [(0, True), (1, False), (9, False), (10, True)])
def test_nobody_is_no_small_group(count, expected):
    assert is_safe(count, 10) is expected


def test_a_table_with_a_small_value_waits_as_a_whole():
    table = Table(("yes", "no"), 10)
    table.add({"yes": 4, "no": 50})
    assert table.take() == {}
    table.add({"yes": 6, "no": 1})
    assert table.take() == {"yes": 10, "no": 51}
    assert table.take() == {}


def test_a_table_may_say_that_nobody_had_a_value():
    table = Table(("yes", "no"), 10)
    table.add({"no": 12})
    assert table.take() == {"yes": 0, "no": 12}


@pytest.mark.parametrize(
    "counts, expected",
    [
        ([], {}),
        ([("0..2", 9)], {}),
        ([("0..2", 10)], {"0..2": 10}),
        ([("0..2", 4), ("2..5", 20), ("5..", 0)], {"0..5": 24, "5..": 0}),
        ([("0..2", 20), ("2..5", 4), ("5..", 0)], {"0..": 24}),
        ([("0..2", 12), ("2..5", 11), ("5..", 3)], {"0..2": 12, "2..": 14}),
        ([("0..2", 0), ("2..5", 0), ("5..", 12)], {"0..2": 0, "2..5": 0, "5..": 12}),
    ],
)
def test_neighbouring_ranges_are_merged(counts, expected):
    assert merge_ranges(counts, 10) == expected


@given(st.lists(st.integers(0, 30), min_size=6, max_size=6), st.integers(2, 12))
def test_merged_ranges_have_every_visit_once_and_no_small_group(counts, min_group):
    merged = merge_ranges(list(zip(RANGES, counts, strict=True)), min_group)
    assert all(is_safe(count, min_group) for count in merged.values())
    assert sum(merged.values()) in (sum(counts), 0)
    assert merged or sum(counts) < min_group


@pytest.mark.parametrize(
    "dwell_s, expected",
    [(0.0, "0..2"), (1.9, "0..2"), (2.0, "2..5"), (299.9, "60..300"), (9000.0, "300..")],
)
def test_durations_have_ranges(dwell_s, expected):
    assert dwell_range(dwell_s) == expected


@pytest.mark.parametrize("minutes, expected", [(15, "12:45"), (60, "12:00"), (1440, "00:00")])
def test_intervals_begin_by_the_clock_on_the_wall(minutes, expected):
    moment = datetime(2026, 11, 27, 12, 59, 59, 999_999, tzinfo=UTC)
    assert f"{start_of_interval(moment, minutes, UTC):%H:%M}" == expected


# Atoms are the smallest groups there could be: interval, kind, attributes, duration. A written row
# is a sum of atoms. What can be told from all rows are their linear combinations.
PRESENT = [None, *product((True, False), repeat=2)]
visits = st.tuples(st.integers(0, 5), st.sampled_from(PRESENT), st.sampled_from([1.0, 3.0, 400.0]))


def written(history, settings):
    """Return (rows, {interval: end}) of visits, (interval, present, dwell_s), and a clean end."""
    counter = VisitCounter(settings, "door", zone=UTC)
    rows = list(counter.advance(MORNING))
    for number in range(6):
        for interval, present, dwell_s in history:
            if interval == number:
                counter.add(CountedVisit(dwell_s, present))
        rows += counter.advance(MORNING + timedelta(minutes=15 * (number + 1)))
    return [row for row in [*rows, *counter.close()] if row.kind != RUN]


def atoms_of(row, settings):
    """Return the atoms that a written row sums."""
    found = []
    for number, present, dwell_s in product(range(6), PRESENT, [1.0, 3.0, 400.0]):
        # A visit is counted in the interval that ends after it was added.
        end = MORNING + timedelta(minutes=15 * (number + 1))
        if not row.start < end <= row.end:
            continue
        if (present is None) != (row.kind == REFUSED):
            continue
        if row.kind == ATTRIBUTE:
            has = dict(zip(settings.attributes, present, strict=True))
            values = ["yes" if has[name] else "no" for name in row.name.split("+")]
            if "+".join(values) != row.value:
                continue
        if row.kind == DWELL:
            low, _, high = row.value.partition("..")
            if not float(low) <= dwell_s < float(high or "inf"):
                continue
        found.append((number, present, dwell_s))
    return found


@settings(max_examples=50, deadline=None)
@given(
    st.lists(visits, max_size=60),
    st.integers(3, 6),
    st.booleans(),
    st.sampled_from([NAMES[:2]]),
)
def test_no_combination_of_what_is_written_tells_a_small_group(
    history, min_group, crossed, attributes
):
    chosen_settings = chosen(min_group=min_group, attributes=attributes, crossed=crossed)
    rows = written(history, chosen_settings)
    real = Counter(history)
    atoms = list(product(range(6), PRESENT, [1.0, 3.0, 400.0]))
    sums, zeros = [], set()
    for row in rows:
        if row.visits is None:
            continue
        inside = atoms_of(row, chosen_settings)
        assert row.visits == sum(real[atom] for atom in inside), row  # it says the truth
        assert is_safe(row.visits, min_group)
        zeros |= set(inside) if row.visits == 0 else set()
        sums.append([float(atom in inside) for atom in atoms])
    # Atoms of a group of nobody are known to be empty.
    kept = [place for place, atom in enumerate(atoms) if atom not in zeros]
    known = np.array(sums)[:, kept] if sums and kept else np.zeros((1, max(1, len(kept))))
    basis = np.linalg.svd(known, full_matrices=False)
    space = basis.Vh[basis.S > 1e-9]

    def can_be_told(group):
        vector = np.array([float(atoms[place] in group) for place in kept])
        return np.allclose(vector @ space.T @ space, vector, atol=1e-7)

    for group in interesting_groups(atoms):
        if kept and can_be_told(group):
            assert is_safe(sum(real[atom] for atom in group), min_group), group


def interesting_groups(atoms):
    """Yield each atom, and each group by some of interval, classified, attributes and duration."""
    keys = (
        lambda atom: atom,
        lambda atom: atom[0],
        lambda atom: atom[1],
        lambda atom: atom[2],
        lambda atom: atom[:2],
        lambda atom: (atom[0], atom[2]),
        lambda atom: atom[1:],
        lambda atom: atom[1] and atom[1][0],
        lambda atom: atom[1] and atom[1][1],
        lambda atom: (atom[0], atom[1] and atom[1][0]),
        lambda atom: (atom[0], atom[1] and atom[1][1]),
        lambda atom: (atom[0], atom[1] is None),
        lambda atom: (atom[1] and atom[1][0], atom[2]),
    )
    for key in keys:
        groups = {}
        for atom in atoms:
            groups.setdefault(key(atom), set()).add(atom)
        yield from groups.values()


def test_few_visits_wait_for_others():
    counter = VisitCounter(chosen(min_group=10), "door", zone=UTC)
    counter.advance(MORNING)
    for _ in range(6):
        counter.add(CountedVisit(1.0, ()))
    assert [row.kind for row in counter.advance(MORNING + timedelta(minutes=15))] == [REFUSED]
    for _ in range(6):
        counter.add(CountedVisit(1.0, ()))
    rows = counter.advance(MORNING + timedelta(minutes=30))
    (row,) = (row for row in rows if row.kind == VISITS)
    assert (row.visits, row.start, row.end - row.start) == (12, MORNING, timedelta(minutes=30))


def test_what_never_fills_a_group_is_withheld_at_the_end_of_the_day():
    counter = VisitCounter(chosen(min_group=10), "door", zone=UTC)
    counter.advance(MORNING)
    counter.add(CountedVisit(1.0, ()))
    rows = []
    for minutes in range(15, 16 * 60 + 1, 15):  # up to midnight
        rows += counter.advance(MORNING + timedelta(minutes=minutes))
    (row,) = (row for row in rows if row.kind == VISITS)
    assert row.visits is None and row.end == datetime(2026, 11, 28, tzinfo=UTC)
    assert counter.waiting == 0


def test_an_hour_without_anybody_is_said_at_once():
    counter = VisitCounter(chosen(minutes=60), "door", zone=UTC)
    counter.advance(MORNING)
    rows = list(range(0))
    for minutes in range(1, 61):
        rows += counter.advance(MORNING + timedelta(minutes=minutes))
    assert [(row.kind, row.visits) for row in rows] == [(VISITS, 0), (REFUSED, 0)]


def test_time_without_frames_is_not_counted_as_time_without_people():
    counter = VisitCounter(chosen(), "door", zone=UTC)
    counter.advance(MORNING)
    rows = counter.advance(MORNING + timedelta(hours=5))
    assert {row.end for row in rows} == {MORNING}
    rows = counter.advance(MORNING + timedelta(hours=5, minutes=15))
    assert {row.start for row in rows} == {MORNING + timedelta(hours=5)}


def test_a_clock_that_is_set_back_a_little_changes_nothing():
    counter = VisitCounter(chosen(), "door", zone=UTC)
    counter.advance(MORNING)
    counter.add(CountedVisit(1.0, ()))
    assert counter.advance(MORNING - timedelta(seconds=30)) == []
    assert counter.waiting == 1


def test_a_clock_that_is_set_back_by_a_day_begins_anew():
    counter = VisitCounter(chosen(), "door", zone=UTC)
    counter.advance(MORNING)
    rows = counter.advance(MORNING - timedelta(days=1))
    assert all(row.start <= row.end for row in rows)
    rows = counter.advance(MORNING - timedelta(days=1) + timedelta(minutes=15))
    assert {row.start for row in rows} == {MORNING - timedelta(days=1)}
