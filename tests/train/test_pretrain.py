"""train.pretrain: what a base learns from, the file of its weights, resuming, and errors."""

import csv
import errno
import json
import shlex
import shutil

import numpy as np
import pytest

from device.errors import FacetError, ModelError, UsageError
from train import fit, pretrain
from train.data.celeba import ATTRIBUTES
from train.data.split import UNKNOWN, Split
from train.keras_import import keras
from train.network import backbones
from train.network.build import backbone_of, build
from train.network.distillation import TeacherEnsemble
from train.training import trainer
from train.training.run_dir import read_record, run_attributes

SMALL = ("--input", "32x40", "--batch", "16", "--limit", "32", "--epochs", "1")


def save_teacher(path, changed=()):
    """Save a teacher of 40 attributes with a random head; `changed` outputs differ."""
    keras.utils.set_random_seed(5)
    model = build(40, (32, 40), "none", backbone="SimpleCNN")
    head = model.get_layer("attributes")
    kernel, bias = head.get_weights()
    bias = np.random.default_rng(0).normal(size=bias.shape)
    bias[list(changed)] += 3
    head.set_weights([kernel, bias])
    model.save(path)
    return str(path)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    return save_teacher(tmp_path_factory.mktemp("teacher") / "teacher.keras")


def flags(out, data, teacher, *more, base="SimpleCNN", without=("Smiling",)):
    always = [base, "--data", str(data), "--out", str(out), "--teacher", teacher]
    return [*always, "--without", *without, *SMALL, *more]


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory, data, teacher):
    """The file of a pretrained base; tests only read it."""
    out = tmp_path_factory.mktemp("runs") / "base.weights.h5"
    pretrain.main(flags(out, data, teacher))
    return out


def weights_of(file):
    base = backbones.find_backbone("SimpleCNN")
    return backbones.build_backbone(base, (32, 40), str(file)).get_weights()


def history(run):
    with (run / "history.csv").open(newline="") as file:
        return [(int(row["epoch"]), float(row["loss"])) for row in csv.DictReader(file)]


@pytest.mark.slow
def test_neither_the_attribute_left_out_nor_a_label_has_an_influence(tmp_path, data, pretrained):
    folder = shutil.copytree(data, tmp_path / "data")
    table = folder / "list_attr_celeba.txt"
    count, names, *rows = table.read_text().splitlines()
    cells = [row.split() for row in rows]
    for row in cells:  # all labels are the opposite
        row[1:] = [str(-int(label)) for label in row[1:]]
    table.write_text("\n".join([count, names, *map(" ".join, cells)]) + "\n")
    for changed, same in (("Smiling", True), ("Young", False)):
        other = save_teacher(tmp_path / f"{changed}.keras", [ATTRIBUTES.index(changed)])
        out = tmp_path / f"{changed}.weights.h5"
        pretrain.main(flags(out, folder, other))
        pairs = zip(weights_of(out), weights_of(pretrained), strict=True)
        assert all(np.allclose(ours, theirs, atol=1e-6) for ours, theirs in pairs) == same


