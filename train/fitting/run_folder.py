"""A run's folder: settings.json, which says all that is needed to repeat the run."""

import json
import platform
import subprocess
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from device.errors import FacetError, UsageError
from train.data.augment import Augmentation
from train.engine import keras
from train.fitting.settings import FitSettings


def code_version() -> str:
    """Return the commit that is checked out, with -dirty where files differ, or "unknown"."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    except OSError:  # no git
        return "unknown"
    return done.stdout.strip() or "unknown"


def holds_run(run: Path) -> bool:
    """Return whether a folder holds a run; settings alone are of a start that failed."""
    names = {path.name for path in run.iterdir()} if run.is_dir() else set()
    return "settings.json" in names and len(names) > 1


def save_settings(run: Path, settings: FitSettings, data: Path, counts: dict[str, int]) -> None:
    """Write settings.json: all that is needed to repeat the run."""
    record = {
        "settings": asdict(settings),
        "data": str(data),
        "photos": counts,
        "code": code_version(),
        "versions": {"keras": keras.__version__, "backend": keras.backend.backend()},
        "python": platform.python_version(),
    }
    before = Path(settings.weights).parent
    if settings.weights.endswith(".keras") and (before / "settings.json").exists():
        record["went_on_from"] = read_record(before)
    (run / "settings.json").write_text(json.dumps(record, indent=2) + "\n")


def save_made(model: keras.Model, record: dict[str, Any], run: Path) -> None:
    """Write a run that was made of others, ready for train.convert; FacetError if it cannot be."""
    try:
        run.mkdir(parents=True, exist_ok=True)
        keras.Model(model.input, model.output, name=model.name).save(run / "model.keras")
        (run / "settings.json").write_text(json.dumps(record, indent=2) + "\n")
    except OSError as error:
        raise FacetError(f"cannot write {run}: {error}") from error
    print(f"saved {run / 'model.keras'}; next: python -m train.convert {run}")


def read_record(run: Path) -> dict[str, Any]:
    """Return what settings.json holds; UsageError where there is no run."""
    path = run / "settings.json"
    try:
        record = json.loads(path.read_text())
        return record | {"settings": dict(record["settings"])}
    except FileNotFoundError:
        raise UsageError(
            f"no run in {run}: {path} is missing", "Start one: python -m train.fit --help"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is not a run's settings: {error}", "Start anew.") from error


def read_settings(run: Path) -> FitSettings:
    """Return the settings a run was started with; UsageError where there is no such run."""
    values = read_record(run)["settings"]
    try:
        values["augmentation"] = Augmentation(**values["augmentation"])
        for one in fields(FitSettings):  # JSON has lists alone
            if isinstance(values.get(one.name), list):
                values[one.name] = tuple(values[one.name])
        return FitSettings(**values)
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"{run / 'settings.json'} is not of this version: {error}", "Start anew."
        ) from error
