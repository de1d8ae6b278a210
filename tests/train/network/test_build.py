"""Any base with its own preprocessing, once and inside the model; heads; what is frozen."""

import sys

import numpy as np
import pytest

from device.errors import ModelError, UsageError
from train.keras_import import keras
from train.network import efficientnet_lite, resnext, simple_cnn
from train.network.backbones import backbone_names, find_backbone
from train.network.batchnorm import batchnorm_layers
from train.network.build import (
    backbone_of,
    build,
    freeze,
    head_layers,
    head_of,
    multiply_adds,
)
from train.network.head import Head
from train.network.preprocess import probe_preprocessing

SIZE = (32, 40)


def library_preprocessing(name):
    """Return what the library itself does to bytes for a base."""
    if name in ("SimpleCNN", "FlattenCNN"):
        return simple_cnn.preprocess_input
    if name.startswith("EfficientNetLite"):
        return efficientnet_lite.preprocess_input
    if name == "ResNeXt50":
        return resnext.preprocess_input
    return sys.modules[getattr(keras.applications, name).__module__].preprocess_input


@pytest.mark.parametrize("name", backbone_names())
def test_every_base_sees_what_its_own_preprocessing_gives(name):
    crop = keras.Input((4, 5, 3))
    ours = keras.Model(crop, find_backbone(name).preprocessing.apply(crop))
    rgb = np.random.default_rng(1).integers(0, 256, (2, 4, 5, 3)).astype(np.float32)
    theirs = np.asarray(library_preprocessing(name)(rgb.copy()))
    # A whole byte as zero moves the ones scaled to -1..1 by half a step of 255.
    np.testing.assert_allclose(np.asarray(ours(rgb)), theirs, rtol=1e-5, atol=0.5 / 127.5 + 1e-4)


@pytest.mark.parametrize(
    "name", ["VGG19", "SimpleCNN", pytest.param("ResNeXt50", marks=pytest.mark.slow)]
)
def test_preprocessing_is_applied_once_and_inside_the_exported_model(name, tmp_path):
    keras.utils.set_random_seed(0)
    build(1, SIZE, "none", backbone=name).save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras", compile=False)
    rgb = np.random.default_rng(1).integers(0, 256, (1, SIZE[1], SIZE[0], 3)).astype(np.float32)
    # The network behind the preprocessing, fed what the library's own makes of the bytes.
    once = np.asarray(library_preprocessing(name)(rgb.copy()), np.float32)
    twice = np.asarray(library_preprocessing(name)(once.copy()), np.float32)
    bare = keras.Sequential([backbone_of(model), model.get_layer("pool")])
    seen = np.asarray(keras.Model(model.input, model.get_layer("pool").output)(rgb))
    largest = np.abs(seen).max()
    np.testing.assert_allclose(seen, np.asarray(bare(once)), rtol=0, atol=1e-3 * largest)
    assert np.abs(seen - np.asarray(bare(twice))).max() > 1e-2 * largest


def test_a_signed_input_is_minus_1_to_1_in_rgb_order():
    signed = build(1, SIZE, "none", backbone="SimpleCNN", preprocessing="signed")
    rgb = np.random.default_rng(1).integers(0, 256, (1, SIZE[1], SIZE[0], 3)).astype(np.float32)
    bare = keras.Sequential([backbone_of(signed), *signed.layers[-3:]])
    scaled = (rgb - 127) / 127.5  # 127 and not 127.5: a whole byte is zero
    np.testing.assert_allclose(np.asarray(signed(rgb)), np.asarray(bare(scaled)), rtol=1e-5)
    assert np.abs(np.asarray(signed(rgb)) - np.asarray(bare(rgb / 255))).max() > 1e-4


def test_a_preprocessing_that_is_none():
    with pytest.raises(ValueError, match="no factor and offset"):
        probe_preprocessing(lambda rgb: rgb**2)