def test_the_run_beside_the_file_names_what_it_left_out(pretrained):
    run = pretrain.run_folder(pretrained)
    record = read_record(run)
    assert record["settings"]["without"] == ["Smiling"]
    assert run_attributes(record) == tuple(name for name in ATTRIBUTES if name != "Smiling")
    assert record["settings"]["teacher_share"] == 1 and record["settings"]["recipe"] == "pretrain"
    model = keras.models.load_model(run / "model.keras", compile=False)
    assert model.output_shape[-1] == 39
    for ours, theirs in zip(weights_of(pretrained), backbone_of(model).get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_fit_starts_from_the_file(tmp_path, data, pretrained):
    losses = []
    for name, weights in (("pretrained", str(pretrained)), ("scratch", "none")):
        if weights == "none":
            weights = str(tmp_path / "scratch.weights.h5")
            keras.utils.set_random_seed(1)
            backbone_of(build(1, (32, 40), "none", backbone="SimpleCNN")).save_weights(weights)
        out = tmp_path / name
        words = ["--backbone", "SimpleCNN", "--weights", weights, "--attributes", "Smiling"]
        words += ["--data", str(data), "--out", str(out), "--unfreeze", "none", *SMALL]
        fit.main(words)
        losses += [loss for _, loss in history(out)]
    assert abs(losses[0] - losses[1]) > 1e-4


def test_the_next_command_is_one_of_fit(tmp_path, data, teacher, capsys):
    out = tmp_path / "my base.weights.h5"
    pretrain.main(flags(out, data, teacher, without=("Male", "No_Beard")))
    line = capsys.readouterr().out.splitlines()[-1]
    words = shlex.split(line.partition("next: ")[2])
    assert words[0].endswith("python") and words[1:3] == ["-m", "train.fit"]
    settings = fit.settings_of(fit.parse(words[3:]))
    assert (settings.backbone, settings.weights) == ("SimpleCNN", str(out))
    assert settings.attributes == ("Male",) and settings.input == (32, 40)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files left open
def test_an_interrupted_run_goes_on_and_a_full_disk_loses_nothing(
    tmp_path, data, teacher, monkeypatch
):
    out = tmp_path / "base.weights.h5"
    run = pretrain.run_folder(out)
    two = flags(out, data, teacher, "--epochs", "2")

    class PowerCut(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "EpochStart", lambda batches: PowerCut())
    with pytest.raises(KeyboardInterrupt):
        pretrain.main(two)
    monkeypatch.undo()
    assert not out.exists()
    with pytest.raises(UsageError, match=r"already holds a run. Try: --resume"):
        pretrain.main(two)
    with pytest.raises(UsageError, match="is a run of SimpleCNN"):
        pretrain.main([*flags(out, data, teacher, base="VGG16"), "--resume"])
    with pytest.raises(UsageError, match="leaves out Smiling"):
        pretrain.main([*flags(out, data, teacher, without=("Male",)), "--resume"])

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    resume = ["SimpleCNN", "--data", str(data), "--out", str(out), "--resume"]
    monkeypatch.setattr(backbones, "save_weights", full)
    with pytest.raises(FacetError, match=r"cannot write .*No space left.*add --resume"):
        pretrain.main(resume)
    monkeypatch.undo()
    assert [epoch for epoch, _ in history(run)] == [0, 1] and not out.exists()
    pretrain.main(resume)
    assert out.exists() and len(weights_of(out)) == 8
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "base.weights.h5"]


