"""EfficientNet-Lite by compound scaling: the tables of Google's release."""

import pytest

from device.errors import ModelError
from train.network.backbones import find_backbone
from train.network.efficientnet_lite import (
    BASE_STAGES,
    EfficientNetLite2,
    EfficientNetLite3,
    scaled_stages,
)


def test_no_scaling_gives_the_base():
    assert scaled_stages(width=1.0, depth=1.0) == BASE_STAGES


@pytest.mark.parametrize(
    "width, depth, blocks, channels",
    [
        (1.1, 1.2, (1, 3, 3, 4, 4, 5, 1), (16, 24, 48, 88, 120, 208, 352)),
        (1.2, 1.4, (1, 3, 3, 5, 5, 6, 1), (24, 32, 48, 96, 136, 232, 384)),
    ],
)
def test_stages_are_those_of_the_release(width, depth, blocks, channels):
    stages = scaled_stages(width, depth)
    assert tuple(stage.blocks for stage in stages) == blocks
    assert tuple(stage.channels for stage in stages) == channels


@pytest.mark.parametrize(
    "build, millions, name",
    [
        (EfficientNetLite2, 6.1, "efficientnet_lite2"),
        pytest.param(EfficientNetLite3, 8.2, "efficientnet_lite3", marks=pytest.mark.slow),
    ],
)
def test_parameters_are_those_of_the_release_with_its_classes(build, millions, name):
    """Liu (2020) counts the dense layer of 1,000 classes too, and no BatchNorm statistics."""
    model = build((64, 64, 3))
    trained = sum(int(weight.shape.num_elements()) for weight in model.trainable_weights)
    assert (trained + 1281 * 1000) / 1e6 == pytest.approx(millions, abs=0.06)
    assert model.name == name and model.output_shape == (None, 2, 2, 1280)
    assert find_backbone(build.__name__).layer == name


@pytest.mark.parametrize("build", [EfficientNetLite2, EfficientNetLite3])
def test_no_top_and_no_weights_to_download(build):
    with pytest.raises(ModelError, match=f"{build.__name__} has no top"):
        build((64, 64, 3), include_top=True)
    with pytest.raises(ModelError, match="takes its weights as a file"):
        build((64, 64, 3), weights="imagenet")
