"""Read what a run left in its folder; what this version does not know of it is passed over."""

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from device.attributes.model_card import read_card
from device.errors import FacetError, ModelError, UsageError
from train.fitting.run_folder import read_record
from train.measuring.sweep import SWEEPS, Point


@dataclass(frozen=True)
class Run:
    """A finished run."""

    folder: Path
    record: dict[str, Any]  # settings.json
    attributes: tuple[str, ...]  # in the model's order; () = all of the data's
    balanced: tuple[int, ...]  # photos of train, val and test, half with the attribute; () = all
    data: Path | None  # where its photos were
    history: dict[str, np.ndarray]  # column -> a float per epoch; {} = none
    no_history: str  # why there is none

    @property
    def augmented(self) -> bool:
        """Whether its training photos were varied; runs that do not say were."""
        varied = self.record["settings"].get("augmentation")
        return any(varied.values()) if isinstance(varied, dict) else True

    @property
    def model(self) -> Path:
        return self.folder / "model.keras"


def read_run(folder: Path) -> Run:
    """Return a finished run; UsageError where there is none, or it is incomplete or broken."""
    if not folder.is_dir():
        raise UsageError(f"no run in {folder}: no such folder", "See: python -m train.fit --help")
    try:
        record = read_record(folder)
    except OSError as error:
        raise FacetError(f"cannot read {folder}: {error}") from error
    if not (folder / "model.keras").is_file():
        data = record.get("data", "DIR")
        raise UsageError(
            f"the run in {folder} is not complete: it has no model.keras",
            f"Go on with it: python -m train.fit --data {data} --out {folder} --resume",
        )
    history, no_history = read_history(folder / "history.csv")
    if not history and "soup" in record:
        no_history = "This run is the mean of others (train.soup), which have theirs."
    return Run(
        folder=folder,
        record=record,
        attributes=_names(folder, record),
        balanced=_counts(folder, record),
        data=Path(record["data"]) if isinstance(record.get("data"), str) else None,
        history=history,
        no_history=no_history,
    )


def _names(folder: Path, record: dict[str, Any]) -> tuple[str, ...]:
    names = record["settings"].get("attributes") or record.get("attributes") or []
    if isinstance(names, str):
        names = [name.strip() for name in names.split(",")] if names != "all" else []
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise UsageError(
            f"{folder / 'settings.json'}: attributes {names!r} are no list of names", "Start anew."
        )
    return tuple(names)


def _counts(folder: Path, record: dict[str, Any]) -> tuple[int, ...]:
    counts = record["settings"].get("balanced") or []
    if counts and not (
        isinstance(counts, list) and len(counts) == 3 and all(isinstance(n, int) for n in counts)
    ):
        raise UsageError(
            f"{folder / 'settings.json'}: balanced {counts!r} are no three counts", "Start anew."
        )
    return tuple(counts)


def read_history(path: Path) -> tuple[dict[str, np.ndarray], str]:
    """Return a run's columns of numbers, or none and a sentence that says why."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return {}, f"{path.name} is missing: no learning curves."
    except (OSError, ValueError, csv.Error) as error:
        return {}, f"{path.name} cannot be read ({error}): no learning curves."
    columns: dict[str, np.ndarray] = {}
    for name in rows[0] if rows else {}:
        values = np.array([_number(row[name]) for row in rows])
        if name and np.isfinite(values).any():
            columns[name] = values
    if not columns.keys() - {"epoch"}:
        return {}, f"{path.name} has no figures: no learning curves."
    return columns, ""


def _number(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan


def converted(run: Run, models: Path) -> Path | None:
    """Return the card of the model that train.convert made of this run, or None.

    Looked for in the run's folder and in `models`; a card holds the record of its run.
    """
    for path in sorted([*run.folder.glob("*.json"), *models.glob("*.json")]):
        try:
            training = read_card(path).training
        except ModelError:
            continue
        if _same_run(training, run.record):
            return path
    return None


def _same_run(training: dict[str, Any], record: dict[str, Any]) -> bool:
    """Whether a card's record is this run's, by its numbers: cards leave out where files lay."""
    keys = ("code", "photos", "soup", "python")
    mine, theirs = record["settings"], training.get("settings")
    if not isinstance(theirs, dict) or any(training.get(k) != record.get(k) for k in keys):
        return False
    told = [k for k, value in mine.items() if isinstance(value, int | float) or k == "crop_wh"]
    return bool(told) and all(k in theirs and theirs[k] == mine[k] for k in told)


def read_sweeps(folders: list[Path], sha256: str, split: str) -> dict[str, list[Point]]:
    """Return kind -> points of the sweeps of one converted model on one split.

    Those of another model, or that do not say of which, are passed over.
    """
    found: dict[str, list[Point]] = {}
    for kind in SWEEPS:
        for folder in folders:
            try:
                rows = json.loads((folder / f"sweep-{kind}.json").read_text())
                of = {(row.pop("sha256"), row.pop("split")) for row in rows}
                points = [Point(**_with_nan(row)) for row in rows]
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue
            if of == {(sha256, split)}:
                found[kind] = points
                break
    return found


def _with_nan(row: dict[str, Any]) -> dict[str, float]:
    return {key: math.nan if value is None else float(value) for key, value in row.items()}
