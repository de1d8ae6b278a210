"""The checkpoints of an unfinished run, RUN/backup/PHASE/, and where a resumed run goes on.

latest.weights.h5 is of the last finished epoch (.bkp: of the one before), best.weights.h5 of the
best epoch, done.weights.h5 of a finished phase.
"""

import csv
import io
from pathlib import Path

from device.files import read_json, read_text, write_atomic
from device.log import log
from train.network.load import has_finite_weights

PHASE_WEIGHTS = "done.weights.h5"
LATEST, METADATA = "latest.weights.h5", "training_metadata.json"  # Keras's BackupAndRestore


def has_checkpoint(backup: Path) -> bool:
    """Return whether there is a checkpoint to resume from.

    Deletes those that are incomplete (without metadata), or have a NaN, and then goes back to the
    one before.
    """
    for weights in sorted(backup.rglob("*.weights.h5")):
        if weights.name == LATEST and not weights.with_name(METADATA).exists():
            weights.unlink()
        elif not has_finite_weights(weights):
            log.info(f"{weights} has weights that are NaN or infinite: going back before it")
            _discard(weights)
    return any(backup.rglob("*.weights.h5"))


def _discard(weights: Path) -> None:
    """Delete a file of weights and its metadata, or put the one before in its place."""
    before = [weights.with_name(f"{name}.bkp") for name in (LATEST, METADATA)]
    if weights.name == LATEST and all(map(Path.exists, before)) and has_finite_weights(before[0]):
        for path in before:
            path.replace(path.with_suffix(""))
        return
    weights.unlink()
    for name in {LATEST: (METADATA, *(path.name for path in before))}.get(weights.name, ()):
        weights.with_name(name).unlink(missing_ok=True)
    if weights.name == "best.weights.h5":
        weights.with_name("best.json").unlink(missing_ok=True)


def next_epoch(backup: Path, first: int) -> int:
    """Return the epoch that a phase goes on with, counted from 0; `first` without a checkpoint."""
    try:
        return int(read_json(backup / METADATA)["epoch"])
    except (OSError, ValueError, KeyError, TypeError):
        return first


def forget_epochs(path: Path, epoch: int) -> None:
    """Remove the rows from an epoch on from a run's CSV file: they are trained again."""
    try:
        rows = list(csv.reader(io.StringIO(read_text(path), newline="")))
        kept = [row for row in rows if not (row and row[0].isdigit() and int(row[0]) >= epoch)]
    except (OSError, ValueError, csv.Error):  # missing or damaged: nothing depends on it
        return
    if len(kept) < len(rows):
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(kept)
        write_atomic(path, text.getvalue().encode())
