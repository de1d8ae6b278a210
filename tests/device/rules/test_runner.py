"""The rules of a run: from the live state to actions, none of which is waited for."""

import contextlib
import itertools
import json
import threading
import time

import pytest

from device.config import merge
from device.errors import FacetError
from device.rules import runner
from device.rules.actions import PlainAction
from device.rules.runner import QUEUE_SIZE, ActionQueue, Rules, open_rules
from device.settings import Settings
from device.types import IN, OUT
from tests.device.metrics.made_up import eventually, live_run
from tests.device.rules.made_up import SERIOUS, SMILES, crossing, firing, frames, watch


class Noted(PlainAction):
    """An action that notes what it is given, waits for `free` and then fails with `fault`."""

    def __init__(self, fault=None):
        self.got, self.free, self.fault = [], threading.Event(), fault
        self.closed = False
        self.free.set()

    def __exit__(self, *exc):
        self.closed = True

    def act(self, made, stopping):
        self.got.append(made)
        while not (self.free.is_set() or stopping.is_set()):
            time.sleep(0.01)
        if self.fault:
            raise self.fault


def finish(actions, within_s=20.0):
    """Let a queue do what waits."""
    actions.until_s = time.monotonic() + within_s


def test_what_waits_is_done_before_the_end():
    action = Noted()
    with ActionQueue("smile", action) as actions:
        for _ in range(5):
            actions.put(firing())
        finish(actions)
    assert len(action.got) == 5 and action.closed and actions.done == 5


def test_only_an_action_that_needs_pictures_keeps_frames():
    action = Noted()
    with ActionQueue("smile", action) as actions:
        actions.put(firing())
        finish(actions)
    assert action.got[0].result is None and action.got[0].face is not None


def test_an_action_that_hangs_drops_what_comes_and_does_not_hold_up_the_end(capsys):
    action = Noted()
    action.free.clear()
    with ActionQueue("smile", action) as actions:
        actions.put(firing())
        eventually(lambda: action.got)
        began_s = time.monotonic()
        for _ in range(QUEUE_SIZE + 3):
            actions.put(firing())
        assert time.monotonic() - began_s < 5  # no put waits
        assert (actions.waiting, actions.dropped) == (QUEUE_SIZE, 3)
    assert actions.dropped == QUEUE_SIZE + 3
    err = capsys.readouterr().err
    assert err.count("falls behind") == 1 and f"{QUEUE_SIZE + 3} events dropped" in err


def test_an_action_that_ignores_the_stop_is_left_behind(capsys, monkeypatch):
    class Deaf(Noted):
        def act(self, made, stopping):
            self.got.append(made)
            self.free.wait(60)

    action = Deaf()
    action.free.clear()
    try:
        with ActionQueue("smile", action) as actions:
            actions._worker.join_s = 0.1
            actions.put(firing())
            eventually(lambda: action.got)
        assert 'the rule "smile" did not stop' in capsys.readouterr().err
        assert not action.closed  # it is still in use
    finally:
        action.free.set()


def test_faults_are_logged_once_until_it_works_again(capsys):
    action = Noted(FacetError("cannot be reached", "curl"))
    with ActionQueue("smile", action) as actions:
        for _ in range(3):
            actions.put(firing())
        eventually(lambda: len(action.got) == 3 and not actions.waiting)
        action.fault = None
        actions.put(firing())
        finish(actions)
    err = capsys.readouterr().err
    assert err.count("cannot be reached") == 1 and "works again, 3 failed" in err
    assert "to the end" not in err


def test_faults_that_last_to_the_end_are_counted(capsys):
    action = Noted(FacetError("cannot be reached", "curl"))
    with ActionQueue("smile", action) as actions:
        for _ in range(3):
            actions.put(firing())
        finish(actions)
    err = capsys.readouterr().err
    assert err.count("cannot be reached") == 1
    assert 'the rule "smile" failed 3 times to the end' in err


def test_an_internal_fault_of_an_action_is_not_hidden():
    with pytest.raises(ZeroDivisionError), ActionQueue("smile", Noted(ZeroDivisionError())) as one:
        one.put(firing())
        finish(one)


