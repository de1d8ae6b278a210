"""Convert a Keras model to a float32 .tflite, for comparison with the int8 one.

    python -m train.quantize models/attributes.keras --float out/float.tflite

Input: float32, 0..255. `device.bench --baseline` runs it; `train.convert` makes the int8 model.
"""

import shlex
from pathlib import Path

from device.cli.command import Parser, exit_with, pasteable
from device.errors import UsageError
from device.files import write_atomic
from train.network.load import load_float
from train.network.quantize import to_float_tflite


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.quantize", __doc__)
    parser.add_argument("model", type=Path, metavar="FILE.keras")
    parser.add_argument("--float", required=True, type=Path, metavar="OUT.tflite")
    args = parser.parse_args(argv)
    content = to_float_tflite(load_float(args.model))
    try:
        write_atomic(args.float, content)
    except OSError as error:
        raise UsageError(
            f"cannot write {args.float}: {error.strerror}",
            "--float in a writable folder",
        ) from error
    command = shlex.join(["python", "-m", "device.bench", "--baseline", str(args.float)])
    print(pasteable(f"saved {args.float}; next: {command}"))


if __name__ == "__main__":
    exit_with(main)
