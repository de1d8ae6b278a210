"""Check what the settings write about people: whether it fits the level, and what is sensitive."""

from collections.abc import Iterator

from ...counts.choice import warnings_of
from ...privacy import COUNTS, FACES, MEANINGS
from ...settings import Settings
from ..check_result import CheckResult, ok, warning

PAGE = "read docs/PRIVACY.md"


def level(settings: Settings) -> CheckResult:
    """Whether the level of privacy is what the files need, and no sensitive trait is counted.

    What a level excludes is refused with the settings file, by the check "settings".
    """
    meaning = f"{settings.privacy}: {MEANINGS[settings.privacy]}"
    doubts = list(_doubts(settings))
    if doubts:
        return warning(f"{meaning}; {doubts[0][0]}", doubts[0][1])
    return ok(meaning)


def _doubts(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield (what is doubtful, what to do)."""
    outputs, counts = settings.outputs, settings.counts
    for sentence in warnings_of(counts.attributes if counts.file else ()):
        yield sentence, f"{PAGE} before you count by it"
    rows = outputs.log or outputs.events or settings.store.file
    alone = counts.file and not (rows or outputs.record)
    if settings.privacy != COUNTS and alone and not settings.rules and not settings.people.enabled:
        yield "only counts are written, and more would be permitted", 'privacy = "counts"'
    if settings.privacy == COUNTS and not counts.file:
        yield "no file of counts is named, so nothing is kept", "file in [counts], or --counts FILE"
    if settings.privacy == COUNTS and settings.lines:
        yield "[[lines]] are counted, and neither shown nor sent", 'privacy = "visits"'
    if settings.privacy == FACES and outputs.readable_by == "everyone":
        yield "every user of this computer may read about faces", 'readable_by = "group"'
    if (outputs.log or outputs.events or outputs.crossings) and not settings.rotation.keep_days:
        yield "rows about people are never deleted", "daily = true and keep_days = 30 in [rotation]"
    if settings.store.file and not settings.store.keep_days:
        yield "stored visits are never deleted", "keep_days = 30 in [store]"
