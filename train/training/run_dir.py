"""A run's folder and its settings.json, which records how to repeat the run."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import msgspec

from device.config import merge
from device.errors import FacetError, UsageError, os_reason
from device.files import read_json
from train.training.config import FitSettings

if TYPE_CHECKING:
    from train.keras_import import keras


def code_version() -> str:
    """Return the checked-out commit, with -dirty if files differ from it, or "unknown"."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        git = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    except OSError:  # git is not installed
        return "unknown"
    return git.stdout.strip() or "unknown"


def holds_run(run: Path) -> bool:
    """Return whether a folder holds a run; a failed start leaves settings.json alone."""
    names = {path.name for path in run.iterdir()} if run.is_dir() else set()
    return "settings.json" in names and len(names) > 1


def save_settings(run: Path, settings: FitSettings, data: Path, counts: dict[str, int]) -> None:
    """Write settings.json: settings, data, versions, and the run that this one continues."""
    from train.keras_import import keras  # takes 3 s, and the flags are checked without it

    record = {
        "settings": msgspec.to_builtins(settings),
        "data": str(data),
        "photos": counts,
        "code": code_version(),
        "versions": {"keras": keras.__version__, "backend": keras.backend.backend()},
        "python": platform.python_version(),
    }
    source = Path(settings.weights).parent
    if settings.weights.endswith(".keras") and (source / "settings.json").exists():
        record["continued_from"] = read_record(source)
    (run / "settings.json").write_text(json.dumps(record, indent=2) + "\n")


def save_derived_run(model: keras.Model, record: dict[str, Any], run: Path) -> None:
    """Write a run made of other runs, ready for train.convert; FacetError if it fails."""
    from train.keras_import import keras

    try:
        run.mkdir(parents=True, exist_ok=True)
        keras.Model(model.input, model.output, name=model.name).save(run / "model.keras")
        (run / "settings.json").write_text(json.dumps(record, indent=2) + "\n")
    except OSError as error:
        raise FacetError(
            f"cannot write {run}: {os_reason(error)}", "free disk space, or another --out"
        ) from error
    print(f"saved {run / 'model.keras'}; next: python -m train.convert {quote(str(run))}")


def read_record(run: Path) -> dict[str, Any]:
    """Return the content of settings.json; UsageError if there is no run."""
    path = run / "settings.json"
    try:
        record = read_json(path)
        return record | {"settings": dict(record["settings"])}
    except FileNotFoundError:
        raise UsageError(
            f"no run in {run}: {path} is missing", "python -m train.fit --help"
        ) from None
    except KeyError as error:
        raise UsageError(f"{path} lacks {error}", "start a new run") from error
    except (OSError, ValueError, TypeError) as error:
        reason = os_reason(error)
        raise UsageError(f"{path} is not a run's settings: {reason}", "start a new run") from error


def run_attributes(record: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of a run's outputs, in order; () if its record does not have them."""
    names = record["settings"].get("attributes") or record.get("attributes") or ()
    known = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return tuple(names) if known else ()


def model_attributes(model: Path) -> tuple[str, ...]:
    """Return the names of the outputs of RUN/model.keras, in order; () if no run is beside it."""
    try:
        return run_attributes(read_record(model.parent))
    except UsageError:
        return ()


def check_same_attributes(runs: Sequence[Path]) -> None:
    """Raise UsageError if two runs have other outputs, or the same in another order."""
    first = model_attributes(runs[0] / "model.keras")
    for run in runs[1:]:
        names = model_attributes(run / "model.keras")
        if names and first and names != first:
            raise UsageError(
                f"{run} has the attributes {', '.join(names[:5])}, {runs[0]} has "
                f"{', '.join(first[:5])}",
                "runs of equal --attributes in equal order",
            )


def read_settings(run: Path) -> FitSettings:
    """Return the settings of a run; UsageError if there is none, or for an unknown key."""
    return merge(FitSettings(), read_record(run)["settings"], str(run / "settings.json"))


def is_same_run(training: dict[str, Any], record: dict[str, Any]) -> bool:
    """Return whether a model card's training record is of the run with this settings.json.

    Compares code version, counts and settings, but those with paths, which a card does not hold.
    Cards of older versions may lack settings that are no numbers.
    """
    keys = ("code", "photos", "soup", "python")
    settings, card_settings = record["settings"], training.get("settings")
    if not isinstance(card_settings, dict) or any(training.get(k) != record.get(k) for k in keys):
        return False
    compared = [k for k, v in settings.items() if isinstance(v, int | float) or k == "input"]
    compared += [k for k in settings if k in card_settings and k not in ("weights", "teacher")]
    return bool(compared) and all(
        k in card_settings and card_settings[k] == settings[k] for k in compared
    )