def test_results_of_the_run_become_actions():
    live, first, second = live_run(), Noted(), Noted()
    rules = Rules(
        live.state,
        [watch(name="smile"), watch("people > 1", name="crowd")],
        [ActionQueue("smile", first), ActionQueue("crowd", second)],
    )
    with rules, live.state as state:
        for one in frames({1: SMILES}, {1: SMILES, 2: SMILES}):
            state.write(one)
    assert [made.rule for made in first.got] == ["smile"]
    assert [made.people for made in second.got] == [2]  # the last result counts too


def test_no_crossing_is_missed_where_results_are_skipped():
    """All are written before the rules look: they see the newest result alone."""
    live, action = live_run(), Noted()
    with live.state as state:
        for number in range(10):
            state.write(crossing(IN if number % 2 else OUT, track=number, at_s=number))
        state.write(crossing(IN, track=10, values=SERIOUS, at_s=10))
        state.write(frames({10: SMILES}, start_s=11)[0])
    watched = watch('crossed_in == "door" and Smiling > 0.5', cooldown_s=0.0)
    with Rules(state, [watched], [ActionQueue("door", action)]):
        pass
    # The last one did not smile when it crossed.
    assert [(made.face.id, made.at_s) for made in action.got] == [(n, n) for n in range(1, 10, 2)]


def test_a_crossing_fires_once():
    live, action = live_run(), Noted()
    rules = Rules(
        live.state, [watch('crossed == "door"', cooldown_s=0.0)], [ActionQueue("door", action)]
    )
    with rules, live.state as state:
        state.write(crossing(IN))
        eventually(lambda: action.got)
        for one in frames({1: SMILES}, {1: SMILES}, start_s=1):
            state.write(one)
        state.write(crossing(OUT, at_s=5))
    assert [made.crossing.direction for made in action.got] == [IN, OUT]


def test_one_action_that_hangs_holds_up_no_other_and_no_frame(monkeypatch):
    monkeypatch.setattr(runner, "DRAIN_S", 0.2)
    live, hanging, other = live_run(), Noted(), Noted()
    hanging.free.clear()
    watches = [watch(name="hangs"), watch(name="works")]
    queues = [ActionQueue("hangs", hanging), ActionQueue("works", other)]
    with Rules(live.state, watches, queues), live.state as state:
        (one,) = frames({1: SMILES})
        state.write(one)
        eventually(lambda: hanging.got and other.got)


def test_opened_from_settings_a_command_runs(tmp_path):
    path = tmp_path / "out.json"
    rules = [
        {
            "when": "Smiling > 0.8",
            "do": "command",
            "argv": ["sh", "-c", f"cat > {path}.part; mv {path}.part {path}"],
            "timeout_s": 60,
        }
    ]
    live = live_run(merge(Settings(), {"rules": rules}, "a test"))
    with contextlib.ExitStack() as stack:
        open_rules(live, stack)
        stack.enter_context(live.state)
        (one,) = frames({1: SMILES})
        live.state.write(one)
        eventually(path.exists)
    assert json.loads(path.read_text())["values"] == {"Smiling": 0.9}


def test_a_publisher_gets_the_messages():
    sent = []
    rules = [{"when": "Smiling > 0.8", "do": "mqtt", "name": "smile"}]
    live = live_run(merge(Settings(), {"rules": rules}, "a test"))
    with contextlib.ExitStack() as stack:
        open_rules(live, stack, lambda topic, payload: sent.append((topic, payload)))
        stack.enter_context(live.state)
        (one,) = frames({1: SMILES})
        live.state.write(one)
    assert [topic for topic, _ in sent] == ["rules/smile"]


def test_an_internal_fault_ends_the_run_and_is_not_found_months_later():
    live = live_run()
    queues = [ActionQueue("smile", Noted(ZeroDivisionError()))]
    rules = Rules(live.state, [watch(cooldown_s=0.0)], queues)
    until_s = time.monotonic() + 60
    with pytest.raises(ZeroDivisionError), rules, live.state as state:
        for track in itertools.count(1):  # a new face in each frame
            (one,) = frames({track: SMILES}, start_s=track)
            state.write(one)
            assert time.monotonic() < until_s
            time.sleep(0.01)
