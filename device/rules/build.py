"""From the settings' rules to what watches them."""

from __future__ import annotations

from collections.abc import Sequence

from ..attributes.model_card import ModelCard
from ..conditions.parser import parse
from ..conditions.tree import names_person
from ..errors import UsageError
from ..settings import Settings
from .watch import RuleWatch


def build_watches(settings: Settings, card: ModelCard) -> Sequence[RuleWatch]:
    """Return a watch for each rule of the settings.

    Raises UsageError, with the number of the rule and the column, for a condition that is malformed
    or names what is not computed, and for `person` without recognition.
    """
    thresholds = dict(zip(card.names, card.values("threshold").tolist(), strict=True))
    watches = []
    for number, rule in enumerate(settings.rules, 1):
        condition = parse(rule.when, card.names, f"[[rules]] {number}: when")
        if names_person(condition) and not settings.people.enabled:
            raise UsageError(
                f"[[rules]] {number} asks who a person is, and recognition is off",
                "enabled = true in [people]",
            )
        watches.append(RuleWatch(rule, condition, thresholds, settings.tracks.max_lost_s))
    return watches
