"""All settings in one frozen tree: defaults here, then a TOML file, then the command's flags.

[camera]
source = "usb:0"

[attributes]
show = ["Smiling", "Eyeglasses"]
"""

import contextlib
import dataclasses
import difflib
import os
import tomllib
import types
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from .errors import UsageError

MODEL = Path(__file__).parent.parent / "models" / "attributes.json"
PEOPLE = Path(os.path.expanduser("~/.local/share/facet/people.json"))  # private to each user
YUNET = MODEL.with_name("face_detection_yunet_2023mar.onnx")


@dataclass(frozen=True)
class CameraSettings:
    source: str = "auto"  # 0, usb:0, csi:0, rtsp://.., a video, a photo, a folder, demo, auto
    width: int = 640  # px asked of a camera; more finds faces further off and costs time
    height: int = 480  # px, likewise
    fps: int = 30  # frames/s asked of a camera; fewer give each more light, more cost time


@dataclass(frozen=True)
class FacesSettings:
    detector: str = "back"  # back: across a room; full: half the time; short: arm's length; yunet
    yunet: Path = YUNET  # the network of the detector yunet, which the user brings
    min_score: float = 0.6  # 0..1; lower finds more faces, and more that are none
    detect_hz: float = 5.0  # times/s in the whole picture; fewer see newcomers late, more cost time
    # Faces beyond these are boxed and their attributes not guessed.
    min_face: float = 24.0  # px wide; lower guesses more, higher refuses more
    max_turn: float = 0.22  # landmarks from a frontal face's, in eye distances; higher guesses more
    # share of the contrast that is fine detail; a sharp face has 0.2, and 0 judges fog
    min_sharpness: float = 0.1


@dataclass(frozen=True)
class TracksSettings:
    min_hits: int = 3  # frames until a face is somebody; fewer lets false faces in, more is late
    max_lost_s: float = (
        1.0  # s that one who is not seen keeps the number; longer may give it to the next
    )
    smoothing_s: float = 0.3  # s until evidence counts; shorter flickers, longer shows a smile late
    hysteresis: float = (
        0.5  # log-odds past a threshold before a label changes; low flickers, high lags
    )


@dataclass(frozen=True)
class AttributesSettings:
    model: Path = MODEL  # a model card
    classify_hz: float = (
        5.0  # times/s that each face is told; fewer show a smile late, more cost time
    )
    # names of the card's attributes that are computed; no other is shown, logged or held in
    # memory; none named means all; fewer than 20 cannot tell that somebody else took a place
    compute: tuple[str, ...] = ()
    show: tuple[str, ...] = ()  # names of those that are shown; none named means all computed
    logged: tuple[str, ...] = ()  # names of those in log and events; none named means all shown


@dataclass(frozen=True)
class RuntimeSettings:
    """How every network runs."""

    threads: int = 1  # of each network; more is faster, and leaves less for the rest of the Pi
    delegates: bool = True  # the runtime's fast kernels (XNNPACK); false is slower everywhere


@dataclass(frozen=True)
class PeopleSettings:
    enabled: bool = False  # true: name those who were enrolled with `python -m device.people`
    file: Path = PEOPLE  # their names and face templates; no photos
    min_score: float = 0.48  # 0..1; lower names strangers, higher leaves known people unknown
    min_face: float = 40.0  # px wide; lower makes more mistakes, higher waits for people to be near


@dataclass(frozen=True)
class OutputsSettings:
    headless: bool = False  # true: no window
    log: Path | None = None  # CSV; text only
    events: Path | None = None  # CSV; a row per visit: who came, how long, what was seen; text only
    log_every: float = 1.0  # s between a face's rows; 0 = every frame; low fills the disk
    record: Path | None = None  # annotated video; the only setting that stores pictures
    max_frames: int = 0  # stop after so many; 0 = never
    status_every: float = 60.0  # s between lines on stderr where no terminal is; 0 = none


@dataclass(frozen=True)
class RotationSettings:
    """How the files of `outputs.log` and `outputs.events` are kept.

    `faces.csv` is the current file; older ones are `faces.2026-11-22.csv.gz`. A memory row takes
    about 400 bytes.
    """

    sync_s: float = 5.0  # s of rows that a power cut may take; lower wears the SD card
    buffer_rows: int = 10_000  # wait while the disk cannot be written; fewer lose rows sooner
    daily: bool = False  # true: a new file each UTC day
    max_mb: float = 0.0  # MB (10^6 bytes) at which a new file begins; low makes many; 0 = never
    keep_days: int = 0  # days that older files stay, needs daily; low loses history; 0 = for ever
    min_free_mb: float = 0.0  # MB kept free by deleting the oldest; high loses history; 0 = none
    compress: bool = True  # gzip older files: a fifth of the size


@dataclass(frozen=True)
class Settings:
    camera: CameraSettings = field(default_factory=CameraSettings)
    faces: FacesSettings = field(default_factory=FacesSettings)
    tracks: TracksSettings = field(default_factory=TracksSettings)
    attributes: AttributesSettings = field(default_factory=AttributesSettings)
    runtime: RuntimeSettings = field(default_factory=RuntimeSettings)
    people: PeopleSettings = field(default_factory=PeopleSettings)
    outputs: OutputsSettings = field(default_factory=OutputsSettings)
    rotation: RotationSettings = field(default_factory=RotationSettings)