@pytest.mark.parametrize("pooling, features", [("average", 128), ("flatten", 2 * 2 * 128)])
def test_heads(pooling, features):
    head = Head(pooling, (16, 8), "softmax", 0.5)
    model = build(3, SIZE, "none", backbone="SimpleCNN", head=head)
    assert model.get_layer("pool").output.shape == (None, features)
    shapes = [model.get_layer(n).kernel.shape for n in ("dense_1", "dense_2", "attributes")]
    assert [tuple(shape) for shape in shapes] == [(features, 16), (16, 8), (8, 6)]
    assert model.get_layer("dropout_2").rate == 0.5
    crops = np.random.default_rng(0).uniform(0, 255, (2, SIZE[1], SIZE[0], 3)).astype(np.float32)
    to_logits = keras.Model(model.input, model.get_layer("attributes").output)
    no, yes = np.moveaxis(np.asarray(to_logits(crops)).reshape(2, 3, 2), -1, 0)
    np.testing.assert_allclose(np.asarray(model(crops)), 1 / (1 + np.exp(no - yes)), atol=1e-5)


def test_the_head_alone_gives_what_the_model_gives():
    model = build(2, SIZE, "none", backbone="SimpleCNN", head=Head(dense=(8,)))
    crops = np.random.default_rng(0).uniform(0, 255, (2, SIZE[1], SIZE[0], 3)).astype(np.float32)
    features = keras.Model(model.input, model.get_layer("pool").output)(crops)
    head = head_of(model)
    np.testing.assert_allclose(np.asarray(head(features)), np.asarray(model(crops)), atol=1e-6)


def test_what_is_frozen_does_not_learn_and_keeps_its_statistics():
    model = build(1, SIZE, "none")
    base = backbone_of(model)
    freeze(model, "none")
    assert len(model.trainable_weights) == 2  # the head's
    freeze(model, "block_16_expand")
    learns = {layer.name for layer in base.layers if layer.trainable}
    assert "block_16_expand" in learns and "block_15_project" not in learns
    (first, *_) = batchnorm_layers(model)
    before = keras.ops.convert_to_numpy(first.moving_mean)
    model(np.full((2, SIZE[1], SIZE[0], 3), 200, np.float32), training=True)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(first.moving_mean), before)
    freeze(model, "all")
    model(np.full((2, SIZE[1], SIZE[0], 3), 200, np.float32), training=True)
    assert np.abs(keras.ops.convert_to_numpy(first.moving_mean) - before).max() > 0
    with pytest.raises(UsageError, match=r"no layer 'block_16_expnd'\..*block_16_expand"):
        freeze(model, "block_16_expnd")


def test_the_plain_cnn_is_the_capstones():
    model = build(1, (128, 160), "none", backbone="SimpleCNN", head=Head(output="softmax"))
    block = ["Conv2D", "MaxPooling2D"]
    kinds = [type(layer).__name__ for layer in backbone_of(model).layers[1:]]
    assert kinds == [*block, *block, "Dropout", *block, *block]
    kinds = [type(layer).__name__ for layer in (model.get_layer("pool"), *head_layers(model))]
    assert kinds[:3] == ["GlobalAveragePooling2D", "Dropout", "Dense"]
    filters = [backbone_of(model).get_layer(f"conv{number}").filters for number in (1, 2, 3, 4)]
    assert filters == [16, 32, 64, 128]
    # Kernels of 3x3 and biases: 448 + 4,640 + 18,496 + 73,856, and the head's 258, at any input.
    assert model.count_params() == 97_698


def test_resnext50_is_the_papers():
    model = build(1000, (224, 224), "none", backbone="ResNeXt50", head=Head(dropout=0))
    # Xie et al. (2017), table 1: 25.0 million parameters, 4.2 billion multiply-adds.
    assert model.count_params() == pytest.approx(25.0e6, rel=0.01)
    assert multiply_adds(model) == pytest.approx(4.2e9, rel=0.02)
    assert backbone_of(model).get_layer("conv3_block1_2_conv").groups == 32


def test_separable_convolutions_count():
    # Chollet (2017): 8.4 billion multiply-adds at 299.
    model = build(1000, (299, 299), "none", backbone="Xception")
    assert multiply_adds(model) == pytest.approx(8.4e9, rel=0.02)


@pytest.mark.slow
def test_weights_that_keras_has_not():
    for weights, reason in (("imagenet", "none are published"), ("x.weights.h5", "no such file")):
        with pytest.raises(ModelError, match=f"of ResNeXt50: {reason}") as error:
            build(1, SIZE, weights, backbone="ResNeXt50")
        assert "train.pretrain ResNeXt50" in str(error.value) and "--weights none" in str(
            error.value
        )
    with pytest.raises(ModelError, match=r"InceptionV3 does not take crops of 32x40.*--input"):
        build(1, SIZE, "none", backbone="InceptionV3")
