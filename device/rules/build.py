"""From the settings' rules to what watches them."""

from __future__ import annotations

from collections.abc import Sequence

from ..attributes.model_card import ModelCard
from ..conditions.parser import parse
from ..conditions.tree import names_crossing, names_person
from ..errors import UsageError
from ..settings import RuleSettings, Settings
from .actions import build_action, slug
from .watch import RuleWatch


def check_rules(settings: Settings, card: ModelCard) -> None:
    """Raise UsageError for a rule that cannot be watched, or whose action lacks something."""
    build_watches(settings, card)
    publish = (lambda _topic, _payload: None) if settings.mqtt.host else None
    for rule in settings.rules:
        build_action(rule, publish)
    _check_snapshots(settings.rules)


def _check_snapshots(rules: Sequence[RuleSettings]) -> None:
    """Raise UsageError for two rules with the same files: each would delete the other's."""
    files = set()
    for number, rule in enumerate(rules, 1):
        if rule.do != "snapshot":
            continue
        file = rule.folder, slug(rule.title)
        if file in files:
            raise UsageError(
                f"[[rules]] {number} and a rule before it name their pictures {file[1]}.jpg",
                "another name or folder in one of them",
            )
        files.add(file)


def build_watches(settings: Settings, card: ModelCard) -> Sequence[RuleWatch]:
    """Return a watch for each rule of the settings.

    Raises UsageError, with the number of the rule and the column, for a condition that is malformed
    or names what is not computed, for `person` without recognition, and for a crossing with for_s.
    """
    thresholds = dict(zip(card.names, card.values("threshold").tolist(), strict=True))
    lines = [line.name for line in settings.lines]
    watches = []
    for number, rule in enumerate(settings.rules, 1):
        condition = parse(rule.when, card.names, f"[[rules]] {number}: when", lines)
        if names_person(condition) and not settings.people.enabled:
            raise UsageError(
                f"[[rules]] {number} asks who a person is, and recognition is off",
                "enabled = true in [people]",
            )
        if names_crossing(condition) and rule.for_s:
            raise UsageError(
                f"[[rules]] {number} for_s = {rule.for_s:g}, and a crossing is an instant",
                "for_s = 0, which is the default",
            )
        watches.append(RuleWatch(rule, condition, thresholds, settings.tracks.max_lost_s))
    return watches
