"""The training side from end to end, at a small size: fit, resume, convert, predict, evaluate."""

import csv
import json
import shutil
import sys

import cv2
import numpy as np
import pytest

from device.attributes.classifier import Classifier, calibrated
from device.errors import FacetError, ModelError, SourceError, UsageError
from device.faces.blazeface import BlazeFace
from tests.conftest import CARD, DATA, make_celeba
from train import convert, evaluate, fit, predict, soup, verify
from train.data.celeba import ATTRIBUTES, read_celeba
from train.data.crops import read_crop
from train.data.loader import Batches
from train.evaluation.model_card import _stages, group_lines
from train.keras_import import keras
from train.network.batchnorm import BATCHNORM_MOMENTUM, batchnorm_layers, recalibrate_batchnorm
from train.network.build import build, multiply_adds, set_precision
from train.network.distillation import Distiller, TeacherEnsemble
from train.network.head import Head
from train.training import phases, run_dir, trainer
from train.training.config import FitSettings

SMALL = ("--input", "32x40", "--weights", "none", "--batch", "8")
# Where any base does: MobileNetV2 takes ten times as long, most of it to be traced.
SIMPLE = (*SMALL, "--backbone", "SimpleCNN")


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_celeba(tmp_path_factory.mktemp("data") / "celeba", train=64, val=32, test=16)


@pytest.fixture(scope="module")
def run(tmp_path_factory, data):
    """A finished run of two epochs."""
    folder = tmp_path_factory.mktemp("runs") / "a"
    fit.main(["--data", str(data), "--out", str(folder), "--epochs", "2", *SMALL])
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory, run):
    """The run converted."""
    out = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        # Sixteen steps on noise make a network that blows any rounding up.
        patch.setattr(convert, "MAX_MEAN_STEPS", 256)
        convert.main([str(run), "--out", str(out)])
    return out


@pytest.fixture(scope="module")
def fitted(data):
    """A small network fitted to brightness, with recalibrated statistics; and its photos."""
    train = read_celeba(data).splits["train"]
    keras.utils.set_random_seed(0)
    model = build(40, (32, 40), "none", head=Head(dropout=0.0))
    # As they come: fifteen steps take less time than building a graph of them.
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy", run_eagerly=True)
    # One batch: its own statistics and the recalibrated ones are then of the same photos.
    batches = Batches(train, (32, 40), len(train))
    model.fit(batches, epochs=15, verbose=0)
    recalibrate_batchnorm(model, [batches[i][0] for i in range(len(batches))])
    return model, batches


def test_loss_is_the_same_in_training_and_in_inference_mode(fitted):
    model, batches = fitted
    loss = keras.losses.BinaryCrossentropy()
    crops, labels = batches[0]
    inference = float(loss(labels, model(crops, training=False)))
    training = float(loss(labels, model(crops, training=True)))
    recalibrate_batchnorm(model, [crops])  # that call has moved the statistics
    assert inference == pytest.approx(training, rel=0.03)


def test_the_lag_that_recalibration_corrects_is_real(fitted):
    # Keras's own momentum, statistics from the start: what the pilots met.
    model, batches = fitted
    lagging = keras.models.clone_model(model)
    lagging.set_weights(model.get_weights())
    for layer in batchnorm_layers(lagging):
        layer.moving_mean.assign(np.zeros(layer.moving_mean.shape))
        layer.moving_variance.assign(np.ones(layer.moving_variance.shape))
    crops, labels = batches[0]
    loss = keras.losses.BinaryCrossentropy()
    right = float(loss(labels, model(crops, training=False)))
    assert float(loss(labels, lagging(crops, training=False))) > right + 0.05


def test_every_batchnorm_has_our_momentum(fitted):
    layers = batchnorm_layers(fitted[0])
    assert len(layers) == 52
    assert {layer.momentum for layer in layers} == {BATCHNORM_MOMENTUM}


