"""Shards partition the inputs, and stay as they are when inputs come."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.label.shards import Shard, extended, from_text, grouped, size_for, to_text
from device.label.sources import kind_of

ENDINGS = (".jpg", ".png", ".mp4", ".tar", ".tar.gz", "")
NAMES = st.lists(
    st.builds(
        lambda stem, ending: f"/{stem}{ending}",
        st.text(st.characters(codec="utf-8") | st.sampled_from("\udcff\udc80"), min_size=1),
        st.sampled_from(ENDINGS),
    ),
    unique=True,
)


@given(NAMES, st.integers(1, 7))
def test_shards_partition_the_inputs(names, size):
    groups = list(grouped(names, size))
    assert sorted(name for group in groups for name in group) == sorted(names)
    for group in groups:
        assert 1 <= len(group) <= size
        assert len(group) == 1 or all(kind_of(name) == "photo" for name in group)


@given(NAMES, NAMES, st.integers(1, 7), st.integers(1, 7))
def test_a_plan_only_grows(before, after, size, other):
    plan = extended([], before, size)
    longer = extended(plan, after, other)
    assert longer[: len(plan)] == plan
    assert [shard.number for shard in longer] == list(range(len(longer)))
    names = [name for shard in longer for name in shard.inputs]
    assert len(names) == len(set(names))
    assert set(names) == set(before) | set(after)
    assert extended(longer, [*before, *after], 1) == longer


@given(NAMES)
def test_a_plan_survives_its_file(names):
    plan = extended([], names, 3)
    assert from_text(to_text(plan)) == plan
    assert [s.digest for s in from_text(to_text(plan))] == [s.digest for s in plan]


@pytest.mark.parametrize("text", ["[]", "{}", "[1]", "nonsense", '["a"]\n["b"'])
def test_a_damaged_plan_is_refused(text):
    with pytest.raises(ValueError, match=r"line|value|char|not"):
        from_text(text.encode())


def test_other_inputs_have_another_digest():
    assert Shard(0, ("/a,b",)).digest != Shard(0, ("/a", "b")).digest
    assert json.loads(to_text([Shard(0, ("/a",))])) == ["/a"]


@pytest.mark.parametrize(
    "inputs, workers, size", [(0, 1, 16), (100, 2, 16), (3200, 4, 50), (10**9, 1000, 1000)]
)
def test_few_inputs_make_small_shards(inputs, workers, size):
    assert size_for(inputs, workers) == size
