"""Settings as the page may show them: without secrets; and what a run stores, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..camera.address import MASK, mask_addresses, shown
from ..config import tables_of
from ..outputs.live import LiveRun
from ..settings import Settings

# Parts of a key whose value is never shown. Paths are: a name of a file is no secret.
SECRET = ("password", "secret", "token", "key", "user")


def shown_settings(settings: Settings) -> Mapping[str, Mapping[str, Any]]:
    """Return {table: {key: value}}, JSON values; what may be a secret is "***"."""
    return {
        name: {
            key: _shown(key, value)
            for key, value in msgspec.structs.asdict(getattr(settings, name)).items()
        }
        for name in tables_of(Settings)
    }


def _shown(key: str, value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str):
        if any(part in key for part in SECRET):
            return MASK if value else ""
        return shown(value) if key == "source" else mask_addresses(value)
    if isinstance(value, Mapping):
        return {str(inner): _shown(str(inner), one) for inner, one in value.items()}
    if isinstance(value, tuple | list):
        return [_shown(key, one) for one in value]
    return value if isinstance(value, bool | int | float | None) else MASK


def kept(live: LiveRun) -> list[str]:
    """Return sentences on what this run stores of the people in view."""
    settings = live.settings
    sentences = []
    if live.log:
        sentences.append(f"Each face is logged as text, without picture, in {live.log}.")
    if live.visits:
        sentences.append(f"Each visit is logged as text, without picture, in {live.visits}.")
    if (live.log or live.visits) and settings.rotation.keep_days:
        sentences.append(f"Rows are deleted after {settings.rotation.keep_days} days.")
    if settings.outputs.record:
        sentences.append(f"A video is recorded, with faces, in {settings.outputs.record}.")
    if settings.people.enabled:
        sentences.append("Enrolled people are recognized by name; everybody else is unknown.")
    if not sentences:
        sentences.append("Nothing is stored.")
    if settings.web.blur:
        sentences.append("Faces that were found are blurred on this page.")
    sentences.append("This page stores no picture.")
    return sentences
