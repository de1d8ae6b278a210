"""Read the files of a run; entries that this version does not know are ignored."""

import math
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from device.attributes.model_card import read_card
from device.errors import FacetError, ModelError, UsageError, os_reason
from device.files import read_json
from train.data.split import DataError
from train.data.tables import number
from train.data.text_lines import read_lines
from train.evaluation.robustness import SWEEPS, SweepPoint
from train.training.recipe import no_augmentation
from train.training.run_dir import is_same_run, read_record


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
        """Whether its training photos were augmented; true if the record does not say."""
        augmentation = self.record["settings"].get("augmentation")
        if not isinstance(augmentation, dict):
            return True
        off = msgspec.structs.asdict(no_augmentation())
        return any(value != off.get(name, 0.0) for name, value in augmentation.items())

    @property
    def model(self) -> Path:
        """The trained Keras model."""
        return self.folder / "model.keras"


def read_run(folder: Path) -> Run:
    """Return a finished run; UsageError if it is missing, incomplete or broken."""
    if not folder.is_dir():
        raise UsageError(f"no run in {folder}: no such folder", "python -m train.fit --help")
    try:
        record = read_record(folder)
    except OSError as error:
        raise FacetError(
            f"cannot read {folder}: {os_reason(error)}", f"ls -l {shlex.quote(str(folder))}"
        ) from error
    if not (folder / "model.keras").is_file():
        data = record.get("data", "DIR")
        raise UsageError(
            f"the run in {folder} is not complete: it has no model.keras",
            shlex.join(
                ["python", "-m", "train.fit", "--data", str(data), "--out", str(folder), "--resume"]
            ),
        )
    history, no_history = read_history(folder / "history.csv")
    if not history and "soup" in record:
        no_history = "This run is the mean of others (train.soup): no learning curves of its own."
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
            f"{folder / 'settings.json'}: attributes {names!r} are not a list of names",
            "start a new run",
        )
    return tuple(names)


def _counts(folder: Path, record: dict[str, Any]) -> tuple[int, ...]:
    counts = record["settings"].get("balanced") or []
    if counts and not (
        isinstance(counts, list) and len(counts) == 3 and all(isinstance(n, int) for n in counts)
    ):
        raise UsageError(
            f"{folder / 'settings.json'}: balanced {counts!r} are not three counts",
            "start a new run",
        )
    return tuple(counts)


def read_history(path: Path) -> tuple[dict[str, np.ndarray], str]:
    """Return a run's columns of numbers, or {} and a sentence with the reason."""
    if not path.exists():
        return {}, f"{path.name} is missing: no learning curves."
    try:
        header, *rows = [cells for _, cells in read_lines(path, "")] or [()]
    except DataError as error:
        return {}, f"{path.name} cannot be read ({error.message}): no learning curves."
    columns: dict[str, np.ndarray] = {}
    for index, name in enumerate(header):
        # The last line of a run that was killed may be incomplete.
        values = np.array([_number(cells, index) for cells in rows])
        if name and np.isfinite(values).any():
            columns[name] = values
    if not columns.keys() - {"epoch"}:
        return {}, f"{path.name} has no numbers: no learning curves."
    return columns, ""


def _number(cells: tuple[str, ...], index: int) -> float:
    value = number(cells[index]) if index < len(cells) else None
    return math.nan if value is None else value


def find_card(run: Run, models: Path) -> Path | None:
    """Return the card of the model that train.convert made of this run, or None.

    Searches RUN, RUN/models and `models`; a card holds the record of its run.
    """
    folders = (run.folder, run.folder / "models", models)
    for path in sorted(path for folder in folders for path in folder.glob("*.json")):
        try:
            training = read_card(path).training
        except ModelError:
            continue
        if is_same_run(training, run.record):
            return path
    return None


def read_sweeps(folders: list[Path], sha256: str, split: str) -> dict[str, list[SweepPoint]]:
    """Return kind -> points of the sweeps of one converted model on one split.

    Sweeps of another model, or without a record of it, are ignored.
    """
    found: dict[str, list[SweepPoint]] = {}
    for kind in SWEEPS:
        for folder in folders:
            try:
                rows = read_json(folder / f"sweep-{kind}.json")
                measured_on = {(row.pop("sha256"), row.pop("split")) for row in rows}
                for row in rows:
                    row.pop("unreadable", 0)
                points = [SweepPoint(**_with_nan(row)) for row in rows]
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue
            if measured_on == {(sha256, split)}:
                found[kind] = points
                break
    return found


def _with_nan(row: dict[str, Any]) -> dict[str, float]:
    return {key: math.nan if value is None else float(value) for key, value in row.items()}
