"""Publish a firing over MQTT."""

from __future__ import annotations

import threading

from ...settings import RuleSettings
from ..watch import Firing
from . import PlainAction, Publish, body_of, slug


class Message(PlainAction):
    """JSON below the camera's topic: rules/NAME, or the rule's own `topic`."""

    def __init__(self, rule: RuleSettings, publish: Publish):
        self._topic, self._publish = rule.topic or f"rules/{slug(rule.title)}", publish

    def act(self, firing: Firing, stopping: threading.Event) -> None:
        self._publish(self._topic, body_of(firing))
