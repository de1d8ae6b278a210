"""A run's folder and its settings.json, which records how to repeat the run."""

from __future__ import annotations

import itertools
import json
import platform
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import msgspec

from device.cli.command import pasteable
from device.config import merge
from device.errors import FacetError, UsageError, os_reason
from device.files import read_json, write_atomic
from train.data.split import Split, fingerprint
from train.data.unreadable import unreadable
from train.training.config import FitSettings

if TYPE_CHECKING:
    from train.keras_import import keras


PATHS = ("weights", "teacher", "more")  # settings that a card names without their folders


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


def free_run(data: Path) -> Path:
    """Return a folder for a run on these photos that holds none yet: runs/celeba, runs/celeba-2."""
    name = data.resolve().name or "mine"
    others = (f"{name}-{number}" for number in itertools.count(2))
    runs = (Path("runs") / name for name in itertools.chain([name], others))
    return next(run for run in runs if not holds_run(run))


def saved_line(run: Path) -> str:
    """Return the line of a finished run, with the command that converts it."""
    command = f"python -m train.convert {quote(str(run))}"
    return pasteable(f"saved {run / 'model.keras'}; next: {command}")


def save_settings(
    run: Path,
    settings: FitSettings,
    data: Path,
    splits: dict[str, Split],
) -> None:
    """Write settings.json: settings, data, versions, and the run that this one continues.

    splits: what the run learns from, by name.
    """
    from train.keras_import import device_kind, keras  # takes 3 s; the flags are checked without

    record = {
        "settings": msgspec.to_builtins(settings),
        "data": str(data),
        **_photos(splits),
        "code": code_version(),
        "versions": {"keras": keras.__version__, "backend": keras.backend.backend()},
        "python": platform.python_version(),
        "device": device_kind(),
    }
    source = Path(settings.weights).parent
    if settings.weights.endswith(".keras") and (source / "settings.json").exists():
        record["continued_from"] = read_record(source)
    _write(run, record)


def _photos(splits: dict[str, Split]) -> dict[str, Any]:
    used = [splits[name] for name in ("train", "val")]
    return {
        "photos": {split.name: len(split) for split in used},
        "photos_sha256": fingerprint(used),
        "attributes": list(used[0].attributes),
    }


def check_same_photos(run: Path, data: Path, splits: dict[str, Split]) -> None:
    """Raise UsageError if a run was started on other photos, labels or attributes than `splits`.

    Runs of earlier versions recorded only the counts.
    """
    record = read_record(run)
    for key, value in _photos(splits).items():
        if record.get(key, value) != value:
            counts = json.dumps(record["photos"]).strip("{}").replace('"', "")
            raise UsageError(
                f"{run} was trained on other photos or labels than {data} has, on {counts} from "
                f"{record.get('data')}",
                f"{_photo_flags(record)}, or another --out",
            )


def _photo_flags(record: dict[str, Any]) -> str:
    """Return the flags that name a run's photos and how they are drawn."""
    settings, flags = record["settings"], f"--data {quote(str(record.get('data')))}"
    if settings.get("more"):
        flags += f" --more {' '.join(map(quote, settings['more']))}"
    return flags + (f" --balance {settings['balance']}" if settings.get("balance") else "")


def _write(run: Path, record: dict[str, Any]) -> None:
    content = json.dumps(record, indent=2) + "\n"
    write_atomic(run / "settings.json", content.encode())


def save_resumed(
    run: Path, data: Path, rates: dict[str, float], more: tuple[str, ...] = ()
) -> None:
    """Write what a resumed run changes: the photos' folders, and its learning rates.

    The rates that it had before are in earlier_rates.
    """
    record = read_record(run)
    before = {name: record["settings"].get(name) for name in rates}
    folders = {"more": list(more)} if more else {}
    resumed = record | {"data": str(data), "settings": record["settings"] | rates | folders}
    if before != rates:
        resumed["earlier_rates"] = [*record.get("earlier_rates", ()), before]
    if resumed != record:
        _write(run, resumed)


def save_unreadable(run: Path, splits: Iterable[Split]) -> None:
    """Add to settings.json how many photos of each split could not be read, if there are any."""
    counts = {split.name: len(unreadable(split.photos)) for split in splits}
    if any(counts.values()):
        _write(run, read_record(run) | {"unreadable": counts})


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
    print(saved_line(run))


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
    compared += [k for k in settings if k in card_settings and k not in PATHS]
    return bool(compared) and all(
        k in card_settings and card_settings[k] == settings[k] for k in compared
    )
