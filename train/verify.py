"""Run a .tflite on this interpreter's TFLite runtime; train.convert calls it once per runtime.

    .venv-tflite/bin/python -m train.verify models/attributes.json crops.npy outputs.npy

Needs NumPy and a runtime, nothing else: tflite-runtime cannot share an environment with NumPy 2.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from device.cli.command import Parser, exit_with

ROOT = Path(__file__).parent.parent
# Where `make setup-train` puts tflite-runtime; it exists where a Python up to 3.11 does.
TFLITE_PYTHON = ROOT / ".venv-tflite" / "bin" / "python"


def outputs_of(python: Path | str, card: Path, crops: np.ndarray) -> tuple[str, np.ndarray] | str:
    """Return (runtime's name, outputs float32 (2, crops, attributes)), or why it could not run.

    The first outputs are those of the device, the second those without the runtime's accelerated
    kernels. python: an interpreter with a TFLite runtime. crops: uint8 (n, h, w, 3), R, G, B.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, got = Path(folder, "crops.npy"), Path(folder, "outputs.npy")
        np.save(given, crops)
        done = subprocess.run(
            [str(python), "-m", "train.verify", str(card.resolve()), str(given), str(got)],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        if done.returncode:
            return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return done.stdout.strip(), np.load(got)


def main(argv: list[str] | None = None) -> None:
    from device.attributes.model_card import MEND, read_card, read_model_bytes
    from device.tflite import Network, runtime_name

    parser = Parser("train.verify", __doc__)
    parser.add_argument("card", type=Path, help="of the model to run")
    parser.add_argument("crops", type=Path, help="uint8 (n, h, w, 3), R, G, B")
    parser.add_argument("outputs", type=Path, help="written: float32 (2, n, attributes)")
    args = parser.parse_args(argv)
    card = read_card(args.card)
    content, crops = read_model_bytes(card, args.card.parent), np.load(args.crops)
    networks = [Network(content, card.file, MEND, delegates=which) for which in (True, False)]
    np.save(args.outputs, [[one.run(crop[np.newaxis])[0][0] for crop in crops] for one in networks])
    print(runtime_name())


if __name__ == "__main__":
    exit_with(main)
