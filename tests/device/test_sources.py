"""What a camera sees as a device of gpiozero: value, events and source."""

import functools
import threading
import time

import pytest

import device as facet
from device.conditions.level import ConditionLevel
from device.conditions.tree import Comparison
from device.errors import SourceError, UsageError
from device.source_device import Source
from tests.device.outputs.made_up import face, result

DOOR = {"name": "door", "from": [0.5, 1.0], "to": [0.5, 0.0]}
LONG_S = 30.0  # limit for what takes milliseconds


class FakeStream:
    """A stream whose results a test writes; `smile(p)` adds a frame with one face."""

    def __init__(self):
        self._changed = threading.Condition()
        self._result, self._count, self._fault, self.ended = None, 0, None, False
        self.closed = 0

    def smile(self, *probabilities, at_s):
        faces = [face(values=p and (0.5, p)) for p in probabilities]
        with self._changed:
            self._result, self._count = result(*faces, seconds=at_s), self._count + 1
            self._changed.notify_all()

    def end(self, fault=None):
        with self._changed:
            self._fault, self.ended = fault, True
            self._changed.notify_all()

    def wait(self, count, timeout_s):
        with self._changed:
            self._changed.wait_for(lambda: self.ended or self._count > count, timeout_s)
            if self._fault:
                raise self._fault
            return self._result, self._count

    def close(self):
        self.closed += 1
        self.end()


def level():
    return ConditionLevel(Comparison("Smiling", ">=", 0.6), {}, 0.5)


@pytest.fixture
def stream():
    return FakeStream()


@pytest.fixture
def smiling(stream):
    with Source(stream, "Smiling", level(), stale_s=1000.0) as source:
        yield source


def until(condition):
    end_s = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def test_it_is_0_before_the_first_face(smiling):
    assert (smiling.value, smiling.is_active, smiling.closed) == (0, False, False)
    assert smiling.wait_for_inactive(0) and not smiling.wait_for_active(0.01)


def test_it_is_1_while_a_face_has_the_attribute(stream, smiling):
    stream.smile(0.1, 0.7, at_s=0.0)
    assert smiling.wait_for_active(LONG_S)
    assert (smiling.value, smiling.is_active) == (1, True)
    stream.smile(0.1, at_s=1.0)
    assert smiling.wait_for_inactive(LONG_S) and smiling.value == 0


def test_a_face_that_is_not_classified_does_not_count(stream, smiling):
    stream.smile(None, at_s=0.0)
    assert not smiling.wait_for_active(0.05)


def test_functions_are_called_once_for_each_change(stream, smiling):
    seen = []
    smiling.when_activated = lambda: seen.append("on")
    smiling.when_deactivated = lambda source: seen.append(("off", source is smiling))
    for at_s, smile in enumerate([0.9, 0.9, 0.1, 0.1, 0.9]):
        stream.smile(smile, at_s=float(at_s))
        assert smiling.wait_for_active(LONG_S) if smile > 0.6 else smiling.wait_for_inactive(LONG_S)
    smiling.when_activated = smiling.when_deactivated = None
    until(lambda: len(seen) == 3)
    assert seen == ["on", ("off", True), "on"] and smiling.when_activated is None


@pytest.mark.parametrize("function", [3, "on", lambda a, b: None])
def test_what_cannot_be_called_is_refused(smiling, function):
    with pytest.raises(UsageError, match="no function"):
        smiling.when_activated = function


def test_functions_of_c_and_partial_ones_are_called(stream, smiling):
    seen = []
    smiling.when_activated = functools.partial(seen.append, 7)
    stream.smile(0.9, at_s=0.0)
    until(lambda: seen == [7])


def test_a_function_that_fails_is_logged_and_ends_nothing(stream, smiling, caplog):
    smiling.when_activated = lambda: 1 / 0
    stream.smile(0.9, at_s=0.0)
    until(lambda: "when_activated of Smiling failed" in caplog.text)
    stream.smile(0.1, at_s=1.0)
    assert smiling.wait_for_inactive(LONG_S)


def test_a_function_may_close_the_source(stream, smiling):
    smiling.when_activated = lambda source: source.close()
    stream.smile(0.9, at_s=0.0)
    until(lambda: smiling.closed)
    assert smiling.value == 0


def test_iterating_gives_the_value_for_ever_and_0_at_the_end(stream, smiling):
    values, again = iter(smiling), smiling.values
    assert [next(values), next(values), next(again)] == [0, 0, 0]
    stream.smile(0.9, at_s=0.0)
    assert smiling.wait_for_active(LONG_S) and next(values) == next(again) == 1
    smiling.close()
    assert list(values) == [0] and list(smiling) == [0]


def test_the_end_of_the_stream_makes_it_0_and_ends_a_wait(stream, smiling):
    stream.smile(0.9, at_s=0.0)
    assert smiling.wait_for_active(LONG_S)
    stream.end()
    smiling.join(LONG_S)
    assert smiling.value == 0 and smiling.closed and not smiling.wait_for_active()


