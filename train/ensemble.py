"""Combine several models into one: the mean of their log-odds.

    python -m train.ensemble runs/face runs/soup --out runs/both --data ../shared/data/celeba

A few seconds; train.convert makes an int8 model of it as of any other run. Different models make
different errors, so their mean is better than each; its cost is the sum of theirs. The input has
the first member's size and is resized for the others; the last layers are merged into one over all
features, so that int8 rounds nothing between the members and the mean.
Source: Lakshminarayanan et al. (2017), Deep Ensembles.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from device.cli.command import Parser, exit_with
from device.errors import ModelError, UsageError
from train.network.load import load_float
from train.training.run_dir import (
    check_same_attributes,
    code_version,
    read_record,
    save_derived_run,
)

# It takes seconds to import: functions import what needs it.
if TYPE_CHECKING:
    from train.keras_import import keras


def ensemble(members: Sequence[keras.Model]) -> keras.Model:
    """Return a model whose log-odds are the mean of the members'.

    members: from train.network.build.build, with crops of the same aspect ratio. Raises ModelError
    if one has other attributes or another aspect ratio than the first, or does not end in a sigmoid
    per attribute.
    """
    from train.keras_import import keras

    _, height, width, _ = members[0].input_shape
    crop = keras.Input((height, width, 3), name="crop")
    features, kernels, biases = [], [], []
    for number, member in enumerate(members, 1):
        _, own_height, own_width, _ = member.input_shape
        if (
            member.output_shape != members[0].output_shape
            or abs(own_width * height - own_height * width) > own_height
        ):
            raise ModelError(
                f"member {number} has input {own_width}x{own_height} and {member.output_shape[-1]} "
                f"attributes, the first {width}x{height} and {members[0].output_shape[-1]}",
                "runs with the same aspect ratio, such as 144x180 and 128x160",
            )
        head = member.get_layer("attributes")
        if member.layers[-1] is not head:
            raise ModelError(
                f"member {number} has a softmax output, need a sigmoid per attribute",
                "train it with --output sigmoid",
            )
        resized = crop
        if (own_height, own_width) != (height, width):
            resized = keras.layers.Resizing(own_height, own_width, name=f"resize_{number}")(crop)
        trunk = keras.Model(member.input, head.input, name=f"member_{number}")
        features.append(trunk(resized))
        kernel, bias = head.get_weights()
        kernels.append(kernel / len(members))
        biases.append(bias / len(members))
    merged = keras.layers.Dense(len(biases[0]), activation="sigmoid", name="attributes")
    outputs = merged(keras.layers.Concatenate(name="features")(features))
    merged.set_weights([np.concatenate(kernels), np.sum(biases, axis=0)])
    return keras.Model(crop, outputs, name="facet")


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.ensemble", __doc__)
    add = parser.add_argument
    add("runs", nargs="+", type=Path, metavar="RUN", help="folders that train.fit wrote")
    add("--data", required=True, type=Path, help="CelebA's folder, for train.convert")
    add("--out", required=True, type=Path, metavar="RUN", help="folder of the ensemble")
    args = parser.parse_args(argv)
    if (args.out / "settings.json").exists():
        raise UsageError(f"{args.out} already holds a run", "another --out")
    records = [read_record(run) for run in args.runs]
    check_same_attributes(args.runs)
    model = ensemble([load_float(run / "model.keras") for run in args.runs])
    record = records[0] | {
        "data": str(args.data),
        "ensemble": {
            "code": code_version(),
            "members": {
                run.resolve().name: {k: v for k, v in member.items() if k != "data"}
                for run, member in zip(args.runs, records, strict=True)
            },
        },
    }
    save_derived_run(model, record, args.out)


if __name__ == "__main__":
    exit_with(main)