def nearest(name: str, known: Iterable[str], plural: str) -> str:
    """Return a sentence that helps with a misspelt name: the nearest one, or all known."""
    by_lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower().replace(" ", "_"), by_lower, 1, 0.5)
    if close:
        return f"Did you mean {by_lower[close[0]]}?"
    return f"EnrolledPerson {plural}: {', '.join(by_lower.values())}"


def read_toml(path: Path) -> dict[str, dict[str, Any]]:
    """Return a settings file's tables; UsageError where it is missing or no TOML."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise UsageError(f"no settings file {path}", "Give one with --config FILE") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read the settings file {path}: {error}") from error


def merge(settings: Settings, tables: dict[str, dict[str, Any]], origin: str) -> Settings:
    """Return `settings` with values from {table: {key: value}} in place of its own.

    Raises UsageError for an unknown table or key, naming the nearest, and for a wrong type.
    """
    changed = {}
    for table, values in tables.items():
        names = [one.name for one in dataclasses.fields(settings)]
        if table not in names:
            raise UsageError(f"{origin}: unknown [{table}]", nearest(table, names))
        if not isinstance(values, dict):
            raise UsageError(f"{origin}: {table} is not a table", f"Write [{table}] above it")
        part = getattr(settings, table)
        changed[table] = dataclasses.replace(part, **checked(part, values, f"{origin}: [{table}]"))
    merged = dataclasses.replace(settings, **changed)
    _check_ranges(merged, origin)
    return merged


def checked(part: Any, values: dict[str, Any], origin: str) -> dict[str, Any]:
    """Return a TOML table's values as the types that the dataclass `part` has.

    Raises UsageError for an unknown key, naming the nearest, and for a wrong type.
    """
    hints = get_type_hints(type(part))
    for key in values:
        if key not in hints:
            raise UsageError(f"{origin} unknown setting {key}", nearest(key, hints))
    return {key: _as(hints[key], value, f"{origin} {key}") for key, value in values.items()}


def _as(wanted: Any, value: Any, origin: str) -> Any:
    """Return a TOML value as the type of the dataclass field it is for."""
    if isinstance(wanted, types.UnionType):  # Path | None: TOML has no null
        wanted = get_args(wanted)[0]
    if get_origin(wanted) is tuple:
        of = get_args(wanted)[0]
        if isinstance(value, list | tuple) and all(type(one) is of for one in value):
            return tuple(value)
        what = 'names, such as ["Smiling"]' if of is str else "whole numbers, such as [128, 160]"
        raise UsageError(f"{origin} = {value!r}: expected a list of {what}")
    if wanted is Path and isinstance(value, str | Path) and str(value) and "\0" not in str(value):
        with contextlib.suppress(RuntimeError):  # ~nobody
            return Path(value).expanduser()
    if wanted is float and isinstance(value, int | float) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # 10 ** 400
            return float(value)
    if wanted is str and isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # source = 0
    if wanted in (bool, int, str) and type(value) is wanted:
        return value
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    raise UsageError(f"{origin} = {value!r}: expected {kinds.get(wanted, 'a path')}")


# (table, key, lowest, highest); the highest are far beyond use, and catch slips of the finger.
RANGES = (
    ("camera", "width", 16, 16384),
    ("camera", "height", 16, 16384),
    ("camera", "fps", 1, 1000),
    ("faces", "min_score", 0.05, 0.99),
    ("faces", "detect_hz", 0.1, 1000),
    ("faces", "min_face", 0, 16384),
    ("faces", "max_turn", 0, 1000),
    ("faces", "min_sharpness", 0, 1),
    ("tracks", "min_hits", 1, 1000),
    ("tracks", "max_lost_s", 0, 3600),
    ("tracks", "smoothing_s", 0, 60),
    ("tracks", "hysteresis", 0, 10),
    ("attributes", "classify_hz", 0.1, 1000),
    ("runtime", "threads", 1, 64),
    ("people", "min_score", 0, 1),
    ("people", "min_face", 0, 16384),
    ("outputs", "log_every", 0, 86400),
    ("outputs", "max_frames", 0, 2**53),
    ("outputs", "status_every", 0, 86400),
    ("rotation", "sync_s", 0, 3600),
    ("rotation", "buffer_rows", 100, 10_000_000),
    ("rotation", "max_mb", 0, 1_000_000),
    ("rotation", "keep_days", 0, 36_500),
    ("rotation", "min_free_mb", 0, 1_000_000_000),
)


def _check_ranges(settings: Settings, origin: str) -> None:
    for table, key, lowest, highest in RANGES:
        value = getattr(getattr(settings, table), key)
        if not lowest <= value <= highest:  # also refuses nan
            raise UsageError(f"{origin}: {key} = {value}, need {lowest} to {highest}")
    detectors = ("back", "short", "full", "yunet")
    if settings.faces.detector not in detectors:
        raise UsageError(
            f"{origin}: unknown detector {settings.faces.detector}",
            nearest(settings.faces.detector, detectors),
        )
    log = settings.rotation
    if log.keep_days and not log.daily:  # a file of many days has no age
        raise UsageError(f"{origin}: keep_days without daily", "Set daily = true in [rotation]")
    if log.min_free_mb and not (log.daily or log.max_mb):
        raise UsageError(
            f"{origin}: min_free_mb without older files to delete",
            "Set daily = true or max_mb in [rotation]",
        )
