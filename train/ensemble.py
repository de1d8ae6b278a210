"""Make one model of several unlike ones: the mean of their log-odds.

    python -m train.ensemble runs/face runs/soup --out runs/both --data ../shared/data/celeba

A few seconds; train.convert makes an int8 model of it as of any other run. Unlike models err in
different places, so that their mean is better than each; it costs what they cost together. The
members see the crop at the first one's size, each resized to its own; their last layers become one
over all their features, and so nothing is rounded between them and the mean.
Source: Lakshminarayanan et al. (2017), Deep Ensembles.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from device.cli.command import Parser, exit_with
from device.errors import ModelError, UsageError
from train.engine import keras
from train.fitting.run_folder import code_version, read_record, save_made
from train.measuring.outputs import load_float


def ensemble(members: Sequence[keras.Model]) -> keras.Model:
    """Return a model whose log-odds are the mean of the members'.

    members: as train.network.models.build makes them, with crops of one shape if not size. Raises
    ModelError where one differs in its attributes or its crop's shape from the first, or ends in
    something else than a sigmoid for each attribute.
    """
    _, height, width, _ = members[0].input_shape
    crop = keras.Input((height, width, 3), name="crop")
    features, kernels, biases = [], [], []
    for number, member in enumerate(members, 1):
        _, high, wide, _ = member.input_shape
        if (
            member.output_shape != members[0].output_shape
            or abs(wide * height - high * width) > high
        ):
            raise ModelError(
                f"member {number} takes {wide}x{high} and tells {member.output_shape[-1]} "
                f"attributes, the first {width}x{height} and {members[0].output_shape[-1]}",
                "Name runs whose crops have one shape, such as 144x180 and 128x160.",
            )
        head = member.get_layer("attributes")
        if member.layers[-1] is not head:
            raise ModelError(
                f"member {number} tells yes and no of an attribute, not the odds of yes alone",
                "Train it with --output sigmoid.",
            )
        seen = crop
        if (high, wide) != (height, width):
            seen = keras.layers.Resizing(high, wide, name=f"resize_{number}")(crop)
        trunk = keras.Model(member.input, head.input, name=f"member_{number}")
        features.append(trunk(seen))
        kernel, bias = head.get_weights()
        kernels.append(kernel / len(members))
        biases.append(bias / len(members))
    outputs = keras.layers.Dense(len(biases[0]), activation="sigmoid", name="attributes")
    told = outputs(keras.layers.Concatenate(name="features")(features))
    outputs.set_weights([np.concatenate(kernels), np.sum(biases, axis=0)])
    return keras.Model(crop, told, name="facet")


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.ensemble", __doc__)
    add = parser.add_argument
    add("runs", nargs="+", type=Path, metavar="RUN", help="folders that train.fit left")
    add("--data", required=True, type=Path, help="CelebA's folder, for train.convert")
    add("--out", required=True, type=Path, metavar="RUN", help="folder of the ensemble")
    args = parser.parse_args(argv)
    if (args.out / "settings.json").exists():
        raise UsageError(f"{args.out} holds a run already", "Name another --out")
    records = [read_record(run) for run in args.runs]
    model = ensemble([load_float(run / "model.keras") for run in args.runs])
    record = records[0] | {
        "data": str(args.data),
        "ensemble": {
            "code": code_version(),
            "members": {
                run.resolve().name: {key: value for key, value in one.items() if key != "data"}
                for run, one in zip(args.runs, records, strict=True)
            },
        },
    }
    save_made(model, record, args.out)


if __name__ == "__main__":
    exit_with(main)
