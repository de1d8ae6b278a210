"""Malformed files: Facet reads them, or reports in one line what is wrong."""

import contextlib
import copy
import hashlib
import io
import json
import os
import shutil
import tempfile
import traceback
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as effort
from hypothesis import strategies as st
from PIL import Image

from device.attributes.classifier import Classifier
from device.attributes.presets import shown_and_logged
from device.camera.demo import ASTRONAUT, portrait
from device.camera.photos import Photos
from device.cli.flags import read_settings
from device.cli.settings_file import SERVICE, settings_file
from device.config import settings_of, tables_of
from device.doctor.checks.models import LANDMARKS
from device.errors import FacetError
from device.faces.blazeface import BlazeFace
from device.recognition.embedding import EMBEDDING_SIZE
from device.recognition.gallery import Gallery
from device.recognition.store import EnrolledPerson, read_people, to_record, write_people
from device.rowlog.csv_format import complete_length, line, timestamp
from device.rowlog.writer import RowWriter
from device.settings import RotationSettings, Settings
from tests.faults.fault import Bench, Outcome
from tests.faults.victim import ROOT

CARD = ROOT / "models" / "attributes.json"
NOTHING_BUT = "a FacetError of one line or none; no other exception, no warning"


def _fuzz(bench: Bench, strategy: st.SearchStrategy, check: Callable[[Any], bool]) -> Outcome:
    """Call `check`, which returns whether Facet accepted the file, with so many cases."""
    taken: list[bool] = []

    @seed(bench.rng.randrange(2**32))
    @effort(
        max_examples=bench.trials,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def run(case: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                taken.append(check(case))
            except FacetError as error:
                assert "\n" not in str(error) and str(error)
                taken.append(False)

    try:
        run()
    except Exception as error:
        while isinstance(error, ExceptionGroup):  # more than one way to fail
            error = error.exceptions[0]
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        traceback.print_exc()
        return Outcome(NOTHING_BUT, f"{reason} ({Path(place.filename).name}:{place.lineno})", False)
    return Outcome(
        NOTHING_BUT,
        f"{len(taken)} files: {sum(taken)} taken, {len(taken) - sum(taken)} refused in one line",
        len(taken) >= bench.trials,
    )


# Bytes that were spoiled

SPOIL = st.tuples(
    st.sampled_from(["cut", "zeros", "insert", "delete", "repeat", "flip"]),
    st.floats(0, 1),
    st.integers(1, 300),
    st.binary(max_size=40),
)


def _spoiled(content: bytes, spoils: list[tuple[str, float, int, bytes]]) -> bytes:
    for how, place, count, extra in spoils:
        at = int(place * len(content))
        before, part, after = content[:at], content[at : at + count], content[at + count :]
        content = {
            "cut": before,
            "zeros": before + bytes(len(part)) + after,
            "insert": before + extra + part + after,
            "delete": before + after,
            "repeat": before + part + part + after,
            "flip": before + bytes(255 - one for one in part[:1]) + part[1:] + after,
        }[how]
    return content


def _spoil(whole_files: st.SearchStrategy) -> st.SearchStrategy:
    """Strategy of files: sound ones, spoiled up to four times, and now and then anything."""
    spoiled = st.builds(_spoiled, whole_files, st.lists(SPOIL, max_size=4))
    return st.one_of(spoiled, spoiled, spoiled, st.binary(max_size=400))


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
    files = st.one_of(st.builds(_settings_text, chosen), _spoil(st.just(service)))
    names = tuple(one["name"] for one in json.loads(CARD.read_text())["attributes"])

    def check(content: bytes) -> bool:
        path.write_bytes(content)
        shown_and_logged(read_settings(["--config", str(path)]).attributes, names)
        return True

    return _fuzz(bench, files, check)


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

    return _fuzz(bench, st.tuples(_spoil(LOGS), KEEPING), check)


# Model cards

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
NUMBERS = st.sampled_from([0, -1, 1e308, -1e308, 1e-320, 2**63, 10**400, float("nan"), "1", None])


def _places(record: Any, so_far: tuple = ()) -> list[tuple]:
    """Return the way to every value in a JSON record."""
    if isinstance(record, dict):
        pairs = record.items()
    elif isinstance(record, list):
        pairs = enumerate(record[:2])
    else:
        return []
    return [way for k, v in pairs for way in ((*so_far, k), *_places(v, (*so_far, k)))]


def _changed(record: Any, changes: list[tuple[tuple, Any]]) -> bytes:
    record = copy.deepcopy(record)
    for way, value in changes:
        inner = record
        try:
            for step in way[:-1]:
                inner = inner[step]
            if value == "delete":
                del inner[way[-1]]
            else:
                inner[way[-1]] = value
        except (TypeError, KeyError, IndexError):  # an earlier change has taken it away
            continue
    return json.dumps(record).encode()


def model_cards(bench: Bench) -> Outcome:
    """The committed card with values changed or removed, and its text corrupted."""
    record = json.loads(CARD.read_text())
    card = bench.folder / CARD.name
    shutil.copy(CARD.with_suffix(".tflite"), bench.folder)
    values = st.one_of(JSON, NUMBERS, st.just("delete"))
    places = _places(record)
    numbers = [way for way in places if way[0] == "attributes" and len(way) > 2]
    ways = st.one_of(st.sampled_from(places), st.sampled_from(numbers))  # these decide on outputs
    changes = st.lists(st.tuples(ways, values), min_size=1, max_size=2)
    cards = st.one_of(
        st.builds(_changed, st.just(record), changes), _spoil(st.just(CARD.read_bytes()))
    )
    picture = portrait(ASTRONAUT)

    def check(content: bytes) -> bool:
        card.write_bytes(content)
        classifier = Classifier(card)
        values = classifier.classify(classifier.geometry.crop(picture, LANDMARKS))
        assert np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1
        return True

    return _fuzz(bench, cards, check)


# Enrolled people


def people_files(bench: Bench) -> Outcome:
    """The file of enrolled people with values changed or removed, and its text corrupted."""
    path = bench.folder / "people.json"
    templates = np.random.default_rng(1).normal(0, 0.13, (2, EMBEDDING_SIZE)).astype(np.float32)
    write_people(path, [EnrolledPerson(name, START, templates) for name in ("Ada", "Bob")])
    record = json.loads(path.read_text())
    huge = st.sampled_from([1e38, -1e300, [[1e38] * EMBEDDING_SIZE], [[1e400] * EMBEDDING_SIZE]])
    values = st.one_of(JSON, NUMBERS, huge, st.just("delete"))
    changes = st.lists(st.tuples(st.sampled_from(_places(record)), values), min_size=1, max_size=2)
    files = st.one_of(
        st.builds(_changed, st.just(record), changes), _spoil(st.just(path.read_bytes()))
    )

    def check(content: bytes) -> bool:
        path.write_bytes(content)
        path.chmod(0o600)
        people = read_people(path)
        to_record(people)
        match = Gallery(people, 0.5).match(templates)
        assert np.isfinite(match.score)
        return True

    return _fuzz(bench, files, check)


# Networks

ABORTS = (885_599, 110)  # a byte of attributes-small.tflite that ends ai-edge-litert 2.3.0


def networks(bench: Bench) -> Outcome:
    """Corrupted networks whose hash is in their card; one is known to abort the runtime."""
    source = CARD.with_name("attributes-small.json")
    record, content = json.loads(source.read_text()), source.with_suffix(".tflite").read_bytes()
    card = bench.folder / "m.json"
    os.environ["XDG_CACHE_HOME"] = str(bench.folder)
    # A flatbuffer's tables lie at its end, behind the weights.
    places = st.integers(len(content) - 80_000, len(content) - 1) | st.integers(0, 4000)
    flips = st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=3)

    def changed(pairs: list[tuple[int, int]]) -> bytes:
        bytes_ = bytearray(content)
        for place, value in pairs:
            bytes_[place] = value
        return bytes(bytes_)

    files = st.one_of(st.builds(changed, flips), _spoil(st.just(content)))

    def check(content: bytes) -> bool:
        (bench.folder / record["file"]).write_bytes(content)
        card.write_text(json.dumps(record | {"sha256": hashlib.sha256(content).hexdigest()}))
        Classifier(card)
        return True

    with contextlib.suppress(FacetError):
        check(changed([ABORTS]))
    return _fuzz(bench, files, check)


# Pictures

KINDS = {
    "JPEG": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "BMP": "bmp",
    "TIFF": "tif",
    "PPM": "ppm",
    "GIF": "png",  # under another's ending
}
MODES = ("RGB", "L", "RGBA", "1", "P", "I;16", "CMYK", "LA")


def _pictures() -> list[tuple[str, bytes]]:
    """Return (ending, bytes) of a small portrait in every kind and colour that Pillow writes."""
    small = Image.fromarray(portrait(ASTRONAUT)[:, :, ::-1]).resize((48, 48))
    files = []
    for kind, ending in KINDS.items():
        for mode in MODES:
            out = io.BytesIO()
            try:
                small.convert("I" if mode == "I;16" else mode).convert(mode).save(out, kind)
            except (OSError, ValueError):  # no such colour in that kind
                continue
            files.append((ending, out.getvalue()))
    return files


def picture_files(bench: Bench) -> Outcome:
    """Corrupted photos of every format; those that can be read go through the detector."""
    detector = BlazeFace("short")
    files = st.sampled_from(_pictures()).flatmap(
        lambda one: st.tuples(st.just(one[0]), _spoil(st.just(one[1])))
    )

    def check(case: tuple[str, bytes]) -> bool:
        ending, content = case
        path = bench.folder / f"photo.{ending}"
        path.write_bytes(content)
        with Photos(path) as photos:
            (frame,) = photos
        assert frame.bgr.dtype == np.uint8 and frame.bgr.ndim == 3 and frame.bgr.shape[2] == 3
        detector.detect(frame.bgr)
        return True

    return _fuzz(bench, files, check)