def test_a_fault_of_the_stream_makes_it_0_and_is_raised(stream, smiling, caplog):
    stream.smile(0.9, at_s=0.0)
    assert smiling.wait_for_active(LONG_S)
    stream.end(SourceError("the cable is out", "plug it in"))
    for wait in (smiling.join, lambda: smiling.wait_for_active(LONG_S)):
        with pytest.raises(SourceError, match="cable"):
            wait()
    assert smiling.value == 0 and "the cable is out" in caplog.text


def test_a_stream_without_results_makes_it_0(stream):
    stream.smile(0.9, at_s=0.0)
    seen = []
    with Source(stream, "Smiling", level(), stale_s=0.5) as smiling:
        smiling.when_deactivated = lambda: seen.append("off")
        until(lambda: seen == ["off"])
        assert not smiling.is_active and not smiling.closed


@pytest.mark.parametrize("owned", [True, False])
def test_a_shared_stream_is_not_closed_with_the_source(stream, owned):
    with Source(stream, "Smiling", level(), owned):
        pass
    assert bool(stream.closed) == owned


@pytest.mark.parametrize(
    "arguments, options, message",
    [
        (("Smilling", "demo"), {}, "unknown attribute 'Smilling'. Try: Smiling"),
        (("Bald", "demo"), {"compute": ["Smiling"]}, "unknown attribute 'Bald'. Try: "),
        (("Smiling", "demo"), {"threshold": 80}, "threshold = 80, need a probability"),
        (("Smiling", "demo"), {"hold_s": -1}, "hold_s = -1, need 0 s or more"),
        (("Smiling", "demo"), {"zzz": -1}, "unknown setting zzz"),
    ],
)
def test_wrong_usage_is_one_line_before_a_camera_is_opened(arguments, options, message):
    with pytest.raises(UsageError) as error:
        facet.attribute_source(*arguments, **options)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "when, options, message",
    [
        ("Smilling", {}, "when, column 1: unknown attribute 'Smilling'. Try: Smiling"),
        ("Smiling and Bald", {"compute": ["Smiling"]}, "when, column 13: unknown attribute 'Bald'"),
        ("Smiling >", {}, "when, column 10: the end, need a number of 0 to 1"),
        ('crossed == "door"', {"lines": [DOOR]}, "a crossing is an instant, not a state"),
        ('person == "Ada"', {}, "recognition is off. Try: people={'enabled': True}"),
        ("Smiling", {"hold_s": float("nan")}, "hold_s = nan, need 0 s or more"),
    ],
)
def test_a_wrong_condition_is_one_line_before_a_camera_is_opened(when, options, message):
    with pytest.raises(UsageError) as error:
        facet.source(when, "demo", **options)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "line, options, message",
    [
        ("door", {}, "there is no line 'door'. Try: lines="),
        ("dor", {"lines": [DOOR]}, "there is no line 'dor'. Try: door"),
        ("door", {"lines": [DOOR], "direction": "up"}, "direction = 'up'"),
    ],
)
def test_a_wrong_crossing_is_one_line_before_a_camera_is_opened(line, options, message):
    with pytest.raises(UsageError) as error:
        facet.crossing(line, "demo", **options)
    assert message in str(error.value)


def test_sources_follow_conditions_and_crossings_of_a_shared_stream():
    # Through the middle of the picture, where the demo's faces sway.
    with (
        facet.stream("demo", repeat=True, lines=[DOOR]) as stream,
        facet.source("people >= 1 and not (Bald or Eyeglasses)", stream) as somebody,
        facet.source("people == 0", stream) as nobody,
        facet.crossing("door", stream) as door,
    ):
        assert somebody.name == "people >= 1 and not (Bald or Eyeglasses)"
        assert somebody.wait_for_active(LONG_S) and not nobody.is_active
        assert door.wait_for_active(LONG_S) and door.name == "crossing door"
        assert door.wait_for_inactive(LONG_S)


def test_two_sources_share_a_stream():
    with facet.stream("demo") as stream:
        with pytest.raises(UsageError, match="a stream that runs already"):
            facet.smiling(stream, min_face=9)
        with facet.smiling(stream) as smile, facet.attribute_source("Bald", stream) as bald:
            assert smile.wait_for_active(LONG_S) and not bald.is_active
            assert (smile.name, bald.name) == ("Smiling", "Bald")
        assert not stream.ended


def test_gpiozero_takes_it_as_a_source(stream, smiling):
    gpiozero = pytest.importorskip("gpiozero")
    from gpiozero.pins.mock import MockFactory
    from gpiozero.tools import negated

    factory = MockFactory()
    with (
        gpiozero.LED(17, pin_factory=factory) as lamp,
        gpiozero.LED(18, pin_factory=factory) as other,
    ):
        lamp.source, other.source = smiling, negated(smiling)
        smiling.when_activated = other.close  # not called before
        smiling.when_activated = None
        until(lambda: not lamp.is_lit and other.is_lit)
        stream.smile(0.9, at_s=0.0)
        until(lambda: lamp.is_lit and not other.is_lit)
        stream.end()
        until(lambda: not lamp.is_lit and other.is_lit)
    factory.close()
