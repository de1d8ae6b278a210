"""Malformed texts: settings, logs, model cards and files of people."""

import json
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from device.attributes.classifier import Classifier
from device.attributes.presets import shown_and_logged
from device.camera.demo import ASTRONAUT, portrait
from device.cli.flags import read_settings
from device.cli.settings_file import SERVICE, settings_file
from device.config import settings_of, tables_of
from device.doctor.checks.models import LANDMARKS
from device.recognition.embedding import EMBEDDING_SIZE
from device.recognition.gallery import Gallery
from device.recognition.store import EnrolledPerson, read_people, to_record, write_people
from device.rowlog.csv_format import complete_length, line, timestamp
from device.rowlog.writer import RowWriter
from device.settings import RotationSettings, Settings
from tests.faults.fault import Bench, Outcome
from tests.faults.fuzzed import CARD, JSON, NUMBERS, changed, fuzz, places_of, spoil

# Settings

VALUES = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from([0, -1, 10**400, "", "auto", "~nobody/x", "a\0b", "\ud7ff", [], {}, ["Bald"]]),
    st.lists(st.text(max_size=5) | st.integers(), max_size=3),
    st.datetimes(),
)


def _keys() -> list[tuple[str, str]]:
    return [(name, key) for name, part in tables_of(Settings).items() for key in settings_of(part)]


def _toml(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return repr(value)  # JSON's NaN and Infinity are no TOML
    return json.dumps(value)


def _settings_text(chosen: list[tuple[tuple[str, str], Any]]) -> bytes:
    tables: dict[str, dict[str, Any]] = {}
    for (table, key), value in chosen:
        tables.setdefault(table, {})[key] = value
    lines = []
    for table, keys in tables.items():
        lines += [f"[{table}]", *(f"{key} = {_toml(value)}" for key, value in keys.items())]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def settings_files(bench: Bench) -> Outcome:
    """Settings with any values, and the service's file corrupted."""
    path = bench.folder / "facet.toml"
    service = settings_file(SERVICE).encode()
    chosen = st.lists(st.tuples(st.sampled_from(_keys()), VALUES), max_size=4)
    files = st.one_of(st.builds(_settings_text, chosen), spoil(st.just(service)))
    names = tuple(one["name"] for one in json.loads(CARD.read_text())["attributes"])

    def check(content: bytes) -> bool:
        path.write_bytes(content)
        shown_and_logged(read_settings(["--config", str(path)]).attributes, names)
        return True

    return fuzz(bench, files, check)


# The log's resume

HEADER = line(["time", "source", "frame", "track", "Smiling"])
START = datetime(2026, 11, 20, tzinfo=UTC)


def _row(number: int) -> bytes:
    moment = timestamp(START + timedelta(hours=number))
    return line([moment, "usb:0", str(number), "1", f"{number / 1000:.3f}"])


NEW = [_row(500), _row(501)]
ROWS = [_row(number) for number in range(400)]
LOGS = st.builds(lambda count: HEADER + b"".join(ROWS[:count]), st.integers(0, len(ROWS)))
MEMORY = Path("/dev/shm")  # where syncs, of which there are many here, cost nothing
KEEPING = st.builds(
    RotationSettings,
    daily=st.booleans(),
    max_mb=st.sampled_from([0.0, 0.001, 0.01]),
    compress=st.just(False),
    sync_s=st.sampled_from([0.0, 5.0]),
)


def csv_resume(bench: Bench) -> Outcome:
    """Logs that were torn, cut and overwritten: complete rows stay, and new ones follow."""
    place = MEMORY if MEMORY.is_dir() else bench.folder

    def check(case: tuple[bytes, RotationSettings]) -> bool:
        content, keeping = case
        with tempfile.TemporaryDirectory(dir=place) as folder:
            log = Path(folder) / "faces.csv"
            log.write_bytes(content)
            messages: list[str] = []
            writer = RowWriter(log, HEADER, keeping, messages.append)
            writer.add(NEW)
            writer.flush_due(0.0)
            writer.close()
            assert not messages, messages
            files = [path.read_bytes() for path in Path(folder).iterdir()]
            assert log.read_bytes().startswith(HEADER) and log.read_bytes().endswith(NEW[-1])
            kept = {text for file in files for text in file.splitlines(keepends=True)}
            complete = content[: complete_length(content)].splitlines(keepends=True)
            rows = {text for text in complete if text.startswith(b"2026") and b"\0" not in text}
            assert rows | set(NEW) <= kept, rows - kept
        return True

    return fuzz(bench, st.tuples(spoil(LOGS), KEEPING), check)


# Model cards


def model_cards(bench: Bench) -> Outcome:
    """The committed card with values changed or removed, and its text corrupted."""
    record = json.loads(CARD.read_text())
    card = bench.folder / CARD.name
    shutil.copy(CARD.with_suffix(".tflite"), bench.folder)
    values = st.one_of(JSON, NUMBERS, st.just("delete"))
    places = places_of(record)
    numbers = [way for way in places if way[0] == "attributes" and len(way) > 2]
    ways = st.one_of(st.sampled_from(places), st.sampled_from(numbers))  # these decide on outputs
    changes = st.lists(st.tuples(ways, values), min_size=1, max_size=2)
    cards = st.one_of(
        st.builds(changed, st.just(record), changes), spoil(st.just(CARD.read_bytes()))
    )
    picture = portrait(ASTRONAUT)

    def check(content: bytes) -> bool:
        card.write_bytes(content)
        classifier = Classifier(card)
        values = classifier.classify(classifier.geometry.crop(picture, LANDMARKS))
        assert np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1
        return True

    return fuzz(bench, cards, check)


# Enrolled people


def people_files(bench: Bench) -> Outcome:
    """The file of enrolled people with values changed or removed, and its text corrupted."""
    path = bench.folder / "people.json"
    templates = np.random.default_rng(1).normal(0, 0.13, (2, EMBEDDING_SIZE)).astype(np.float32)
    write_people(path, [EnrolledPerson(name, START, templates) for name in ("Ada", "Bob")])
    record = json.loads(path.read_text())
    huge = st.sampled_from([1e38, -1e300, [[1e38] * EMBEDDING_SIZE], [[1e400] * EMBEDDING_SIZE]])
    values = st.one_of(JSON, NUMBERS, huge, st.just("delete"))
    changes = st.lists(
        st.tuples(st.sampled_from(places_of(record)), values), min_size=1, max_size=2
    )
    files = st.one_of(
        st.builds(changed, st.just(record), changes), spoil(st.just(path.read_bytes()))
    )

    def check(content: bytes) -> bool:
        path.write_bytes(content)
        path.chmod(0o600)
        people = read_people(path)
        to_record(people)
        match = Gallery(people, 0.5).match(templates)
        assert np.isfinite(match.score)
        return True

    return fuzz(bench, files, check)
