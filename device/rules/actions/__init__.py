"""What a rule does: each action in a module of its own, imported only if a rule asks for it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from typing import Protocol, Self

from ...errors import UsageError
from ...settings import RuleSettings
from ..watch import Firing


class Action(Protocol):
    """A context manager that does something at each firing, in a thread of its own."""

    needs_picture: bool
    """Whether a firing must keep its frame."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...

    def act(self, firing: Firing, stopping: threading.Event) -> None:
        """Do it; end soon after `stopping` is set. Raises FacetError if it cannot be done."""


class PlainAction:
    """An action that has nothing to open or close and needs no picture."""

    needs_picture = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass


# Publishes UTF-8 JSON over MQTT, on a topic below the camera's own. Returns at once; raises
# FacetError if it is neither sent nor queued.
Publish = Callable[[str, bytes], None]


def build_action(rule: RuleSettings, publish: Publish | None = None) -> Action:
    """Return the action of a rule; publish: for MQTT, None without a broker.

    Raises UsageError for what the settings lack, and for a package that is missing.
    """
    if rule.do == "webhook":
        from .webhook import Webhook

        return Webhook(rule)
    if rule.do == "gpio":
        from .gpio import GpioPin

        return GpioPin(rule)
    if rule.do == "command":
        from .command import Command

        return Command(rule)
    if rule.do == "snapshot":
        from .snapshot import Snapshot

        return Snapshot(rule)
    if rule.do == "push":
        from .push import Push

        return Push(rule)
    if publish is None:
        raise UsageError(f'the rule "{rule.title}" needs a broker', 'host = "..." in [mqtt]')
    from .message import Message

    return Message(rule, publish)


def body_of(firing: Firing) -> bytes:
    """Return a firing as JSON in UTF-8, without a line break."""
    return json.dumps(firing.record(), ensure_ascii=False, separators=(",", ":")).encode()


def slug(title: str) -> str:
    """Return a rule's name as part of a file name or topic: letters, digits and single hyphens."""
    return re.sub("[^A-Za-z0-9]+", "-", title).strip("-")[:40].strip("-") or "rule"
