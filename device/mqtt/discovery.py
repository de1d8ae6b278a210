"""Home Assistant's discovery: one message that describes the device and its entities.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload. `origin` is mandatory.
`object_id` is dropped without a word there; `default_entity_id` names the entity, with its domain.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .. import __version__
from ..settings import LineSettings, MqttSettings
from ..types import IN, OUT
from .messages import ENDED, SERIOUS, SMILES, SMILING, UNCLEAR, as_json
from .topics import Topics

Component = dict[str, Any]
PLATFORMS = ("sensor", "binary_sensor", "event", "image")  # of entities, here and in the past


def config(
    settings: MqttSettings,
    topics: Topics,
    attributes: Sequence[str],
    lines: Sequence[LineSettings],
    with_temperature: bool,
    removed: Mapping[str, str] | None = None,
    in_view: bool = True,
) -> bytes:
    """Return the message; removed: {key: platform} of entities that Home Assistant must delete.

    in_view: with the entities about people.
    """
    name = settings.name or f"Facet {topics.id}"
    parts = components(settings, topics, attributes, lines, with_temperature, in_view)
    for key, part in parts.items():
        part["unique_id"] = f"{topics.object_id}_{key}"
        part["default_entity_id"] = f"{part['platform']}.{_slug(topics.object_id, part['name'])}"
    parts |= {key: {"platform": platform} for key, platform in (removed or {}).items()}
    return as_json(
        {
            "device": {
                "identifiers": [topics.object_id],
                "name": name,
                "manufacturer": "Facet",
                "model": "Face-attribute camera",
                "sw_version": __version__,
            },
            "origin": {"name": "Facet", "sw_version": __version__},
            "availability_topic": topics.status,
            "components": parts,
        }
    )


def components(
    settings: MqttSettings,
    topics: Topics,
    attributes: Sequence[str],
    lines: Sequence[LineSettings],
    with_temperature: bool,
    in_view: bool = True,
) -> dict[str, Component]:
    """Return the entities by key; in_view: those about people too."""
    about_people = _about_people(settings, topics, attributes, lines) if in_view else {}
    found = about_people | {"fps": _diagnostic(topics, "Frame rate", "fps", "frames/s")}
    if with_temperature:
        found["temperature"] = _diagnostic(topics, "Temperature", "temperature_c", "°C") | {
            "device_class": "temperature"
        }
    if settings.snapshot:
        found["snapshot"] = {
            "platform": "image",
            "name": "Last snapshot",
            "image_topic": topics.snapshot,
            "content_type": "image/jpeg",
        }
    return found


def _about_people(
    settings: MqttSettings,
    topics: Topics,
    attributes: Sequence[str],
    lines: Sequence[LineSettings],
) -> dict[str, Component]:
    found = {
        "people": _sensor(
            topics.state, "People in view", "people", unit="people", icon="mdi:account-group"
        ),
        "occupancy": _binary(topics.state, "Occupancy", "value_json.occupied")
        | {"device_class": "occupancy"},
        "visits_today": _sensor(topics.state, "Visits today", "visits_today", unit="visits")
        | {"state_class": "total_increasing", "icon": "mdi:counter"},
    }
    for line in lines:
        found |= _line(topics.lines, line)
    for name in attributes:
        value = f"value_json.attributes[{json.dumps(name)}]"
        found[f"attribute_{name}"] = _binary(topics.state, _words(name), value)
    if settings.people:
        found["names"] = {
            "platform": "sensor",
            "name": "Known people in view",
            "state_topic": topics.state,
            "value_template": "{{ value_json.names | join(', ') or 'nobody' }}",
            "icon": "mdi:account-check",
        }
    if settings.visits:
        found["visit"] = _event(topics, SMILING in attributes)
    return found


def leftover(payload: bytes, kept: bytes) -> dict[str, str]:
    """Return {key: platform} of the entities of an older message that a newer one lacks.

    Anybody may have written the older one: {} for what is no such message.
    """
    try:
        old, new = json.loads(payload)["components"], json.loads(kept)["components"]
        return {
            key: part["platform"]
            for key, part in old.items()
            if key not in new and part["platform"] in PLATFORMS and re.fullmatch(r"\w{1,99}", key)
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _sensor(topic: str, name: str, key: str, unit: str, icon: str = "") -> Component:
    part = {
        "platform": "sensor",
        "name": name,
        "state_topic": topic,
        "value_template": f"{{{{ value_json.{key} }}}}",
        "unit_of_measurement": unit,
        "state_class": "measurement",
    }
    return part | ({"icon": icon} if icon else {})


def _line(topic: str, line: LineSettings) -> dict[str, Component]:
    """Return the sums of a line, in and out."""
    key, found = _key(line.name), {}
    for direction, words in ((IN, line.in_name), (OUT, line.out_name)):
        # `in` is a word of the template's language, so never .in.
        value = f"[{json.dumps(line.name, ensure_ascii=False)}]['{direction}']"
        found[f"line_{key}_{direction}"] = {
            "platform": "sensor",
            "name": f"{line.name} {words or direction}",
            "state_topic": topic,
            "value_template": f"{{{{ value_json{value} }}}}",
            "unit_of_measurement": "crossings",
            "state_class": "total_increasing",
            "icon": f"mdi:{'login' if direction == IN else 'logout'}",
        }
    return found


def _key(name: str) -> str:
    """Return a name as part of an entity's key, which has letters, digits and _ only."""
    if re.fullmatch("[A-Za-z0-9_]{1,40}", name):
        return name
    return f"{_slug(name)[:40]}_{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _diagnostic(topics: Topics, name: str, key: str, unit: str) -> Component:
    return _sensor(topics.diagnostics, name, key, unit) | {"entity_category": "diagnostic"}


def _binary(topic: str, name: str, value: str) -> Component:
    return {
        "platform": "binary_sensor",
        "name": name,
        "state_topic": topic,
        "value_template": f"{{{{ 'ON' if {value} else 'OFF' }}}}",
    }


def _event(topics: Topics, with_mood: bool) -> Component:
    kind = "value_json.mood" if with_mood else f"'{ENDED}'"
    fields = f"'event_type': {kind}, 'id': value_json.id, 'first_seen': value_json.first_seen"
    return {
        "platform": "event",
        "name": "Mood of the last visit" if with_mood else "Last visit",
        "state_topic": topics.visit,
        "event_types": [SMILES, SERIOUS, UNCLEAR] if with_mood else [ENDED],
        "value_template": f"{{{{ {{{fields}, 'dwell_s': value_json.dwell_s}} | tojson }}}}",
        "icon": "mdi:emoticon-outline" if with_mood else "mdi:account-clock",
    }


def _slug(*words: str) -> str:
    """Return words as Home Assistant makes an entity's id of them: facet_hall_wearing_hat."""
    return re.sub(r"[^a-z0-9]+", "_", "_".join(words).lower()).strip("_")


def _words(attribute: str) -> str:
    """Return an attribute's name as words: "Wearing hat"."""
    return attribute.replace("_", " ").capitalize()
