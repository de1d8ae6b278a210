"""Run a .tflite with this interpreter's TFLite runtime; train.convert does so for each runtime.

    .venv-tflite/bin/python -m train.verify models/attributes.json crops.npy outputs.npy

Needs only NumPy and a runtime: tflite-runtime cannot share an environment with NumPy 2.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from device.cli.command import Parser, exit_with

ROOT = Path(__file__).parent.parent
REINSTALL_RUNTIME = "rm -rf .venv-tflite && make setup-dev"
# `make setup-dev` installs tflite-runtime here if there is a Python 3.11.
TFLITE_PYTHON = ROOT / ".venv-tflite" / "bin" / "python"


def outputs_of(python: Path | str, card: Path, crops: np.ndarray) -> tuple[str, np.ndarray] | str:
    """Return (runtime's name, outputs float32 (2, crops, attributes)), or an error message.

    outputs[0] is as on the device, outputs[1] without the runtime's accelerated kernels. python: an
    interpreter with a TFLite runtime. crops: uint8 (n, h, w, 3) RGB.
    """
    with tempfile.TemporaryDirectory() as folder:
        crops_file, outputs_file = Path(folder, "crops.npy"), Path(folder, "outputs.npy")
        np.save(crops_file, crops)
        files = (str(card.resolve()), str(crops_file), str(outputs_file))
        process = subprocess.run(
            [str(python), "-m", "train.verify", *files],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        if process.returncode:
            lines = process.stderr.strip().splitlines()
            return (lines or [f"exit code {process.returncode}"])[-1]
        return process.stdout.strip(), np.load(outputs_file)


def verified_lines(card_path: Path, crops: np.ndarray, float_: np.ndarray) -> list[str]:
    """Return lines on int8 against float and on each runtime, for train.convert.

    crops: uint8 (n, h, w, 3) RGB; float_: the float model's raw outputs for them, (n, attributes).
    Raises FacetError if a runtime fails or gives wrong outputs.
    """
    from device.attributes.model_card import read_card
    from device.errors import FacetError
    from train.evaluation.agreement import compare_outputs

    pythons = [Path(sys.executable)]
    missing = []
    if TFLITE_PYTHON.exists():
        pythons.append(TFLITE_PYTHON)
    else:
        missing = ["tflite-runtime: not installed, not verified"]
    results = []
    for python in pythons:
        result = outputs_of(python, card_path, crops)
        if isinstance(result, str):
            raise FacetError(
                f"the converted model does not run with {python}: {result}", REINSTALL_RUNTIME
            )
        results.append(result)
    check_outputs(results, float_)
    card, ((reference, (default, plain)), *rest) = read_card(card_path), results
    lines = [
        f"{reference}, int8 against float on {len(crops)} validation photos: "
        f"{compare_outputs(card, default, float_)}"
    ]
    for runtime, outputs in rest:
        lines.append(
            f"{runtime} against {reference}: {compare_outputs(card, outputs[0], default)}; without "
            f"XNNPACK, which rounds differently: {compare_outputs(card, outputs[1], plain)}"
        )
    return [*missing, *lines]


def check_outputs(results: list[tuple[str, np.ndarray]], float_: np.ndarray) -> None:
    """Raise FacetError if a runtime's outputs are no rounding of the float model's."""
    from device.errors import FacetError
    from train.evaluation.agreement import is_wrong

    every = [(runtime, raw) for runtime, outputs in results for raw in outputs]
    nearest = min((raw for _, raw in every), key=lambda raw: float(np.abs(raw - float_).mean()))
    for runtime, raw in every:
        if is_wrong(raw, nearest, float_):
            raise FacetError(
                f"{runtime} computes the model wrongly: its outputs differ from the float model's "
                f"by {np.abs(raw - float_).mean():.2f} on average, another runtime's by "
                f"{np.abs(nearest - float_).mean():.2f}",
                REINSTALL_RUNTIME,
            )


def main(argv: list[str] | None = None) -> None:
    from device.attributes.model_card import model_hint, read_card, read_model_bytes
    from device.tflite import Network, runtime_name
    from train.data.arrays import read_array
    from train.data.split import DataError

    parser = Parser("train.verify", __doc__)
    parser.add_argument("card", type=Path, help="card of the model to run")
    parser.add_argument("crops", type=Path, help="uint8 (n, h, w, 3) RGB")
    parser.add_argument("outputs", type=Path, help="written: float32 (2, n, attributes)")
    args = parser.parse_args(argv)
    card = read_card(args.card)
    content, crops = read_model_bytes(card, args.card.parent), read_array(args.crops, "a .npy file")
    if crops.shape[1:] != (*card.crop_wh[::-1], 3) or crops.dtype != np.uint8:
        needed = f"uint8 (n, {card.crop_wh[1]}, {card.crop_wh[0]}, 3)"
        raise DataError(f"{args.crops} has {crops.dtype} {crops.shape}", needed)
    hint = model_hint(args.card)
    networks = [Network(content, card.file, hint, delegates=on) for on in (True, False)]
    np.save(args.outputs, [[net.run(crop[np.newaxis])[0][0] for crop in crops] for net in networks])
    print(runtime_name())


if __name__ == "__main__":
    exit_with(main)
