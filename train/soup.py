"""Average the weights of runs that led one to another: a model soup.

    python -m train.soup runs/student runs/more runs/attributes --shares 0.6 0.2 0.2 \\
        --data ../shared/data/celeba --out runs/soup

A minute. Weights that were fine-tuned from each other lie in one valley, and their mean is often
better than each. BatchNorm's statistics do not average, and are settled anew. OUT then holds
model.keras and the first run's settings.json with the shares added, ready for train.convert.
Source: Wortsman et al. (2022), Model soups.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from device.cli.command import Parser, exit_with
from device.errors import ModelError, UsageError
from train.celeba import Split
from train.data.layouts import read_data
from train.data.select import selected
from train.engine import keras
from train.fitting.loop import settling_crops
from train.fitting.run_folder import code_version, read_record, read_settings, save_made
from train.measuring.outputs import load_float
from train.network.models import settle_batchnorm


def soup(runs: Sequence[Path], shares: Sequence[float], train: Split) -> keras.Model:
    """Return a model with the weighted mean of the runs' weights, and settled BatchNorm.

    Raises ModelError where a run's model is missing or of another shape than the first.
    """
    models = [load_float(run / "model.keras", len(train.attributes)) for run in runs]
    weights = [model.get_weights() for model in models]
    shapes = [[one.shape for one in own] for own in weights]
    for run, own in zip(runs, shapes, strict=True):
        if own != shapes[0]:
            raise ModelError(f"{run} is another network than {runs[0]}", "Name runs of one recipe")
    layers = zip(*weights, strict=True)
    models[0].set_weights([np.average(np.stack(one), axis=0, weights=shares) for one in layers])
    settle_batchnorm(models[0], settling_crops(train, read_settings(runs[0])))
    return models[0]


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.soup", __doc__)
    add = parser.add_argument
    add("runs", nargs="+", type=Path, metavar="RUN", help="folders that train.fit left")
    add("--shares", nargs="+", type=float, metavar="S", help="of each run (default: equal)")
    add("--data", required=True, type=Path, help="the photos that the runs were trained on")
    add("--out", required=True, type=Path, metavar="RUN", help="folder of the mean")
    args = parser.parse_args(argv)
    shares = args.shares or [1.0] * len(args.runs)
    if len(shares) != len(args.runs) or min(shares) < 0 or not sum(shares) > 0:
        raise UsageError(f"--shares {shares}: need {len(args.runs)} numbers, none below 0")
    if (args.out / "settings.json").exists():
        raise UsageError(f"{args.out} holds a run already", "Name another --out")
    record = read_record(args.runs[0])
    train = selected(read_data(args.data).splits, read_settings(args.runs[0]))["train"]
    model = soup(args.runs, shares, train)
    record["soup"] = {
        "code": code_version(),
        "shares": {run.resolve().name: share for run, share in zip(args.runs, shares, strict=True)},
    }
    save_made(model, record, args.out)


if __name__ == "__main__":
    exit_with(main)
