"""An attribute as a device of gpiozero: a value that is 1 while a face has it.

from gpiozero import LED
LED(17).source = facet.smiling(0)
"""

from __future__ import annotations

import inspect
import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .attributes.model_card import read_card
from .errors import FacetError, UsageError, nearest
from .log import log
from .settings import Settings
from .streaming import Stream
from .worker import Worker

if TYPE_CHECKING:
    from .types import Result

HOLD_S = 0.5
HYSTERESIS = 0.5  # log-odds below the threshold, as of labels
POLL_S = 0.2
STALE_S = 5.0  # without a result for so long, such as of a camera that is unplugged, it is 0
JOIN_S = 15.0

Callback = Callable[..., object]


def smiling(
    source: str | int | Path | Stream = "auto",
    *,
    threshold: float | None = None,
    hold_s: float = HOLD_S,
    settings: Settings | None = None,
    **overrides: Any,
) -> AttributeSource:
    """Return a source that is 1 while a face in view smiles; as `attribute_source`."""
    return attribute_source(
        "Smiling", source, threshold=threshold, hold_s=hold_s, settings=settings, **overrides
    )


def attribute_source(
    name: str,
    source: str | int | Path | Stream = "auto",
    *,
    threshold: float | None = None,
    hold_s: float = HOLD_S,
    settings: Settings | None = None,
    **overrides: Any,
) -> AttributeSource:
    """Return a source that is 1 while a face in view has the attribute `name`.

    source: what `watch` takes, or a Stream that several sources share. threshold: probability,
    0..1, from which a face has it; None: the model card's. hold_s: how long it stays 1 after the
    last such face, s; lower: it flickers. settings, overrides: as for `watch`. Returns when the
    first frame is analyzed. Raises SourceError, ModelError and UsageError.
    """
    from .api import merged

    if isinstance(source, Stream):
        chosen = source.settings
        if settings is not None or overrides:
            raise UsageError("settings for a stream that runs already", "facet.stream(0, ...)")
    else:
        chosen = merged(settings, overrides | {"source": str(source)})
    level = _threshold(name, threshold, chosen)
    if not 0 <= hold_s < math.inf:
        raise UsageError(f"hold_s = {hold_s}, need 0 s or more", f"hold_s={HOLD_S}")
    if isinstance(source, Stream):
        return AttributeSource(source, name, level, hold_s)
    return AttributeSource(Stream(chosen), name, level, hold_s, owned=True)


def _threshold(name: str, wanted: float | None, settings: Settings) -> float:
    """Return the threshold of an attribute that is computed; raises UsageError."""
    card = read_card(settings.attributes.model)
    known = settings.attributes.compute or card.names
    if name not in known:
        raise UsageError(f"unknown attribute {name!r}", nearest(name, known))
    if wanted is None:
        return float(card.values("threshold")[card.names.index(name)])
    if not 0 < wanted < 1:
        raise UsageError(f"threshold = {wanted}, need a probability in 0..1", "threshold=0.8")
    return float(wanted)


class Level:
    """Whether an attribute is seen: from its threshold on, until hold_s after it was last seen.

    Once seen, a probability HYSTERESIS below the threshold, in log-odds, suffices.
    """

    def __init__(self, threshold: float, hold_s: float):
        self._on, self._hold_s = threshold, hold_s
        odds = threshold / (1 - threshold) * math.exp(-HYSTERESIS)
        self._off = odds / (1 + odds)
        self._seen_s = -math.inf
        self.is_on = False

    def update(self, highest: float, at_s: float) -> bool:
        """Take the highest probability in a frame, 0 without faces; return the level."""
        if highest >= (self._off if self.is_on else self._on):
            self._seen_s, self.is_on = at_s, True
        elif at_s - self._seen_s > self._hold_s:
            self.is_on = False
        return self.is_on


