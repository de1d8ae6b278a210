"""When a rule fires: hold and cooldown on the frames' clock."""

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.conditions.parser import ConditionError
from device.errors import UsageError
from device.rules.build import build_watches, check_rules
from device.types import IN, OUT
from tests.device.metrics.made_up import live_run
from tests.device.outputs.made_up import result
from tests.device.rules.made_up import (
    NAMES,
    SERIOUS,
    SMILES,
    THRESHOLDS,
    UNCLEAR,
    crossing,
    fired,
    frames,
    person,
    rule,
    watch,
)

A = {1: SMILES}
EMPTY: dict = {}


def test_it_fires_once_while_the_condition_lasts():
    assert fired(watch(), frames(EMPTY, A, A, A, A)) == [(0.5, 1)]


def test_it_fires_after_it_was_held():
    assert fired(watch(for_s=1.0), frames(A, A, A, A)) == [(1.0, 1)]
    assert fired(watch(for_s=1.0), frames(A, A, {1: SERIOUS}, A, A)) == []


def test_each_face_is_timed_by_itself():
    """Two people who smile for half a second each are not one who smiles for a second."""
    relay = frames({1: SMILES, 2: SERIOUS}, {1: SMILES, 2: SMILES}, {1: SERIOUS, 2: SMILES})
    assert fired(watch(for_s=1.0), relay) == []
    assert fired(watch(for_s=0.5), relay) == [(0.5, 1)]


def test_after_the_cooldown_the_next_face_that_still_holds_fires():
    both = {1: SMILES, 2: SMILES}
    assert fired(watch(cooldown_s=1.0), frames(both, both, both, both)) == [(0.0, 1), (1.0, 2)]
    assert fired(watch(cooldown_s=0.0), frames(both, both)) == [(0.0, 1), (0.0, 2)]


def test_a_second_smile_fires_again_after_the_cooldown():
    again = frames(A, {1: SERIOUS}, A, A, A)
    assert fired(watch(cooldown_s=1.0), again) == [(0.0, 1), (1.0, 1)]
    assert fired(watch(cooldown_s=1.5), again) == [(0.0, 1), (1.5, 1)]
    assert fired(watch(cooldown_s=9.0), again) == [(0.0, 1)]


def test_a_face_that_is_unclear_for_a_moment_goes_on():
    assert fired(watch(for_s=1.0), frames(A, {1: UNCLEAR}, A)) == [(1.0, 1)]
    assert fired(watch(for_s=1.0), frames(A, EMPTY, A)) == [(1.0, 1)]
    # After 2.5 s, more than a track lives, the time begins anew.
    away = frames(A, *[EMPTY] * 4, A, A, A)
    assert fired(watch(for_s=3.0), away) == []


def test_nobody_in_view_for_a_while():
    assert fired(watch("people == 0", for_s=1.0), frames(A, EMPTY, EMPTY, EMPTY)) == [(1.5, None)]


def test_a_condition_without_attributes_is_about_the_picture():
    two = {1: UNCLEAR, 2: UNCLEAR}
    assert fired(watch("people >= 2", cooldown_s=0.0), frames(A, two, two)) == [(0.5, None)]


def test_a_person_by_name():
    ada = watch('person == "Ada"')
    assert fired(ada, [result(person(1, SMILES, ""))]) == []
    assert fired(ada, [result(person(1, SMILES, "Ada"), seconds=1.0)]) == [(1.0, 1)]
    (made,) = watch('person == "Ada"').update(result(person(1, SMILES, "Ada")))
    assert made.record()["person"] == "Ada"
    (made,) = watch("Smiling").update(result(person(1, SMILES, "Ada")))
    assert "person" not in made.record()  # who is there is told to those who ask for it


def test_a_firing_has_the_values_of_the_condition():
    (made,) = watch("Smiling > 0.8 and not Eyeglasses", name="smile").update(frames(A)[0])
    record = made.record()
    assert len(record.pop("id")) == 16
    assert record == {
        "rule": "smile",
        "time": "2026-01-02T12:00:00.250Z",
        "source": "film",
        "face": 1,
        "people": 1,
        "values": {"Smiling": 0.9, "Eyeglasses": 0.0},
    }


def test_a_slow_camera_holds_too():
    assert fired(watch(for_s=4.0), frames(A, A, A, step_s=2.0)) == [(4.0, 1)]


TRACKS = st.dictionaries(st.integers(1, 3), st.sampled_from([SMILES, SERIOUS, UNCLEAR]))
FILMS = st.lists(st.tuples(TRACKS, st.sampled_from([0.1, 0.5, 0.7])), max_size=40)


