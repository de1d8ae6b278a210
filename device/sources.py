"""What a camera sees, as devices of gpiozero: a value that is 1 while a face fulfils a condition.

from gpiozero import LED
LED(17).source = facet.smiling(0)
LED(18).source = facet.source("Eyeglasses and not Smiling", 0)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .attributes.model_card import read_card
from .conditions.level import ConditionLevel, CrossingLevel, Level
from .conditions.parser import parse
from .conditions.tree import Comparison, Condition, Present, names_crossing, names_person, text_of
from .errors import UsageError, nearest
from .settings import Settings
from .source_device import Source
from .streaming import Stream
from .types import IN, OUT

HOLD_S = 0.5

From = str | int | Path | Stream  # what a source follows


def smiling(
    source: From = "auto",
    *,
    threshold: float | None = None,
    hold_s: float = HOLD_S,
    settings: Settings | None = None,
    **overrides: Any,
) -> Source:
    """Return a source that is 1 while a face in view smiles; as `attribute_source`."""
    return attribute_source(
        "Smiling", source, threshold=threshold, hold_s=hold_s, settings=settings, **overrides
    )


def attribute_source(
    name: str,
    source: From = "auto",
    *,
    threshold: float | None = None,
    hold_s: float = HOLD_S,
    settings: Settings | None = None,
    **overrides: Any,
) -> Source:
    """Return a source that is 1 while a face in view has the attribute `name`.

    threshold: probability, 0..1, from which a face has it; None: the model card's. The others: as
    of `source`.
    """
    chosen = _settings(source, settings, overrides)
    thresholds = _thresholds(chosen)
    if name not in thresholds:
        raise UsageError(f"unknown attribute {name!r}", nearest(name, thresholds))
    condition: Condition = Present(name)
    if threshold is not None:
        if not 0 < threshold < 1:
            message = f"threshold = {threshold}, need a probability in 0..1"
            raise UsageError(message, "threshold=0.8")
        condition = Comparison(name, ">=", float(threshold))
    level = ConditionLevel(condition, thresholds, _checked_hold(hold_s))
    return _open(source, chosen, text_of(condition), level)


def source(
    when: str,
    source: From = "auto",
    *,
    hold_s: float = HOLD_S,
    settings: Settings | None = None,
    **overrides: Any,
) -> Source:
    """Return a source that is 1 while a face in view fulfils a condition.

    when: as of rules, such as "Smiling > 0.8 and not Eyeglasses", "people >= 2". source: what
    `watch` takes, or a Stream that several sources share. hold_s: how long it stays 1 after the
    condition was last fulfilled, s; lower: it flickers. settings, overrides: as for `watch`.
    Returns when the first frame is analyzed. Raises SourceError, ModelError and UsageError, which
    for a malformed condition names the column.
    """
    chosen = _settings(source, settings, overrides)
    thresholds = _thresholds(chosen)
    condition = parse(when, tuple(thresholds), lines=[line.name for line in chosen.lines])
    if names_crossing(condition):
        raise UsageError("a crossing is an instant, not a state", 'facet.crossing("door", 0)')
    if names_person(condition) and not chosen.people.enabled:
        raise UsageError(
            "when asks who a person is, and recognition is off", "people={'enabled': True}"
        )
    level = ConditionLevel(condition, thresholds, _checked_hold(hold_s))
    return _open(source, chosen, text_of(condition), level)


def crossing(
    line: str,
    source: From = "auto",
    *,
    direction: str = "",
    hold_s: float = HOLD_S,
    settings: Settings | None = None,
    **overrides: Any,
) -> Source:
    """Return a source that is 1 for `hold_s` after each time that a face crosses a line.

    line: name of one of the settings' lines. direction: "in", "out", or "" for both. The others: as
    of `source`.
    """
    chosen = _settings(source, settings, overrides)
    names = [one.name for one in chosen.lines]
    if line not in names:
        hint = nearest(line, names) if names else 'lines=[{"name": "door", "from": ..., "to": ...}]'
        raise UsageError(f"there is no line {line!r}", hint)
    if direction not in ("", IN, OUT):
        raise UsageError(f"direction = {direction!r}", f'"{IN}", "{OUT}", or "" for both')
    level = CrossingLevel(line, direction, _checked_hold(hold_s))
    return _open(source, chosen, " ".join(filter(None, ("crossing", line, direction))), level)


def _settings(source: From, settings: Settings | None, overrides: dict[str, Any]) -> Settings:
    """Return the settings of a source; raises UsageError."""
    from .api import merged

    if not isinstance(source, Stream):
        return merged(settings, overrides | {"source": str(source)})
    if settings is not None or overrides:
        raise UsageError("settings for a stream that runs already", "facet.stream(0, ...)")
    return source.settings


def _thresholds(settings: Settings) -> Mapping[str, float]:
    """Return the threshold of each attribute that is computed, 0..1, by its name."""
    card = read_card(settings.attributes.model)
    computed = settings.attributes.compute or card.names
    thresholds = zip(card.names, card.values("threshold").tolist(), strict=True)
    return {name: threshold for name, threshold in thresholds if name in computed}


def _checked_hold(hold_s: float) -> float:
    if not 0 <= hold_s < math.inf:
        raise UsageError(f"hold_s = {hold_s}, need 0 s or more", f"hold_s={HOLD_S}")
    return hold_s


def _open(source: From, settings: Settings, name: str, level: Level) -> Source:
    if isinstance(source, Stream):
        return Source(source, name, level)
    return Source(Stream(settings), name, level, owned=True)