class AttributeSource:
    """A value, 0 or 1, with the interface of gpiozero's input devices; gpiozero is not needed.

    Iterating it yields the value for ever, as `source` of an output device and `gpiozero.tools`
    take it, and ends after `close`. The functions that `when_activated` and `when_deactivated` hold
    run in a thread of the source; they take no argument, or the source. When its stream ends or
    fails, the value becomes 0.
    """

    def __init__(
        self,
        stream: Stream,
        name: str,
        threshold: float,
        hold_s: float,
        owned: bool = False,
        stale_s: float = STALE_S,
    ):
        self.name, self.threshold = name, threshold
        self._stream, self._owned = stream, owned  # owned: closed with the source
        self._stale_s = stale_s
        self._level = Level(threshold, hold_s)
        self._active, self._inactive = threading.Event(), threading.Event()
        self._inactive.set()
        self._callbacks: dict[str, Callback | None] = {"activated": None, "deactivated": None}
        self._fault: FacetError | None = None
        self._thread_id = 0
        self._worker = Worker(f"the source {name}", self._run, JOIN_S).start()

    def __enter__(self) -> AttributeSource:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def value(self) -> int:
        """1 while a face in view has the attribute, else 0."""
        return int(self._active.is_set())

    @property
    def is_active(self) -> bool:
        """Whether `value` is 1."""
        return self._active.is_set()

    @property
    def closed(self) -> bool:
        """Whether the value does not change any more."""
        return self._worker.done.is_set()

    @property
    def values(self) -> Iterator[int]:
        """An iterator that yields `value` for ever; after the end of the stream, 0 once."""
        while not self.closed:
            yield self.value
        yield 0

    def __iter__(self) -> Iterator[int]:
        return self.values

    @property
    def when_activated(self) -> Callback | None:
        """A function that is called when the value becomes 1, or None."""
        return self._callbacks["activated"]

    @when_activated.setter
    def when_activated(self, function: Callback | None) -> None:
        self._callbacks["activated"] = _checked(function, self)

    @property
    def when_deactivated(self) -> Callback | None:
        """A function that is called when the value becomes 0, or None."""
        return self._callbacks["deactivated"]

    @when_deactivated.setter
    def when_deactivated(self, function: Callback | None) -> None:
        self._callbacks["deactivated"] = _checked(function, self)

    def wait_for_active(self, timeout: float | None = None) -> bool:
        """Wait until the value is 1, for `timeout` s at most; return whether it is.

        Returns when the stream ends too, and raises what has ended it.
        """
        return self._wait(self._active, timeout)

    def wait_for_inactive(self, timeout: float | None = None) -> bool:
        """Wait until the value is 0, as `wait_for_active`."""
        return self._wait(self._inactive, timeout)

    def join(self, timeout: float | None = None) -> None:
        """Wait until the stream ends, for `timeout` s at most; raise what has ended it."""
        self._worker.done.wait(timeout)
        self._raise_fault()

    def close(self) -> None:
        """End the source, and the stream unless it is shared; the value is 0 from then on."""
        try:
            if self._owned:
                self._stream.close()
        finally:
            if threading.get_ident() == self._thread_id:  # in one of its functions
                self._worker.stopping.set()
            else:
                self._worker.stop()

    def _wait(self, event: threading.Event, timeout: float | None) -> bool:
        end_s = math.inf if timeout is None else time.monotonic() + timeout
        while not event.wait(max(0.0, min(POLL_S, end_s - time.monotonic()))):
            self._raise_fault()
            if self.closed or time.monotonic() >= end_s:
                return event.is_set()
        return True

    def _raise_fault(self) -> None:
        if self._fault:
            raise self._fault

    def _run(self, worker: Worker) -> None:
        self._thread_id = threading.get_ident()
        try:
            self._follow(worker)
        except FacetError as error:
            self._fault = error
            log.warning("%s: %s", worker.name, error)
        finally:
            self._set(False)

    def _follow(self, worker: Worker) -> None:
        count, newest_s = 0, time.monotonic()
        while not worker.stopping.is_set():
            result, newer = self._stream.wait(count, POLL_S)
            if result is not None and newer > count:
                count, newest_s = newer, time.monotonic()
                self._set(self._level.update(self._highest(result), result.frame.at_s))
            elif self._stream.ended:
                return
            elif time.monotonic() - newest_s > self._stale_s:
                self._set(False)

    def _highest(self, result: Result) -> float:
        return max((face[self.name] or 0.0 for face in result.faces), default=0.0)

    def _set(self, active: bool) -> None:
        if active == self._active.is_set():
            return
        old, new = (self._inactive, self._active) if active else (self._active, self._inactive)
        old.clear()
        new.set()
        name = "activated" if active else "deactivated"
        function = self._callbacks[name]
        try:
            if function:
                _call(function, self)
        except Exception:
            log.exception("when_%s of %s failed", name, self.name)


def _checked(function: Callback | None, source: AttributeSource) -> Callback | None:
    """Return the function if it can be called; raises UsageError."""
    if function is None or (callable(function) and _arguments(function, source) is not None):
        return function
    hint = "when_activated = lamp.on, without brackets"
    raise UsageError(f"{function!r} is no function of no argument, or of the source", hint)


def _arguments(function: Callback, source: AttributeSource) -> tuple[AttributeSource, ...] | None:
    """Return what a function is called with; None if it takes other arguments."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # one of C
        return ()
    for arguments in ((), (source,)):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return arguments
    return None


def _call(function: Callback, source: AttributeSource) -> None:
    function(*(_arguments(function, source) or ()))