@given(FILMS, st.sampled_from([0.0, 0.5, 1.1]), st.sampled_from([0.0, 0.4, 2.0]))
def test_hold_and_cooldown_keep_their_promises(film, for_s, cooldown_s):
    results, now_s = [], 0.0
    for tracks, step_s in film:
        results += frames(tracks, start_s=now_s)
        now_s += step_s
    firings = fired(watch(for_s=for_s, cooldown_s=cooldown_s), results)
    smiles = {(one.frame.at_s, f.id): f["Smiling"] for one in results for f in one.faces}
    times = [at_s for at_s, _ in firings]
    # Never sooner than the cooldown after the last.
    for before_s, after_s in itertools.pairwise(times):
        assert after_s - before_s >= cooldown_s - 1e-6
    last: dict[int, float] = {}
    for at_s, track in firings:
        # It smiles now, and has not been seen serious since `for_s` ago, when it smiled first.
        assert smiles[at_s, track] > 0.8
        seen = [(s, smile) for (s, id), smile in smiles.items() if id == track and s <= at_s]
        serious_s = max((s for s, smile in seen if smile is not None and smile < 0.8), default=-1.0)
        since_s = [s for s, smile in seen if smile is not None and smile > 0.8 and s > serious_s]
        assert at_s - min(since_s) >= for_s - 1e-6
        # One firing per smile: between two of one face it was serious or away.
        if track in last:
            between = [s for s in since_s if s > last[track]]
            paused = serious_s > last[track] or any(
                b - a > 1.0 for a, b in zip([last[track], *between], between, strict=False)
            )
            assert paused
        last[track] = at_s


def settings(*rules, **tables):
    from device.config import merge
    from device.settings import Settings

    made = [{"do": "command", "argv": ["true"]} | one for one in rules]
    return merge(Settings(), {"rules": made, **tables}, "a test")


def test_a_rule_that_names_an_unknown_attribute_is_named_with_its_column():
    wrong = settings({"when": "Smiling"}, {"when": "Smiling > 0.8 and not Eyeglases"})
    with pytest.raises(ConditionError) as caught:
        build_watches(wrong, live_run().card)
    assert str(caught.value) == (
        "[[rules]] 2: when, column 23: unknown attribute 'Eyeglases'. Try: Eyeglasses"
    )


def test_people_by_name_need_recognition():
    asks = {"when": 'person == "Ada"'}
    with pytest.raises(UsageError, match=r"recognition is off\. Try: enabled = true in \[people\]"):
        build_watches(settings(asks), live_run().card)
    assert build_watches(settings(asks, people={"enabled": True}), live_run().card)


def test_made_up_rules_are_as_those_of_a_file():
    assert rule("Smiling").title == "Smiling" and set(THRESHOLDS) == set(NAMES)


@pytest.mark.parametrize(
    "when, expected",
    [
        ('crossed == "door"', [0.0, 1.0]),
        ('crossed_in == "door"', [0.0]),
        ('crossed_out == "door"', [1.0]),
        ('crossed == "gate"', [2.0]),
        ('crossed == "door" and Smiling', [0.0]),
        ('crossed == "door" and not Smiling', []),  # the second is unclear
        ('crossed == "door" or people > 5', [0.0, 1.0]),
        ('not crossed == "door"', [2.0]),  # of another line, not of every frame
    ],
)
def test_a_crossing_fires_in_its_direction_at_its_moment(when, expected):
    results = [
        crossing(IN, at_s=0.0),
        *frames({1: SMILES}, start_s=0.5),
        crossing(OUT, at_s=1.0, values=UNCLEAR),
        crossing(IN, "gate", at_s=2.0),
        *frames(A, A, A, start_s=3.0),
    ]
    assert [at_s for at_s, _ in fired(watch(when, cooldown_s=0.0), results)] == expected


def test_a_crossing_within_the_cooldown_does_not_fire():
    results = [crossing(IN, track=track, at_s=track) for track in range(6)]
    assert fired(watch('crossed == "door"', cooldown_s=2.0), results) == [(0, 0), (2, 2), (4, 4)]


def test_a_crossing_is_reported_with_line_and_direction():
    (made,) = watch('crossed_in == "door" and Smiling > 0.5').update(crossing(IN, at_s=4.0))
    record = made.record()
    del record["id"]
    assert record == {
        "rule": 'crossed_in == "door" and Smiling > 0.5',
        "time": "2026-01-02T12:00:04.250Z",
        "source": "film",
        "face": 1,
        "people": 1,
        "values": {"Smiling": 0.9},
        "line": "door",
        "direction": "in",
    }


def test_a_crossing_has_no_duration():
    lines = [{"name": "door"}]

    def watches(when, **values):
        asks = {"when": when, "do": "command", "argv": ["true"], **values}
        return build_watches(settings(asks, lines=lines), live_run().card)

    assert watches('crossed == "door"')
    with pytest.raises(UsageError, match=r"1 for_s = 2, and a crossing is an instant"):
        watches('Smiling and not crossed_in == "door"', for_s=2.0)
    with pytest.raises(ConditionError, match=r"1: when, column 12: unknown line 'dor'. Try: door"):
        watches('crossed == "dor"')


@pytest.mark.parametrize("folder, alike", [("a", True), ("b", False)])
def test_rules_whose_pictures_have_the_same_names_are_refused(folder, alike):
    """Without names both are Smiling-0-8: each would delete the other's as its own oldest."""
    rules = [
        {"when": "Smiling > 0.8", "do": "snapshot", "folder": "a"},
        {"when": "Smiling < 0.8", "do": "snapshot", "folder": folder},
    ]
    refused = pytest.raises(UsageError, match=r"\[\[rules\]\] 2 and a rule before.*Smiling-0-8")
    with refused if alike else contextlib.nullcontext():
        check_rules(settings(*rules), live_run().card)
