"""What a message says, whatever its bytes are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.fleet.records import CameraRow, Refusal, record_of
from device.store.rows import CountRow, VisitRow

from .visits import counts, visit


def test_a_visit_is_a_row_of_its_camera():
    row = record_of("facet/shop-1/visit", visit(7, person=None))
    assert isinstance(row, VisitRow)
    assert (row.id, row.camera, row.dwell_s) == ("0000000000000007", "shop-1", 12.5)
    assert row.attributes == {"Smiling": 0.91}


def test_counts_are_a_row_and_may_be_withheld():
    row = record_of("facet/shop-1/counts", counts())
    assert row == CountRow(
        "shop-1",
        "2026-11-27T08:00:00.000Z",
        "2026-11-27T09:00:00.000Z",
        "cam0",
        "visits",
        "",
        "",
        17,
    )
    withheld = record_of("facet/shop-1/counts", counts(visits=None))
    assert isinstance(withheld, CountRow) and withheld.visits is None


def test_a_camera_says_what_it_is():
    assert record_of("facet/a/status", b"online") == CameraRow("a", online=True)
    assert record_of("facet/a/status", b"offline") == CameraRow("a", online=False)
    run = b'{"number":1,"token":"x","version":"0.1.0","model":"0123456789ab"}'
    assert record_of("facet/a/run", run) == CameraRow("a", version="0.1.0", model="0123456789ab")
    older = b'{"number":1,"token":"x"}'
    assert record_of("facet/a/run", older) == CameraRow("a", version="unknown", model="unknown")
    diagnostics = b'{"fps":7.5,"temperature_c":null}'
    assert record_of("facet/a/diagnostics", diagnostics) == CameraRow("a", fps=7.5)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("visit", b""),
        ("visit", b"\xff\xfe"),
        ("visit", b"[]"),
        ("visit", b"[" * 100_000),
        ("visit", b"{}"),
        ("visit", visit(1, id="no id")),
        ("visit", visit(1, attributes={"Smiling": 1.5})),
        ("visit", visit(1, attributes={"Smi\0ling": 0.5})),
        ("visit", visit(1, attributes=["Smiling"])),
        ("visit", visit(1, dwell_s=-1)),
        ("visit", visit(1, dwell_s=float("nan"))),
        ("visit", visit(1, first_seen="yesterday")),
        ("visit", visit(1, first_seen="2026-11-27T08:00:00")),
        ("visit", visit(1, first_seen="0001-01-01T00:00:00+14:00")),
        ("visit", visit(1, clock_set="yes")),
        ("visit", visit(1, person={"name": "Ann"})),
        ("visit", visit(1, person="\ud800")),
        ("visit", visit(1, frames_classified=10**400)),
        ("counts", counts(visits=-1)),
        ("counts", counts(visits=True)),
        ("counts", counts(kind="people")),
        ("counts", counts(source="\0")),
        ("counts", counts(start="2026-11-27")),
        ("run", b'{"version":1,"model":"x"}'),
        ("diagnostics", b'{"fps":1e300,"temperature_c":null}'),
        ("snapshot", b"{}"),
    ],
)
def test_what_is_none_is_refused_with_a_reason(kind, payload):
    found = record_of(f"facet/shop-1/{kind}", payload)
    assert isinstance(found, Refusal)
    assert found.reason and "\n" not in found.reason and len(found.reason) < 250


@given(st.text(max_size=30), st.binary(max_size=200))
def test_no_bytes_raise(topic, payload):
    for name in (topic, "facet/a/visit", "facet/a/counts", "facet/a/run"):
        record_of(name, payload)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(json.loads(visit(1)))), JSON)
def test_no_field_of_a_visit_raises(name, value):
    assert isinstance(record_of("facet/a/visit", visit(1, **{name: value})), VisitRow | Refusal)


@given(st.sampled_from(sorted(json.loads(counts()))), JSON)
def test_no_field_of_counts_raises(name, value):
    assert isinstance(record_of("facet/a/counts", counts(**{name: value})), CountRow | Refusal)
