"""Of two cameras with one id the later goes on, whoever reconnects when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.mqtt.ownership import MAX_NUMBER, Run, next_run, run_of


def test_the_first_run_has_number_1_and_each_later_one_more():
    first = next_run(None)
    assert first.number == 1
    assert next_run(first).number == 2 and next_run(first) > first
    assert run_of(first.payload("0.1.0", "0123456789ab")) == first


@pytest.mark.parametrize(
    "rubbish",
    [
        *(b"", b"{", b"null", b"[1]", b"\xff", b"[" * 9999, b'{"number": 1}'),
        *(b'{"number": true, "token": "a"}', b'{"number": 1.5, "token": "a"}'),
        *(b'{"number": 1, "token": 2}', b'{"number": 0, "token": "a"}'),
        b'{"number": %d, "token": "a"}' % MAX_NUMBER,
    ],
)
def test_any_other_message_names_no_run(rubbish):
    assert run_of(rubbish) is None


@given(st.lists(st.integers(0, 2), min_size=3, max_size=30), st.booleans())
def test_after_any_reconnections_one_camera_is_left(order, broker_forgets):
    """Each step, one of three cameras connects; the broker may lose what it kept, once."""
    runs: dict[int, Run] = {}
    gone: set[int] = set()
    kept: Run | None = None
    for step, camera in enumerate([*order, 0, 1, 2, 0, 1, 2]):
        if broker_forgets and step == len(order) // 2:
            kept = None
        if camera in gone:
            continue
        if camera not in runs:
            runs[camera] = next_run(kept)
        elif kept and kept > runs[camera]:
            gone.add(camera)
            continue
        kept = runs[camera]
    assert len(runs.keys() - gone) == 1
