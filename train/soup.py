"""Average the weights of runs that were fine-tuned from each other: a model soup.

    python -m train.soup runs/student runs/more runs/attributes --shares 0.6 0.2 0.2 \\
        --data ../shared/data/celeba --out runs/soup

A minute. Weights that were fine-tuned from each other lie in one basin of the loss, and their mean
is often better than each. BatchNorm statistics cannot be averaged, and are recomputed. OUT then
holds model.keras and the first run's settings.json with the shares added, for train.convert.
Source: Wortsman et al. (2022), Model soups.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from device.cli.command import Parser, exit_with
from device.errors import ModelError, UsageError
from train.data.open import read_data
from train.data.select import select_for_run
from train.data.split import Split
from train.data.unreadable import unreadable_line
from train.network.load import load_float
from train.training.photos import with_all_photos
from train.training.run_dir import (
    check_same_attributes,
    code_version,
    read_record,
    read_settings,
    save_derived_run,
)

# It takes seconds to import: functions import what needs it.
if TYPE_CHECKING:
    from train.keras_import import keras


def soup(runs: Sequence[Path], shares: Sequence[float], train: Split) -> keras.Model:
    """Return a model with the weighted mean of the runs' weights, and recalibrated BatchNorm.

    Raises ModelError if a run's model is missing or differs in shape from the first, UsageError if
    its attributes differ.
    """
    from train.network.batchnorm import recalibrate_batchnorm
    from train.training.recalibration import recalibration_batches

    check_same_attributes(runs)
    models = [load_float(run / "model.keras", len(train.attributes)) for run in runs]
    weights = [model.get_weights() for model in models]
    shapes = [[array.shape for array in arrays] for arrays in weights]
    for run, run_shapes in zip(runs, shapes, strict=True):
        if run_shapes != shapes[0]:
            raise ModelError(f"{run} is another network than {runs[0]}", "runs of one recipe")
    stacks = (np.stack(arrays) for arrays in zip(*weights, strict=True))
    models[0].set_weights([np.average(stack, axis=0, weights=shares) for stack in stacks])
    recalibrate_batchnorm(models[0], recalibration_batches(train, read_settings(runs[0])))
    return models[0]


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.soup", __doc__)
    add = parser.add_argument
    add("runs", nargs="+", type=Path, metavar="RUN", help="folders that train.fit wrote")
    add("--shares", nargs="+", type=float, metavar="S", help="weight of each run (default: equal)")
    add("--data", required=True, type=Path, help="the photos that the runs were trained on")
    add("--out", required=True, type=Path, metavar="RUN", help="folder of the new run")
    args = parser.parse_args(argv)
    shares = args.shares or [1.0] * len(args.runs)
    if len(shares) != len(args.runs) or min(shares) < 0 or not 0 < sum(shares) < math.inf:
        raise UsageError(
            f"--shares {shares}: need {len(args.runs)} numbers, none negative",
            f"--shares {' '.join(['1'] * len(args.runs))}",
        )
    if (args.out / "settings.json").exists():
        raise UsageError(f"{args.out} already holds a run", "another --out")
    record = read_record(args.runs[0])
    data, settings = read_data(args.data), read_settings(args.runs[0])
    train = select_for_run(data.splits, settings)["train"]
    train = with_all_photos(train, data, args.data, settings)
    model = soup(args.runs, shares, train)
    record["soup"] = {
        "code": code_version(),
        "shares": {run.resolve().name: share for run, share in zip(args.runs, shares, strict=True)},
    }
    if line := unreadable_line(train):
        print(line)
    save_derived_run(model, record, args.out)


if __name__ == "__main__":
    exit_with(main)
