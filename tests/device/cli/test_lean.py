"""A run collects garbage less often, and leaves Python as it found it."""

import gc

import pytest

from device.cli.lean import COLLECT_AFTER, fewer_collections


def test_within_the_block_only_the_first_threshold_is_higher():
    before = gc.get_threshold()
    with fewer_collections():
        assert gc.get_threshold() == (COLLECT_AFTER, *before[1:]) and gc.isenabled()
    assert gc.get_threshold() == before


def test_after_a_fault_the_threshold_is_what_it_was():
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="a fault"), fewer_collections():
        raise ValueError("a fault")
    assert gc.get_threshold() == before
