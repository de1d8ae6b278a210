"""Every recipe from end to end at a small size, on real photos where there are some."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from device.cli.flags import flags_of
from device.config import merge, settings_of
from device.errors import UsageError
from tests.conftest import DATA, ROOT, make_celeba
from tests.train.conftest import empty_splits
from train import fit, recipe
from train.data.augment import Augmentation
from train.keras_import import keras
from train.network.backbones import build_backbone, find_backbone
from train.training.config import FitSettings, from_scratch, from_scratch_line
from train.training.phases import phases
from train.training.recipe import (
    RECIPES,
    as_toml,
    markdown,
    no_augmentation,
    read_recipe,
    recipe_names,
)
from train.training.run_dir import read_settings, save_settings

SMALL = ["--limit", "8", "--batch", "8", "--epochs", "1"]
# The least that the base takes, px.
INPUT = {"InceptionV3": "80x80"}
# The quickest; the ways of the others have tests of their own in test_phases.py.
QUICK = ("smile-simple-cnn-augmented",)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A small CelebA: of real photos where there are some."""
    root = tmp_path_factory.mktemp("data") / "celeba"
    if not (DATA / "celeba").is_dir():
        return make_celeba(root, train=64, val=32, test=32)
    real, kept = DATA / "celeba", {}
    with (real / "list_eval_partition.txt").open() as partition:
        for name, split in map(str.split, partition):
            kept.setdefault(split, []).append(name)
    names = {name: split for split, many in kept.items() for name in many[:100]}
    (root / "img_align_celeba").mkdir(parents=True)
    for name in names:
        (root / "img_align_celeba" / name).symlink_to(real.resolve() / "img_align_celeba" / name)
    _, header, *rows = (real / "list_attr_celeba.txt").read_text().splitlines()
    rows = [row for row in rows if row.split()[0] in names]
    (root / "list_attr_celeba.txt").write_text("\n".join([str(len(rows)), header, *rows]) + "\n")
    pairs = "".join(f"{name} {split}\n" for name, split in names.items())
    (root / "list_eval_partition.txt").write_text(pairs)
    return root