@pytest.mark.parametrize(
    "words, error, message",
    [
        (["--out", "a.h5"], UsageError, r"--out a\.h5 does not end in .*--out NAME\.weights\.h5"),
        (["--out", ".weights.h5"], UsageError, "does not end in"),
        (["--without", "Smiling"], UsageError, "no teacher. Try: --teacher models/"),
        (["--teacher", "TEACHER"], UsageError, "no attribute to leave out. Try: --without Smil"),
        (["--teacher", "gone.keras", "--without"], UsageError, "no teacher gone.keras"),
        (["--teacher", "TEACHER", "--without", "Smilin"], UsageError, "no such attr.*Try: Smiling"),
        (["--teacher", "TEACHER", "--without", *ATTRIBUTES], UsageError, "no attribute is left"),
        (["--teacher", "text.keras", "--without"], ModelError, "text.keras is not a Keras model"),
        (["--teacher", "two.keras", "--without"], ModelError, "nothing names the 2 attributes"),
        (["--resume"], UsageError, "no run in"),
    ],
    ids=range(10),
)
def test_what_is_refused(tmp_path, monkeypatch, data, teacher, words, error, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.keras").write_text("no model")
    if "two.keras" in words:
        build(2, (32, 40), "none", backbone="SimpleCNN").save(tmp_path / "two.keras")
    words = [teacher if word == "TEACHER" else word for word in words]
    with pytest.raises(error, match=message) as fault:
        pretrain.main(["SimpleCNN", "--data", str(data), "--out", "a.weights.h5", *words])
    assert "\n" not in str(fault.value) and not (tmp_path / "a").exists()


def test_an_unknown_base_and_an_existing_file(tmp_path, data, teacher):
    out = tmp_path / "a.weights.h5"
    with pytest.raises(UsageError, match=r"no backbone 'ResNet5'.*Try: ResNet50"):
        pretrain.main(flags(out, data, teacher, base="ResNet5"))
    out.touch()
    with pytest.raises(UsageError, match=r"already exists. Try: another --out"):
        pretrain.main(flags(out, data, teacher))


def test_settings_are_those_of_the_recipe_and_of_the_base(tmp_path, data, teacher, capsys):
    out = ["--data", "d", "--out", str(tmp_path / "a.weights.h5"), "--teacher", teacher]
    settings = {
        base: pretrain.settings_of(pretrain.parse([base, *out, "--without", *more]))
        for base, more in (("ResNet50", []), ("VGG19", []), ("VGG16", ["--learning-rate", "1"]))
    }
    rates = [one.learning_rate for one in settings.values()]
    assert rates == [1e-3, 1e-4, 1] and settings["VGG19"].backbone == "VGG19"
    assert settings["ResNet50"].input == (64, 80) and settings["ResNet50"].weights == "none"
    with pytest.raises(SystemExit):
        pretrain.parse(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "default 64x80" in text and "default 12" in text and "default 128x160" not in text


@pytest.mark.parametrize(
    "heights, input_wh, expected",
    [
        ([(144, 180)], (64, 80), (144, 180)),
        ([(96, 120), (144, 180)], (96, 118), (146, 180)),  # 180 * 96 / 118 = 146.4
        ([(144, 180)], (144, 180), None),
        ([(96, 120)], (128, 160), None),
    ],
    ids=range(4),
)
def test_crops_are_as_high_as_the_highest_teachers(heights, input_wh, expected):
    inputs = [keras.Input((height, width, 3)) for width, height in heights]
    teachers = [keras.Model(one, keras.layers.GlobalAveragePooling2D()(one)) for one in inputs]
    assert pretrain.teacher_input(TeacherEnsemble(teachers), input_wh) == expected


def test_correlated_attributes_are_found_where_both_are_known():
    # Columns: left out; the same but for an unknown one; its opposite; independent of it; constant.
    labels = [[0, 0, 1, 0, 1], [0, 0, 1, 1, 1], [1, 1, 0, 0, 1], [1, 1, 0, 1, 1]]
    labels.append([1, UNKNOWN, 1, 0, 1])
    names = ("Smiling", "same", "opposite", "independent", "constant")
    split = Split("train", (), np.array(labels, np.uint8), names)
    found = pretrain.correlated(split, ("Smiling", "Bald"))
    # phi of the opposite: 5 photos, 3 and 3 positives, 1 both: (1/5 - 9/25) / (6/25) = -2/3
    assert found == {"same": pytest.approx(1), "opposite": pytest.approx(-2 / 3)}
    assert list(pretrain.correlated(split, ("Smiling", "same"))) == ["opposite"]
    assert pretrain.correlated(split, ()) == {}


@pytest.mark.slow
@pytest.mark.parametrize("base", ["ResNet50", "ResNeXt50", "MobileNetV2", "VGG19", "InceptionV3"])
def test_every_base_is_pretrained_and_loads(base, tmp_path, data, teacher):
    out = tmp_path / "b.weights.h5"
    size = ("--input", "80x80") if base == "InceptionV3" else ()
    pretrain.main(flags(out, data, teacher, "--limit", "8", "--batch", "8", *size, base=base))
    width, height = (80, 80) if size else (32, 40)
    loaded = backbones.build_backbone(backbones.find_backbone(base), (width, height), str(out))
    model = keras.models.load_model(pretrain.run_folder(out) / "model.keras", compile=False)
    for ours, theirs in zip(loaded.get_weights(), backbone_of(model).get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    record = json.loads((pretrain.run_folder(out) / "settings.json").read_text())
    assert record["settings"]["backbone"] == base
