"""Publish a firing over MQTT."""

from __future__ import annotations

import threading

from ...settings import RuleSettings
from ..watch import Firing
from . import PlainAction, Publish, body_of, slug


class Message(PlainAction):
    """JSON below the camera's topic: rules/ and the rule's `topic`, or its name without one."""

    def __init__(self, rule: RuleSettings, publish: Publish):
        self._topic, self._publish = f"rules/{rule.topic or slug(rule.title)}", publish

    def act(self, firing: Firing, stopping: threading.Event) -> None:
        self._publish(self._topic, body_of(firing))