def test_bytes_are_scaled_once_and_inside_the_model(fitted):
    scale = fitted[0].get_layer("scale")
    scaled = np.asarray(scale(np.array([0.0, 127.0, 255.0])))
    np.testing.assert_allclose(scaled, [-127 / 127.5, 0, 128 / 127.5], atol=1e-6)
    assert sum(isinstance(layer, keras.layers.Rescaling) for layer in fitted[0].layers) == 1


def test_weights_that_are_none(tmp_path):
    (tmp_path / "bad.weights.h5").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"cannot get the weights .*bad.weights.h5.*--weights"):
        build(40, (32, 40), str(tmp_path / "bad.weights.h5"))


def test_going_on_from_another_runs_model(run, tmp_path):
    model = build(40, (32, 40), str(run / "model.keras"))
    before = keras.models.load_model(run / "model.keras", compile=False)
    for ours, theirs in zip(model.get_weights(), before.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ModelError, match=r"cannot continue from .*model.keras"):
        build(3, (32, 40), str(run / "model.keras"))


def test_the_card_records_the_runs_that_led_to_it_without_their_folders(run, tmp_path):
    settings = FitSettings(weights=str(run / "model.keras"), epochs=7)
    run_dir.save_settings(tmp_path, settings, tmp_path / "celeba", {"train": 1, "val": 1})
    record = convert.without_paths(run_dir.read_record(tmp_path))
    assert record["settings"]["weights"] == "model.keras" and record["settings"]["epochs"] == 7
    assert record["continued_from"]["settings"]["epochs"] == 2
    assert str(tmp_path) not in json.dumps(record) and str(run) not in json.dumps(record)


def test_warm_up_then_cosine():
    settings = FitSettings(learning_rate=1.0, warmup=0.1)
    (phase,) = phases.phases(settings)
    rate = phases.learning_rate(phase, settings, 100)
    values = [float(rate(step)) for step in (0, 5, 10, 55, 100)]
    np.testing.assert_allclose(values, [0, 0.5, 1, 0.5, 0], atol=1e-6)


def test_a_run_keeps_its_recipe(run, data):
    record = json.loads((run / "settings.json").read_text())
    assert record["settings"]["epochs"] == 2 and record["settings"]["input"] == [32, 40]
    assert record["settings"]["seed"] == 1 and record["photos"] == {"train": 64, "val": 32}
    assert record["code"] and record["data"] == str(data)
    assert [row[0] for row in rows(run / "history.csv")] == ["epoch", "0", "1"]
    assert list((run / "tensorboard").rglob("events*"))
    assert not (run / "backup").exists()


def test_a_finished_run_is_not_overwritten(run, data):
    with pytest.raises(UsageError, match=r"already holds a run.*--resume"):
        fit.main(["--data", str(data), "--out", str(run), *SMALL])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files left open
