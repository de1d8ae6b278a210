"""A value, 0 or 1, that follows a stream, with the interface of gpiozero's input devices."""

from __future__ import annotations

import inspect
import math
import threading
import time
from collections.abc import Callable, Iterator

from .conditions.level import Level
from .errors import FacetError, UsageError
from .log import log
from .streaming import Stream
from .worker import Worker

POLL_S = 0.2
STALE_S = 5.0  # without a result for so long, such as of a camera that is unplugged, it is 0
JOIN_S = 15.0

Callback = Callable[..., object]


class Source:
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
        level: Level,
        owned: bool = False,
        stale_s: float = STALE_S,
    ):
        self.name, self._level = name, level
        self._stream, self._owned = stream, owned  # owned: closed with the source
        self._stale_s = stale_s
        self._active, self._inactive = threading.Event(), threading.Event()
        self._inactive.set()
        self._callbacks: dict[str, Callback | None] = {"activated": None, "deactivated": None}
        self._fault: FacetError | None = None
        self._thread_id = 0
        self._worker = Worker(f"the source {name}", self._run, JOIN_S).start()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def value(self) -> int:
        """1 while what the source follows is seen, else 0."""
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
                self._set(self._level.update(result))
            elif self._stream.ended:
                return
            elif time.monotonic() - newest_s > self._stale_s:
                self._set(False)

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


def _checked(function: Callback | None, source: Source) -> Callback | None:
    """Return the function if it can be called; raises UsageError."""
    if function is None or (callable(function) and _arguments(function, source) is not None):
        return function
    hint = "when_activated = lamp.on, without brackets"
    raise UsageError(f"{function!r} is no function of no argument, or of the source", hint)


def _arguments(function: Callback, source: Source) -> tuple[Source, ...] | None:
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


def _call(function: Callback, source: Source) -> None:
    function(*(_arguments(function, source) or ()))