@pytest.fixture(scope="module")
def further(tmp_path_factory):
    """Photos as those that a recipe's --more names, which nobody has by themselves."""
    return make_celeba(tmp_path_factory.mktemp("more") / "celeba", train=16, val=4, test=4)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Return a function from a base to a file of its weights: random ones, whose format counts."""
    folder = tmp_path_factory.mktemp("weights")

    def saved(backbone: str) -> str:
        path = folder / f"{backbone}.weights.h5"
        if not path.exists():
            size = INPUT.get(backbone, "32x40").split("x")
            build_backbone(
                find_backbone(backbone), (int(size[0]), int(size[1])), "none"
            ).save_weights(path)
        return str(path)

    return saved


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow)
        for name in recipe_names()
    ],
)
def test_a_recipe_runs_from_end_to_end(name, photos, further, weights, tmp_path):
    settings = read_recipe(name)
    run = tmp_path / "runs" / "r"
    flags = ["--data", str(photos), "--out", str(run), "--recipe", name, *SMALL]
    flags += ["--input", INPUT.get(settings.backbone, "32x40"), "--teacher"]
    if settings.weights != "none":
        flags += ["--weights", weights(settings.backbone)]
    if settings.more:
        flags += ["--more", str(further)]
    if settings.frozen_epochs:
        flags += ["--frozen-epochs", "1"]
    fit.main(flags)
    model = keras.models.load_model(run / "model.keras", compile=False)
    width, height = read_settings(run).input
    bytes_in = np.random.default_rng(0).integers(0, 256, (2, height, width, 3)).astype(np.float32)
    out = np.asarray(model(bytes_in))
    assert out.shape == (2, len(settings.attributes) or 40)
    assert out.min() >= 0 and out.max() <= 1 and np.isfinite(out).all()
    with (run / "history.csv").open(newline="") as file:
        epochs = [int(row["epoch"]) for row in csv.DictReader(file)]
    assert epochs == list(range(1 + (settings.frozen_epochs > 0)))
    record = json.loads((run / "settings.json").read_text())
    assert record["settings"]["recipe"] == name and record["settings"]["epochs"] == 1
    assert (run.parent / "features").is_dir() == settings.bottleneck


def test_a_recipe_as_toml_is_read_back(tmp_path):
    for name in recipe_names():
        file = tmp_path / f"{name}.toml"
        file.write_text(as_toml(read_recipe(name)))
        assert read_recipe(str(file)) == read_recipe(name)


def test_the_page_in_docs_is_the_generated_one(capsys):
    committed = (ROOT / "docs" / "training-settings.md").read_text()
    command = "python -m train.recipe --markdown > docs/training-settings.md"
    assert committed == markdown(), command
    recipe.main(["--markdown"])
    assert capsys.readouterr().out == committed


def test_the_page_has_every_setting_and_every_flag():
    rows = re.findall(r"^\| `(\w+)` \|", markdown(), re.MULTILINE)
    documented = [*settings_of(FitSettings), *settings_of(Augmentation)]
    assert ["recipe", *rows] == documented  # a recipe is named as its file
    for flag in flags_of(FitSettings):
        assert f"`{flag.name}" in markdown() and flag.first.help


def test_the_default_recipe_is_the_default_settings():
    plain = read_recipe("attributes-base")
    assert plain.about and FitSettings(about=plain.about) == plain


@pytest.mark.parametrize("name", ["attributes", "attributes-face2"])
def test_the_recipe_of_a_shipped_model_has_its_settings(name):
    large = json.loads((ROOT / "models" / "attributes-large.json").read_text())["training"]
    trained = json.loads((ROOT / "models" / "attributes.json").read_text())["training"]
    if name == "attributes-face2":
        trained = large["ensemble"]["members"]["face2"]
    settings = json.loads(msgspec.json.encode(read_recipe(name)))
    # A setting that is newer than the card had its default.
    settings_then = json.loads(msgspec.json.encode(merge(FitSettings(), trained["settings"], "")))
    # Where it was trained, and where its files lay.
    other = {"recipe", "about", "precision", "workers", "weights", "teacher", "more"}
    assert [Path(folder).name for folder in settings["more"]] == settings_then["more"]
    for key in trained["settings"].keys() - other:
        assert settings[key] == settings_then[key], key
    teachers = [Path(file).stem for file in settings["teacher"]]
    assert len(teachers) == len(trained["settings"]["teacher"])


def test_resnext50_starts_from_the_file_that_its_comment_makes():
    text = (RECIPES / "attributes-resnext50.toml").read_text()
    assert f"--out {read_recipe('attributes-resnext50').weights}\n" in text
    assert "python -m train.pretrain ResNeXt50" in text


def test_missing_teachers_are_named_before_the_photos_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no models/, no runs/
    arguments = ["--data", str(tmp_path / "none"), "--out", str(tmp_path / "r")]
    message = r"no teacher runs/lite3/model.keras, .*recipes/attributes.toml"
    with pytest.raises(UsageError, match=message) as error:
        fit.main([*arguments, "--recipe", "attributes"])
    assert "--teacher" in str(error.value) and not (tmp_path / "r").exists()


# The backbone, then for each phase: epochs, optimizer, rate, what learns, cached features.
SGD, RMSPROP = ("sgd", 1e-4), ("rmsprop", 1e-4)
ANCESTORS = {
    "smile-simple-cnn": ("SimpleCNN", (20, "rmsprop", 1e-3, "all", False)),
    "smile-simple-cnn-augmented": ("SimpleCNN", (20, "rmsprop", 1e-3, "all", False)),
    "smile-vgg19-frozen": ("VGG19", (20, *SGD, "none", False)),
    "smile-vgg19-bottleneck": ("VGG19", (50, *SGD, "none", True)),
    "smile-vgg19-finetuned": (
        "VGG19",
        (50, *SGD, "none", True),
        (5, *SGD, "block5_conv1", False),
    ),
    "smile-mobilenetv2-frozen": ("MobileNetV2", (20, *RMSPROP, "none", False)),
    "smile-mobilenetv2-bottleneck": ("MobileNetV2", (50, *RMSPROP, "none", True)),
    "smile-mobilenetv2-finetuned": (
        "MobileNetV2",
        (50, *RMSPROP, "none", True),
        (5, *SGD, "block_16_expand", False),
    ),
    "smile-inceptionv3-bottleneck": ("InceptionV3", (50, *RMSPROP, "none", True)),
    "smile-inceptionv3": ("InceptionV3", (8, "adamw", 1e-4, "all", False)),
    "smile-resnet50-as-given": ("ResNet50", (20, "adam", 1e-2, "all", False)),
    "smile-resnet50": ("ResNet50", (20, "adam", 1e-3, "all", False)),
    "smile-resnet50-scratch": ("ResNet50", (15, "adam", 1e-3, "all", False)),
    "smile-vgg19-scratch": ("VGG19", (30, "adam", 1e-4, "all", False)),
    "gender-resnet50": (
        "ResNet50",
        (3, "adam", 1e-3, "none", False),
        (5, "adam", 1e-4, "all", False),
    ),
    "gender-resnet50-deep": (
        "ResNet50",
        (3, "adam", 1e-3, "none", False),
        (5, "adam", 1e-4, "all", False),
    ),
    "attributes-resnext50": (
        "ResNeXt50",
        (2, "adam", 1e-3, "none", False),
        (5, "adamw", 3e-4, "all", False),
    ),
}
# Facet's own methods, and the plain CNN that Facet had before the capstone's.
OWN = {"smile-mobilenetv2", "gender-mobilenetv2", "smile-flatten-cnn", "smile-vgg19-whole"}


@pytest.mark.parametrize("name", ANCESTORS)
def test_an_ancestors_recipe_trains_as_the_ancestor_did(name):
    settings = read_recipe(name)
    backbone, *expected = ANCESTORS[name]
    found = [
        (phase.last - phase.first, phase.optimizer, phase.learning_rate, phase.unfreeze)
        for phase in phases(settings)
    ]
    assert settings.backbone == backbone
    assert found == [tuple(phase[:4]) for phase in expected]
    assert [phase.bottleneck for phase in phases(settings)] == [phase[4] for phase in expected]


def test_every_recipe_of_one_attribute_is_an_ancestors_or_named_as_facets_own():
    studies = {name for name in recipe_names() if name.startswith(("smile-", "gender-"))}
    assert studies == (set(ANCESTORS) | OWN) - {"attributes-resnext50"}


@pytest.mark.parametrize("name", ANCESTORS)
def test_an_ancestors_recipe_shifts_zooms_and_mirrors_at_most(name):
    augmentation = read_recipe(name).augmentation
    plain = msgspec.structs.replace(augmentation, shift=0.0, zoom=0.0, flip=0.0)
    assert plain == no_augmentation()
    moved = (augmentation.shift, augmentation.zoom, augmentation.flip)
    assert moved in ((0, 0, 0), (0, 0, 0.5), (0.2, 0.2, 0.5))
    assert (moved[0] > 0) == name.endswith(("-augmented", "-frozen", "-finetuned"))


def test_the_capstones_head_and_photos():
    simple = read_recipe("smile-simple-cnn")
    assert simple.attributes == ("Smiling",) and simple.balanced == (10_000, 2_500, 2_500)
    assert (simple.pooling, simple.dense, simple.output) == ("average", (), "softmax")
    assert (simple.dropout, simple.weights) == (0.25, "none")


@pytest.mark.parametrize("name", ["smile-resnet50-scratch", "smile-vgg19-scratch"])
def test_recipes_from_scratch_warm_up(name):
    settings = read_recipe(name)
    assert (settings.weights, settings.schedule, settings.early_stopping) == ("none", "cosine", "")
    assert settings.warmup == 0.05 and settings.input == (64, 80)
    own = "own" if name == "smile-resnet50-scratch" else "signed"
    assert settings.preprocessing == own


def test_without_weights_nothing_is_frozen_and_no_epoch_is_lost():
    weighted = read_recipe("smile-vgg19-finetuned")
    assert from_scratch(weighted) == weighted and from_scratch_line(weighted) == ""
    scratch = FitSettings(weights="none", frozen_epochs=3, unfreeze="none", bottleneck=True)
    (phase,) = phases(scratch)
    assert (phase.unfreeze, phase.bottleneck, phase.first, phase.last) == ("all", False, 0, 8)
    line = "weights none: nothing is frozen, the whole network trains for 8 epochs"
    assert from_scratch_line(scratch) == line + ", 3 of them instead of the frozen ones"
    no_phase = msgspec.structs.replace(scratch, frozen_epochs=0, epochs=8)
    assert from_scratch_line(no_phase) == line
    assert from_scratch_line(FitSettings(weights="none")) == ""


def test_published_weights_take_their_own_preprocessing():
    flags = ["--data", "d", "--out", "o", "--recipe", "smile-vgg19-scratch"]
    with pytest.raises(UsageError, match=r"weights imagenet expect .*own, or --weights none"):
        fit.settings_of(fit.parse([*flags, "--weights", "imagenet"]))
    given = fit.settings_of(fit.parse([*flags, "--weights", "a.weights.h5"]))
    assert given.preprocessing == "signed"


@pytest.mark.parametrize(
    "line, message",
    [
        ('backbon = "VGG19"', r"unknown setting backbon.*backbone"),
        ("epochs = 0", "odd.toml: epochs = 0, need 1 to 100000"),
        ('epochs = "five"', "epochs = 'five', need a whole number"),
        ('optimizer = "adem"', "optimizer = 'adem' is unknown. Try: adam"),
        ('early_stopping = "val_los"', "'val_los' is unknown. Try: val_loss"),
        ("input = [128]", r"input = \[128\], need 2 whole numbers, such as"),
        ("teacher_input = [128, 31]", r"teacher_input = \[128, 31\], need each 32 to"),
        ("dense = [4, 0]", r"dense = \[4, 0\], need each 1 to"),
        ("balanced = [10, 4]", r"balanced = \[10, 4\], need three counts"),
        ("bottleneck = true\nteacher = ['t.keras']", "teachers need crops.*--no-bottleneck"),
        ('distribute = "workers"\nbottleneck = true', "need a single computer.*gpus"),
        ('balanced = [10, 4, 4]\nattributes = ["Male", "Young"]', "balanced needs one attribute"),
        ('extends = "smile-simpel-cnn"', r"no recipe .*.*smile-simple-cnn"),
        ('extends = "odd.toml"', "extends itself"),
        ("[augmentation]\nflipp = 1", r"unknown setting flipp.*flip"),
        ("[augmentation]\nflip = -1", "flip = -1, need 0 to 1"),
        ("[augmentation]\nlow_resolution = 0.5", "need at least 1 with low_resolution"),
        ("[augmentatoin]\nflip = 1", r"unknown \[augmentatoin\]. Try: augmentation"),
        ("augmentation = 3", r"\[augmentation\] = 3, need a table"),
    ],
)
def test_a_recipe_with_a_slip(tmp_path, monkeypatch, line, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd.toml").write_text(line + "\n")
    with pytest.raises(UsageError, match=message):
        read_recipe("odd.toml")


def test_a_recipe_extends_a_file_beside_it(tmp_path):
    (tmp_path / "a.toml").write_text('extends = "smile-simple-cnn"\nepochs = 7\n')
    (tmp_path / "b.toml").write_text('extends = "a.toml"\nbatch = 9\n')
    settings = read_recipe(str(tmp_path / "b.toml"))
    assert (settings.backbone, settings.epochs, settings.batch) == ("SimpleCNN", 7, 9)
    assert settings.recipe == "b"


def test_flags_go_before_the_recipe():
    flags = ["--data", "d", "--out", "o", "--recipe", "smile-simple-cnn"]
    more = ["--epochs", "7", "--input", "40x50", "--augment", "flip=1", "--dense", "8", "4"]
    settings = fit.settings_of(fit.parse([*flags, *more]))
    assert (settings.epochs, settings.input, settings.dense) == (7, (40, 50), (8, 4))
    assert settings.augmentation.flip == 1 and settings.augmentation.zoom == 0
    assert settings.optimizer == "rmsprop"
    for slip, message in (
        ("flp=1", "--augment unknown setting flp. Try: flip"),
        ("flip=2", "--augment flip = 2.0, need 0 to 1"),
        ("x", "--augment x: expected KEY=NUMBER. Try: --augment flip=0"),
    ):
        with pytest.raises(UsageError, match=message):
            fit.settings_of(fit.parse([*flags, "--augment", slip]))


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--dropout", "2"], "--dropout 2.0, need 0 to 0.95"),
        (["--input", "31x40"], r"--input \(31, 40\), need each 32 to"),
        (["--input", "40"], "--input: expected WxH"),
        (["--mixup", "0.6"], "--mixup 0.6, need 0 to 0.5"),
        (["--optimizer", "adem"], "--optimizer 'adem' is unknown. Try: adam"),
        (["--balanced", "10", "4", "4"], "command line: balanced needs one attribute, got all"),
    ],
)
def test_a_flag_with_a_wrong_value(flags, message):
    with pytest.raises(UsageError, match=message):
        fit.settings_of(fit.parse(["--data", "d", "--out", "o", *flags]))


def test_flags_add_to_the_augmentation():
    flags = ["--data", "d", "--out", "o", "--mixup", "0.2", "--augment", "flip=0"]
    settings = fit.settings_of(fit.parse([*flags, "--teacher", "--teacher-input", "64x80"]))
    assert settings.augmentation == Augmentation(mixup=0.2, flip=0)
    assert settings.teacher_input == (64, 80)


def test_help_and_recipes_do_not_load_keras():
    loaded = "any(name in sys.modules for name in ('keras', 'tensorflow'))"
    code = f"import sys, train.fit, train.recipe; sys.exit({loaded})"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_a_resumed_run_keeps_its_settings(tmp_path, caplog):
    kept = FitSettings(epochs=3, workers=1, teacher_input=(64, 80), attributes=("Bald", "Male"))
    save_settings(tmp_path, kept, tmp_path, empty_splits())
    assert read_settings(tmp_path) == kept
    flags = ["--data", "d", "--out", str(tmp_path), "--resume", "--epochs", "9", "--mixup", "0.1"]
    with caplog.at_level("INFO", "facet"):
        assert fit.settings_of(fit.parse([*flags, "--workers", "4"])) == msgspec.structs.replace(
            kept, workers=4
        )
    assert caplog.messages == [
        "--resume keeps the run's epochs: 3, not 9",
        "--resume keeps the run's mixup: 0.0, not 0.1",
    ]
    path = tmp_path / "settings.json"
    path.write_text(path.read_text().replace('"backbone"', '"backbon"'))
    with pytest.raises(UsageError, match=r"settings.json: unknown setting backbon. Try: backbone"):
        read_settings(tmp_path)


def test_a_run_of_another_recipe_is_not_gone_on_with(tmp_path, photos):
    run = tmp_path / "r"
    data = ["--data", str(photos), "--out", str(run)]
    simple = [*data, "--recipe", "smile-simple-cnn"]
    fit.main([*simple, *SMALL, "--input", "32x40"])
    with pytest.raises(UsageError, match="a run of the recipe smile-simple-cnn, not of smile-vgg"):
        fit.main([*data, "--resume", "--recipe", "smile-vgg19-frozen"])
    fit.main([*simple, "--resume"])  # the same: it is complete


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--backbone", "ResNet5"], "no backbone 'ResNet5'.*Try: ResNet50"),
        (["--backbone", "8"], "no backbone '8'.*one of .*MobileNetV2.*VGG19"),
        (["--attributes", "Smilling"], r"no attribute 'Smilling'.*Smiling"),
        (["--recipe", "smile-vgg"], "no recipe 'smile-vgg'.*smile-vgg19"),
    ],
)
def test_what_does_not_exist(tmp_path, photos, flags, message):
    with pytest.raises(UsageError, match=message):
        fit.main(["--data", str(photos), "--out", str(tmp_path / "r"), *flags])
    assert not (tmp_path / "r").exists()
