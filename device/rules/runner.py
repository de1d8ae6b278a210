"""The threads of the rules: one that watches, and one for each rule's action.

    LiveState --> Rules (a thread) --> ActionQueue (a thread each) --> webhook, pin, program, ...

Neither the loop nor another rule waits for an action: what comes while 16 firings of a rule wait is
dropped and counted.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Sequence
from dataclasses import replace

from ..errors import FacetError
from ..log import log
from ..outputs.live import LiveRun, LiveState
from ..text import counted
from ..worker import Worker
from .actions import Action, Publish, build_action
from .build import build_watches
from .watch import Firing, RuleWatch

QUEUE_SIZE = 16  # firings of a rule that wait for its action
PICTURES = 4  # likewise where each keeps a frame, of a megabyte or more
POLL_S = 0.5
DRAIN_S = 5.0  # after the run, for all actions together to do what waits
JOIN_S = 1.0


class ActionQueue:
    """Does a rule's action in a thread of its own, one firing after the other.

    Firings that find the queue full are dropped and counted. Leaving it waits until `until_s`, s of
    the monotonic clock, for what is left; `until_s` is set by the owner before.
    """

    def __init__(self, title: str, action: Action):
        self._title, self._action = title, action
        size = PICTURES if action.needs_picture else QUEUE_SIZE
        self._queue: queue.Queue[Firing | None] = queue.Queue(size)
        self._worker = Worker(f'the rule "{title}"', self._act_all, JOIN_S)
        self._failed = 0  # in a row, of which the first was logged
        self.done = self.dropped = 0
        self.until_s = 0.0

    def __enter__(self) -> ActionQueue:
        self._action.__enter__()
        self._worker.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._finish()
        if self._failed > 1:
            log.warning('the rule "%s" failed %d times to the end', self._title, self._failed)
        if self.dropped:
            log.warning('the rule "%s": %s dropped', self._title, counted(self.dropped, "event"))
        try:
            self._worker.stop()
        except FacetError as error:
            # Such as a server that keeps a connection busy: it must not hold up or fail the run.
            log.warning("%s", error.message)
            return
        self._action.__exit__(*exc)

    def put(self, firing: Firing) -> None:
        """Take a firing; return at once. Raises what ended the thread."""
        self._worker.check()
        kept = firing if self._action.needs_picture else replace(firing, result=None)
        try:
            self._queue.put_nowait(kept)
        except queue.Full:
            self.dropped += 1
            if self.dropped == 1:
                log.warning('the rule "%s" falls behind: events are dropped', self._title)

    @property
    def waiting(self) -> int:
        """Firings that wait."""
        return self._queue.qsize()

    def _finish(self) -> None:
        """Let the thread end after what waits, until the time is up."""
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=max(0.0, self.until_s - time.monotonic()))
            self._worker.done.wait(max(0.0, self.until_s - time.monotonic()))
        self.dropped += sum(self._take() is not None for _ in range(self._queue.qsize()))

    def _take(self) -> Firing | None:
        try:
            return self._queue.get_nowait()
        except queue.Empty:
            return None

    def _act_all(self, worker: Worker) -> None:
        while not worker.stopping.is_set():
            try:
                firing = self._queue.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if firing is None:
                return
            self._act(firing, worker)

    def _act(self, firing: Firing, worker: Worker) -> None:
        try:
            self._action.act(firing, worker.stopping)
        except FacetError as error:
            self._failed += 1
            if self._failed == 1:  # a receiver that is away for hours gives two lines
                log.warning('the rule "%s": %s', self._title, error)
            return
        if self._failed:
            log.info('the rule "%s" works again, %d failed', self._title, self._failed)
        self.done, self._failed = self.done + 1, 0


class Rules:
    """Watches the rules in a thread that reads the newest result; queues: as of the watches."""

    def __init__(
        self, state: LiveState, watches: Sequence[RuleWatch], queues: Sequence[ActionQueue]
    ):
        self._state, self._watches, self._queues = state, watches, queues
        self._frames = self._crossing = 0  # numbers of the last that were passed on
        self._worker = Worker("rules", self._watch)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Rules:
        with contextlib.ExitStack() as stack:
            for one in self._queues:
                stack.enter_context(one)
            self._stack = stack.pop_all()
        self._worker.start()
        self._state.supervise(self._worker)
        return self

    def __exit__(self, *exc: object) -> None:
        until_s = time.monotonic() + DRAIN_S
        for one in self._queues:
            one.until_s = until_s
        try:
            self._worker.__exit__(*exc)
        finally:
            self._stack.__exit__(None, None, None)

    @property
    def waiting(self) -> int:
        """Firings of all rules that wait for their actions."""
        return sum(one.waiting for one in self._queues)

    def _watch(self, worker: Worker) -> None:
        while not (worker.stopping.is_set() or self._state.closed):
            self._look(POLL_S)
        self._look(0.0)  # the last result

    def _look(self, timeout_s: float) -> None:
        """Pass on a result that is newer than the last one, and every crossing since then."""
        result, frames = self._state.wait(self._frames, timeout_s)
        if result is None or frames == self._frames:
            return
        # After the result: its own crossings are among them.
        crossings = self._state.crossings(self._crossing)
        self._frames = frames
        self._crossing = crossings[-1].number if crossings else self._crossing
        for watch, actions in zip(self._watches, self._queues, strict=True):
            for firing in watch.update(result, crossings):
                actions.put(firing)


def open_rules(live: LiveRun, stack: contextlib.ExitStack, publish: Publish | None = None) -> Rules:
    """Enter the settings' rules on the stack, and return them.

    publish: of the MQTT connection, None without a broker. Raises UsageError for a rule that is
    malformed or lacks something, FacetError for an action that cannot be opened.
    """
    watches = build_watches(live.settings, live.card)
    queues = [ActionQueue(watch.rule.title, build_action(watch.rule, publish)) for watch in watches]
    return stack.enter_context(Rules(live.state, watches, queues))
