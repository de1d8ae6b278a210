"""Settings as the page may show them: without secrets; and what a run stores, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..camera.address import MASK, mask_addresses, shown
from ..config import Table, arrays_of, field_of, settings_of, tables_of
from ..outputs.live import LiveRun
from ..settings import Settings

# Texts, paths and lists are shown only if they stand here: a new one is hidden until it is put into
# one of these tables. Of a secret's file the name is shown, which is no secret.
SHOWN = {
    "camera": "source flip name password_file ca_file",
    "faces": "detector yunet",
    "attributes": "model compute show logged",
    "people": "file",
    "counts": "file attributes",
    "outputs": "log events crossings record readable_by",
    "store": "file",
    "metrics": "listen file",
    "web": "address hosts cert key",
    "mqtt": "host password_file ca_file id name discovery attributes",
    "lines": "name from to in_name out_name",
    "rules": "name when do secret_file addresses_file folder topic text",
}
# Names of users, and what carries keys: a webhook's address, a program's arguments.
HIDDEN = {
    "camera": "user",
    "web": "password",
    "mqtt": "user",
    "rules": "url argv",
}


def shown_settings(settings: Settings) -> Mapping[str, Any]:
    """Return {table: {key: value}} and {array: [{key: value}]}, JSON values; secrets are "***"."""
    tables = {name: _shown_table(name, getattr(settings, name)) for name in tables_of(Settings)}
    arrays = {
        name: [_shown_table(name, table) for table in getattr(settings, name)]
        for name in arrays_of(Settings)
    }
    return tables | arrays


def _shown_table(name: str, table: Table) -> dict[str, Any]:
    allowed = SHOWN.get(name, "").split()
    return {
        key: _shown(key, getattr(table, field_of(key)), key in allowed)
        for key in settings_of(type(table))
    }


def _shown(key: str, value: Any, allowed: bool) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if not allowed:
        return MASK if value else ""
    if isinstance(value, tuple | list):
        return [_shown(key, one, allowed) for one in value]
    # An address may have a password wherever a text is.
    return shown(value) if key == "source" else mask_addresses(str(value))


def kept(live: LiveRun) -> list[str]:
    """Return sentences on what this run stores of the people in view."""
    settings = live.settings
    sentences = []
    if live.log:
        sentences.append(f"Each face is logged as text, without picture, in {live.log}.")
    if live.visits:
        sentences.append(f"Each visit is logged as text, without picture, in {live.visits}.")
    if live.counts:
        least = settings.counts.min_group
        sentences.append(f"Visits are counted in groups of {least} or more, in {live.counts}.")
    if settings.outputs.crossings:
        sentences.append(f"Each crossing of a line is logged in {settings.outputs.crossings}.")
    if sentences and settings.rotation.keep_days:
        sentences.append(f"Rows are deleted after {settings.rotation.keep_days} days.")
    if settings.outputs.record:
        sentences.append(f"A video is recorded, with faces, in {settings.outputs.record}.")
    for folder in sorted({str(rule.folder) for rule in settings.rules if rule.do == "snapshot"}):
        sentences.append(f"Pictures with faces are stored by rules in {folder}.")
    if settings.people.enabled:
        sentences.append("Enrolled people are recognized by name; everybody else is unknown.")
    if not sentences:
        sentences.append("Nothing is stored.")
    if settings.mqtt.host:
        pictures = ", with pictures" if settings.mqtt.snapshot else ""
        what = "What is seen" if settings.permits.people_in_view else "What is counted"
        sentences.append(f"{what} is sent to the MQTT broker {settings.mqtt.host}{pictures}.")
    if any(rule.do in ("webhook", "push", "command") for rule in settings.rules):
        sentences.append("What is seen is sent to other programs by rules.")
    if not settings.permits.people_in_view:
        sentences.append("Nothing about a single person is kept, shown or sent.")
    if settings.web.blur and settings.permits.pictures:
        sentences.append("Faces that were found are blurred on this page.")
    sentences.append("This page stores no picture.")
    return sentences