def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path, data, monkeypatch):
    arguments = ["--data", str(data), "--out", str(tmp_path / "r"), "--epochs", "3", *SIMPLE]

    class PowerCut(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    # Stands between the run's own callbacks, where the power may fail.
    monkeypatch.setattr(trainer, "EpochStart", lambda batches: PowerCut())
    with pytest.raises(KeyboardInterrupt):
        fit.main(arguments)
    monkeypatch.undo()
    assert not (tmp_path / "r" / "model.keras").exists()
    settings = run_dir.read_settings(tmp_path / "r")
    splits = read_celeba(data).splits
    steps, rates = [], []

    class Recorder(trainer.EpochStart):
        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            steps.append(int(self.model.optimizer.iterations))

        def on_train_end(self, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    monkeypatch.setattr(trainer, "EpochStart", Recorder)
    trainer.fit(splits["train"], splits["val"], tmp_path / "r", settings)
    assert [row[0] for row in rows(tmp_path / "r" / "history.csv")] == ["epoch", "0", "1", "2"]
    # The optimizer went on too: 8 steps an epoch, and the learning rate has come down to zero.
    assert steps == [16] and rates == [pytest.approx(0, abs=1e-7)]
    fit.main([*arguments, "--resume"])  # says that the run is complete, and leaves it alone


def test_a_student_learns_from_labels_and_its_teachers_opinion_of_the_same_crop(run, data):
    train = read_celeba(data).splits["train"]
    crops, labels = Batches(train, (64, 80), 4)[0]
    teacher = keras.models.load_model(run / "model.keras", compile=False)
    student = build(40, (32, 40), "none")
    small = keras.ops.image.resize(crops.astype(np.float32), (40, 32), antialias=True)
    said = teacher.predict(small, verbose=0)
    np.testing.assert_allclose(TeacherEnsemble([teacher, teacher])(crops), said, atol=1e-5)
    student_and_teacher = Distiller(student, TeacherEnsemble([teacher]), 0.75)
    student_and_teacher.compile(keras.optimizers.SGD(0.0), loss="binary_crossentropy")
    predicted = student_and_teacher(crops)
    np.testing.assert_allclose(predicted, student(small), atol=1e-5)

    def loss(against):
        return float(np.mean(keras.losses.binary_crossentropy(against, predicted)))

    def measured(training):
        return float(student_and_teacher.compute_loss(crops, labels, predicted, training=training))

    assert measured(True) == pytest.approx(loss(0.25 * labels + 0.75 * said), rel=1e-4)
    assert measured(False) == pytest.approx(loss(labels), rel=1e-4)
    before = teacher.get_weights()
    student_and_teacher.fit(crops, labels, verbose=0)
    for weight, old in zip(teacher.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_a_view_without_teachers_leaves_the_labels_alone(run):
    student = keras.models.load_model(run / "model.keras", compile=False)
    height, width = student.input_shape[1:3]
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 255, (4, 2 * height, 2 * width, 3), np.uint8)
    labels = rng.integers(0, 2, (4, student.output_shape[-1])).astype(np.float32)
    alone = Distiller(student, TeacherEnsemble([]), 0.0)
    alone.compile(loss="binary_crossentropy")
    said = alone(crops)
    plain = keras.ops.mean(keras.losses.binary_crossentropy(labels, said))
    loss = alone.compute_loss(x=crops, y=labels, y_pred=said, training=True)
    assert float(loss) == pytest.approx(float(plain), rel=1e-5)


def test_teachers_that_cannot_be_read_are_named(run, data, tmp_path):
    with pytest.raises(ModelError, match="no float model"):
        trainer.distiller(
            build(40, (32, 40), "none"), FitSettings(teacher=(str(tmp_path / "gone.keras"),))
        )


def test_another_precision_leaves_float32_weights_and_probabilities(data):
    model = keras.models.load_model(CARD.with_suffix(".keras"), compile=False)
    _, height, width, _ = model.input_shape
    crops = Batches(read_celeba(data).splits["train"], (width, height), 4)[0][0]
    exact = model.predict(crops, verbose=0)
    set_precision(model, "mixed_bfloat16")
    assert {weight.dtype for weight in model.weights} == {"float32"}
    near = keras.Model(model.input, model.output).predict(crops, verbose=0)
    assert near.dtype == np.float32
    assert np.abs(near - exact).max() > 0 and np.abs(near - exact).mean() < 0.02
    set_precision(model, "float32")
    again = keras.Model(model.input, model.output).predict(crops, verbose=0)
    np.testing.assert_array_equal(again, exact)


def test_a_shorter_network_goes_on_from_a_longer_one(tmp_path, data):
    out, whole = tmp_path / "short", str(tmp_path / "whole.keras")
    longer = build(40, (32, 40), "none", backbone="SimpleCNN")
    longer.save(whole)
    short = ["--last-layer", "drop2", "--weights", whole, "--teacher", whole]
    where = ["--data", str(data), "--out", str(out), "--epochs", "1", "--ema", "0.9"]
    fit.main([*where, *SIMPLE, *short])
    student = keras.models.load_model(out / "model.keras")
    assert student.count_params() < 0.4 * longer.count_params()
    started = build(40, (48, 64), whole, last_layer="drop2", backbone="SimpleCNN")
    ours, theirs = (
        model.get_layer("simple_cnn").get_layer("conv2").get_weights()[0]
        for model in (started, longer)
    )
    np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ModelError, match=r"no layer 'block_13_expand_rely'.*block_13_expand"):
        build(40, (32, 40), "none", last_layer="block_13_expand_rely")


def test_the_running_mean_of_the_weights_is_what_is_kept(tmp_path, data):
    splits = read_celeba(data).splits
    plain = {"weights": "none", "input": (32, 40), "backbone": "SimpleCNN"}
    settings = FitSettings(**plain, epochs=1, batch=8, ema=0.999999)
    kept = trainer.fit(splits["train"], splits["val"], tmp_path, settings)
    keras.utils.set_random_seed(settings.seed)
    # With such a momentum the mean hardly leaves the start, whatever the steps did.
    start = trainer.build_network(settings, 40).get_layer("attributes").get_weights()[0]
    np.testing.assert_allclose(kept.get_layer("attributes").get_weights()[0], start, atol=1e-4)


def test_a_soup_is_the_mean_of_its_runs_weights_with_recalibrated_statistics(run, data, tmp_path):
    other, out = tmp_path / "other", tmp_path / "soup"
    shutil.copytree(run, other)
    moved = keras.models.load_model(run / "model.keras", compile=False)
    moved.set_weights([1.01 * one for one in moved.get_weights()])
    moved.save(other / "model.keras")
    both = [str(other), str(run), "--shares", "3", "1", "--data", str(data), "--out", str(out)]
    soup.main(both)
    mean, a, b = (
        keras.models.load_model(folder / "model.keras").get_layer("attributes").get_weights()[0]
        for folder in (out, other, run)
    )
    np.testing.assert_allclose(mean, 0.75 * a + 0.25 * b, atol=1e-6)
    (*_, last) = _stages(run_dir.read_record(out))
    assert last.startswith("- the mean of the weights of these runs")
    with pytest.raises(UsageError, match="already holds a run"):
        soup.main(both)
    with pytest.raises(UsageError, match="need 2 numbers"):
        soup.main([*both[:-1], str(tmp_path / "c"), "--shares", "1"])
    # Another attribute would not average; neither does another depth.
    short = tmp_path / "short"
    shutil.copytree(run, short)
    build(40, (32, 40), "none", last_layer="block_13_expand_relu").save(short / "model.keras")
    with pytest.raises(ModelError, match="another network than"):
        soup.main([str(run), str(short), "--data", str(data), "--out", str(tmp_path / "d")])


def test_resume_without_a_run(tmp_path, data):
    with pytest.raises(UsageError, match="no run in"):
        fit.main(["--data", str(data), "--out", str(tmp_path / "none"), "--resume"])


@pytest.mark.parametrize(
    "flags", [["--epochs", "0"], ["--batch", "-1"], ["--input", "12x9"], ["--ema", "1"]]
)
def test_impossible_flags(tmp_path, data, flags):
    with pytest.raises(UsageError):
        fit.main(["--data", str(data), "--out", str(tmp_path / "r"), *flags])


def test_conversion_leaves_model_card_and_text(models):
    assert {p.name for p in models.iterdir()} == {
        "attributes.tflite",
        "attributes.json",
        "MODEL_CARD.md",
    }
    card = Classifier(models / "attributes.json").card
    assert card.names == ATTRIBUTES and card.crop_wh == (32, 40)
    sections = {"val", "test", "bytes", "multiply_adds", "hardest", "groups"}
    assert set(card.measured) == sections and card.measured["test"]["photos"] == 16
    assert card.measured["bytes"] == (models / "attributes.tflite").stat().st_size
    assert {row["group"] for row in card.measured["groups"]["CelebA"]} >= {"men", "women"}
    assert "data" in card.training and str(models.parent.parent) not in card.to_json()
    text = (models / "MODEL_CARD.md").read_text()
    assert "non-commercial" in text and "mean AUC" in text


def test_multiply_adds_are_those_of_the_paper():
    model = build(40, (224, 224), "none")
    # Sandler et al. (2018), table 4: 300 million, of which 1.28 are a head of 1,000 classes.
    assert multiply_adds(model) == pytest.approx(300e6, rel=0.01)


def test_the_text_names_the_groups_with_most_errors():
    def row(group, people, error):
        return {
            "group": group,
            "attribute": "Male",
            "people": people,
            "error": error,
            "low": error / 2,
            "high": error * 2,
        }

    rows = [row("all", 100, 0.1), row("old", 30, 0.2), row("young", 60, 0.05), row("few", 3, 1.0)]
    (sentence,) = [line for line in group_lines({"UTKFace": rows}) if line.startswith("- ")]
    assert "10.0 % (5.0 to 20.0) overall" in sentence and "most for old 20.0 %" in sentence
    assert "least for young 5.0 %" in sentence and "few" not in sentence


def test_a_conversion_that_fails_leaves_the_old_model(tmp_path, run, monkeypatch):
    (tmp_path / "attributes.tflite").write_bytes(b"old")
    monkeypatch.setattr(verify, "outputs_of", lambda *_: "it crashed")
    with pytest.raises(FacetError, match=r"does not run with .*: it crashed"):
        convert.main([str(run), "--out", str(tmp_path)])
    assert [p.name for p in tmp_path.iterdir()] == ["attributes.tflite"]
    assert (tmp_path / "attributes.tflite").read_bytes() == b"old"


def test_a_model_of_another_run_is_replaced_only_with_overwrite(tmp_path, run, models, monkeypatch):
    monkeypatch.setattr(convert, "convert", lambda *_: [])  # what it does is tested above
    for name in ("attributes.json", "attributes.tflite"):
        shutil.copy(models / name, tmp_path)
    arguments = [str(run), "--out", str(tmp_path)]
    convert.main(arguments)  # the same run: converted again
    card = tmp_path / "attributes.json"
    shutil.copy(CARD, card)
    with pytest.raises(UsageError, match=r"is a model of another run than .*--overwrite") as error:
        convert.main(arguments)
    assert "\n" not in str(error.value) and card.read_bytes() == CARD.read_bytes()
    convert.main([*arguments, "--name", "mine"])
    card.write_text("{")  # of unknown origin
    with pytest.raises(UsageError, match="another run"):
        convert.main(arguments)
    convert.main([*arguments, "--overwrite"])


def test_a_model_goes_to_its_runs_folder_by_default(run, monkeypatch):
    folders = []
    monkeypatch.setattr(convert, "convert", lambda run, data, out, *_: folders.append(out) or [])
    convert.main([str(run)])
    assert folders == [run / "models"]


def test_converting_what_is_no_run(tmp_path):
    with pytest.raises(UsageError, match="no run in"):
        convert.main([str(tmp_path), "--out", str(tmp_path / "out")])


def test_predictions_for_aligned_photos(tmp_path, models, run, data, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("000001.jpg", "000002.jpg"):
        shutil.copy(data / "img_align_celeba" / name, folder)
    (folder / "000003.jpg").write_bytes((folder / "000001.jpg").read_bytes()[:500])
    card = str(models / "attributes.json")
    found = {}
    for kind, extra in {"int8": [], "float": ["--float", str(run / "model.keras")]}.items():
        out = tmp_path / f"{kind}.csv"
        predict.main(["--model", card, "--images", str(folder), "--out", str(out), *extra])
        header, *written = rows(out)
        assert header == ["image_id", *ATTRIBUTES]
        assert [row[0] for row in written] == ["000001.jpg", "000002.jpg"]
        found[kind] = np.array([row[1:] for row in written], float)
    assert "000003.jpg" in capsys.readouterr().err
    classifier = Classifier(card)
    crops = [read_crop(folder / name, (32, 40)) for name in ("000001.jpg", "000002.jpg")]
    int8 = [classifier.classify(np.ascontiguousarray(crop)) for crop in crops]
    np.testing.assert_allclose(found["int8"], int8, atol=1e-6)
    model = keras.models.load_model(run / "model.keras", compile=False)
    raw = np.asarray(model(np.stack(crops).astype(np.float32)))
    slope, offset = (classifier.card.values(field) for field in ("slope", "offset"))
    np.testing.assert_allclose(found["float"], calibrated(raw, slope, offset), atol=1e-4)


def test_predicting_nothing(tmp_path):
    with pytest.raises(SourceError, match="no readable photo"):
        predict.main(["--images", str(tmp_path), "--out", str(tmp_path / "a.csv")])


def test_a_float_model_that_is_none(tmp_path, data):
    (tmp_path / "bad.keras").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"bad.keras is not a Keras model"):
        evaluate.main(["scores", "--data", str(data), "--float", str(tmp_path / "bad.keras")])


def test_evaluation_reproduces_the_cards_figures(tmp_path, models, run, data, capsys):
    card = str(models / "attributes.json")
    measured = json.loads((models / "attributes.json").read_text())["measured"]["test"]
    for kind, extra in {"int8": [], "float": ["--float", str(run / "model.keras")]}.items():
        out = tmp_path / kind
        evaluate.main(["scores", "--model", card, "--data", str(data), "--out", str(out), *extra])
        report = json.loads((out / "report.json").read_text())
        for key in ("accuracy", "balanced_accuracy", "macro_f1", "mean_auc"):
            assert report["means"][key] == pytest.approx(measured[kind][key], abs=1e-4)
        assert f"mean accuracy {report['means']['accuracy']:.4f}" in capsys.readouterr().out
        assert len(report["attributes"]) == 40 and "support" in report["attributes"][0]
    assert cv2.imread(str(out / "attributes.png")).shape[0] > 800
    assert len(list((out / "attributes").glob("*.png"))) == 40


@pytest.mark.parametrize("card", sorted(CARD.parent.glob("*.json")), ids=lambda path: path.stem)
def test_every_committed_model_runs_alike_on_every_runtime(card, astronaut, admiral):
    classifier = Classifier(card)
    crops = []
    for picture in (astronaut, admiral):
        (face,) = BlazeFace().detect(picture)
        crops.append(classifier.crop(picture, face.landmarks))
    runtime, outputs = verify.outputs_of(sys.executable, card, np.stack(crops))
    assert runtime.startswith("ai-edge-litert")
    np.testing.assert_allclose(outputs[0], [classifier.raw(crop) for crop in crops], atol=1e-6)
    if not verify.TFLITE_PYTHON.exists():
        pytest.skip("no tflite-runtime: it needs Python 3.11, see `make setup-train`")
    runtime, others = verify.outputs_of(verify.TFLITE_PYTHON, card, np.stack(crops))
    assert runtime == "tflite-runtime 2.14.0"
    np.testing.assert_array_equal(others[1], outputs[1])
    assert np.abs(others - outputs).mean() <= convert.MAX_MEAN_STEPS / 256


@pytest.mark.data
def test_the_committed_models_figures_are_reproduced(tmp_path):
    evaluate.main(["scores", "--data", str(DATA / "celeba"), "--out", str(tmp_path)])
    report = json.loads((tmp_path / "report.json").read_text())
    measured = json.loads(CARD.read_text())["measured"]["test"]["int8"]
    for key in ("accuracy", "balanced_accuracy", "macro_f1", "mean_auc"):
        assert report["means"][key] == pytest.approx(measured[key], abs=2e-3)
