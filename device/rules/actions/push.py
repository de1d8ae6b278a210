"""Send a text to phones, chats and mail at a firing, through apprise."""

from __future__ import annotations

import threading

from ...errors import FacetError
from ...push import fault_of, message_of, read_services
from ...settings import RuleSettings
from ..watch import Firing
from . import PlainAction


class Push(PlainAction):
    """A message to each service of the rule's file: its name, and its `text` or the event in words.

    No picture. Raises UsageError without apprise, and for a file that names no service.
    """

    def __init__(self, rule: RuleSettings):
        assert rule.addresses_file is not None  # checked by the settings
        self._services, self._rule = read_services(rule.addresses_file), rule

    def act(self, firing: Firing, stopping: threading.Event) -> None:
        # Not a PushMessages: the rule has a queue and a thread, which count what is refused.
        fault = fault_of(self._services, message_of(firing.rule, self._rule.text or words(firing)))
        if fault:
            raise FacetError(
                f"push message not sent: {fault}", f"the services in {self._rule.addresses_file}"
            )


def words(firing: Firing) -> str:
    """Return a firing in words: "Ada, door in, usb:0, 2026-11-27T08:53:20.024Z"."""
    crossing = firing.crossing
    line = f"{crossing.line} {crossing.direction}" if crossing else ""
    return ", ".join(filter(None, (firing.person, line, firing.source, firing.time)))
