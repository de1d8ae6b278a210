"""What a run may write, show and send about people: one switch, `privacy` in the settings.

    counts   numbers of visits in groups; nothing about one person, anywhere
    visits   a row for each visit as well, and who is in view, as text; no pictures
    faces    all that the other settings ask for

Everything that writes, shows or sends something asks here, by `settings.permits`. A setting that
the level does not permit is refused at the start; where only a default would, it stays off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import UsageError

if TYPE_CHECKING:
    from .settings import Settings

COUNTS, VISITS, FACES = "counts", "visits", "faces"
LEVELS = (COUNTS, VISITS, FACES)
MEANINGS = {
    COUNTS: "numbers of visits in groups, nothing about one person",
    VISITS: "a row of text for each visit, no pictures",
    FACES: "a row of text for each face and second; pictures if you ask for them",
}


@dataclass(frozen=True)
class Permits:
    """What a level permits."""

    level: str

    @property
    def face_rows(self) -> bool:
        """Rows about a face at a moment: --log."""
        return self.level == FACES

    @property
    def pictures(self) -> bool:
        """Pictures of people: window, recording, stream and snapshots of page, MQTT and rules."""
        return self.level == FACES

    @property
    def visit_rows(self) -> bool:
        """Rows and messages about one visit or crossing: --events, --crossings, [store], MQTT's."""
        return self.level != COUNTS

    @property
    def people_in_view(self) -> bool:
        """How many people are in view now, and what they look like: page, MQTT, metrics, journal.

        That tells when one person came and went.
        """
        return self.level != COUNTS

    @property
    def effort(self) -> bool:
        """How long frames take, and how busy the processor is: metrics, page.

        Both differ between a picture with faces and one without.
        """
        return self.level != COUNTS

    @property
    def measurements(self) -> bool:
        """Box and probabilities of each face in view: the page's addresses."""
        return self.level == FACES

    @property
    def rules(self) -> bool:
        """Rules, which act on one person."""
        return self.level != COUNTS

    @property
    def recognition(self) -> bool:
        """Names of enrolled people."""
        return self.level != COUNTS


def check_privacy(settings: Settings, origin: str) -> None:
    """Raise UsageError for the first setting that asks for more than the level permits."""
    for setting, about, needed in _refused(settings):
        raise UsageError(
            f'{origin} {setting} {about}, which privacy = "{settings.privacy}" excludes',
            f'privacy = "{needed}", or no {setting}',
        )


def _refused(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Yield (setting that the level does not permit, what it does, the level that permits it)."""
    permits, outputs, mqtt = settings.permits, settings.outputs, settings.mqtt
    if not permits.face_rows and outputs.log:
        yield "--log", "writes a row per face", FACES
    if not permits.pictures:
        if outputs.record:
            yield "--record", "keeps pictures of people", FACES
        if mqtt.snapshot:
            yield "snapshot in [mqtt]", "sends pictures of people", FACES
        if any(rule.do == "snapshot" for rule in settings.rules):
            yield 'do = "snapshot" in [[rules]]', "keeps pictures of people", FACES
    if not permits.visit_rows:
        if outputs.events:
            yield "--events", "writes a row per visit", VISITS
        if outputs.crossings:
            yield "--crossings", "writes a row per crossing", VISITS
        if settings.store.file:
            yield "file in [store]", "stores a row per visit", VISITS
        if mqtt.attributes:
            yield "attributes in [mqtt]", "sends what people look like", VISITS
    if not permits.recognition and settings.people.enabled:
        yield "--people", "names people", VISITS
    if not permits.rules and settings.rules:
        yield "[[rules]]", "acts on single people", VISITS


def refuse_face_rows(settings: Settings, what: str) -> None:
    """Raise UsageError if rows about faces are not permitted; what: the command."""
    if not settings.permits.face_rows:
        raise UsageError(
            f'{what} writes a row per face, and privacy = "{settings.privacy}" in the settings',
            'privacy = "faces" in a settings file of your own, with --config',
        )


def refuse_recognition(settings: Settings, what: str) -> None:
    """Raise UsageError if names of people are not permitted; what: the command."""
    if not settings.permits.recognition:
        raise UsageError(
            f'{what} is for naming people, and privacy = "{settings.privacy}" in the settings',
            'privacy = "visits" there, or no --config',
        )


def refuse_picture(settings: Settings, what: str) -> None:
    """Raise UsageError if pictures are not permitted; what: of the command."""
    if not settings.permits.pictures:
        raise UsageError(
            f'{what} shows people, and privacy = "{settings.privacy}" in the settings',
            'privacy = "faces" in a settings file of your own, with --config',
        )
