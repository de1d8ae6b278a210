"""What a run learns from: early stopping, --limit, --balanced, --more, photos of a resumed run."""

import json
import shutil
import warnings

import numpy as np
import pytest

from device.errors import ModelError, UsageError
from tests.conftest import ROOT, make_celeba
from tests.train.conftest import SIMPLE
from train import fit
from train.convert import without_paths
from train.data.select import select_for_run
from train.data.split import DataError, Split, fingerprint
from train.training import trainer
from train.training.config import METRICS, FitSettings, check_early_stopping
from train.training.distributed import Cluster
from train.training.run_dir import (
    check_same_photos,
    read_record,
    read_settings,
    save_resumed,
    save_settings,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_celeba(tmp_path_factory.mktemp("data") / "celeba", train=16, val=8, test=8)


@pytest.mark.parametrize("metric", ["", *METRICS])
@pytest.mark.parametrize("photos", [0, 1])
def test_early_stopping_on_validation_photos_needs_some(metric, photos):
    settings = FitSettings(early_stopping=metric)
    if photos or not metric.startswith("val_"):
        check_early_stopping(settings, photos)
        return
    with pytest.raises(UsageError, match="needs validation photos") as error:
        check_early_stopping(settings, photos)
    assert f"Try: --early-stopping {metric.removeprefix('val_')}, or --early" in str(error.value)


@pytest.mark.slow
def test_early_stopping_without_validation_photos_ends_before_the_first_epoch(data, tmp_path):
    alone = shutil.copytree(data, tmp_path / "alone")
    partition = alone / "list_eval_partition.txt"
    partition.write_text(partition.read_text().replace(" 1\n", " 2\n"))
    flags = ["--data", str(alone), "--out", str(tmp_path / "r"), "--epochs", "1", *SIMPLE]
    with pytest.raises(UsageError, match="needs validation photos, the data has none"):
        fit.main([*flags, "--early-stopping", "val_auc"])
    assert not (tmp_path / "r").exists()
    fit.main([*flags, "--early-stopping", "accuracy"])
    assert (tmp_path / "r" / "model.keras").exists()


def split(name, labels, attributes=("a", "b")):
    labels = np.array(labels, np.uint8).reshape(-1, len(attributes))
    return Split(name, tuple(ROOT / f"{i}.jpg" for i in range(len(labels))), labels, attributes)


BOTH, NONE = [[0, 1], [1, 0]], []


@pytest.mark.parametrize(
    "train, val, settings, problem",
    [
        (BOTH, BOTH, {}, ""),
        (BOTH, NONE, {"attributes": ("a",)}, ""),
        ([[0, 1], [0, 0]], BOTH, {}, "log: no train photo with a, of 2"),
        ([[1, 1], [1, 0]], BOTH, {}, "log: no train photo without a, of 2"),
        (BOTH, [[0, 1]], {}, "log: no val photo with a, of 1, and 1 more attributes like it"),
        (
            [[0, 1], [0, 1], [1, 0]],
            BOTH,
            {"limit": 2},
            "no train photo with a, of 2: not learnable",
        ),
        ([[0, 1], [0, 0]], BOTH, {"attributes": ("a",)}, "no train photo with a, of 2"),
        (BOTH, [[0, 1], [0, 0]], {"attributes": ("a",)}, "no val photo with a, of 2"),
    ],
)
def test_what_cannot_be_learned_or_measured_is_named(train, val, settings, problem, caplog):
    splits = {"train": split("train", train), "val": split("val", val), "test": split("test", [])}
    with caplog.at_level("INFO", "facet"):
        if not problem or problem.startswith("log"):
            select_for_run(splits, FitSettings(**settings))
            assert caplog.messages == ([problem.removeprefix("log: ")] if problem else [])
        else:
            with pytest.raises(DataError, match=problem):
                select_for_run(splits, FitSettings(**settings))


def test_attributes_that_are_left_out():
    names = ("a", "Bald", "c")
    labels = [[0, 1, 1], [1, 1, 0], [1, 0, 0]]
    splits = {name: split(name, labels, names) for name in ("train", "val", "test")}
    chosen = select_for_run(splits, FitSettings(without=("Bald", "Young")))  # no Young in the data
    assert {part.attributes for part in chosen.values()} == {("a", "c")}
    np.testing.assert_array_equal(chosen["train"].labels, [[0, 1], [1, 0], [1, 0]])
    chosen = select_for_run(splits, FitSettings(attributes=("c", "a"), without=("a",)))
    assert chosen["train"].attributes == ("c",)
    for settings, problem in (
        ({"without": ("Balt",)}, r"--without 'Balt': no such attribute. Try: Bald"),
        ({"without": names}, "without a, Bald, c no attribute is left to learn"),
    ):
        with pytest.raises(UsageError, match=problem):
            select_for_run(splits, FitSettings(**settings))


@pytest.mark.parametrize(
    "flags, expected",
    [
        ([], (10_000, 2_500, 2_500)),
        (["--balanced", "0"], ()),
        (["--balanced", "500", "100", "100"], (500, 100, 100)),
        (["--balanced"], "--balanced has no number of photos"),
        (["--balanced", "500"], r"balanced = \[500\], need three counts"),
        (["--balanced", "0", "0", "0"], "--balanced"),
    ],
    ids=["recipe", "all", "counts", "none", "one", "zeros"],
)
def test_balanced_has_counts_or_is_refused(flags, expected):
    flags = ["--data", "d", "--out", "o", "--recipe", "smile-simple-cnn", *flags]
    if isinstance(expected, tuple):
        assert fit.settings_of(fit.parse(flags)).balanced == expected
    else:
        with pytest.raises(UsageError, match=expected):
            fit.settings_of(fit.parse(flags))


@pytest.fixture(scope="module")
def stopped(data, tmp_path_factory):
    """A run that the power left after its first epoch."""
    run = tmp_path_factory.mktemp("stopped") / "r"

    class PowerCut(trainer.EpochStart):
        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            if epoch == 1:
                raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "EpochStart", PowerCut)
        with pytest.raises(KeyboardInterrupt):
            fit.main(["--data", str(data), "--out", str(run), "--epochs", "2", *SIMPLE])
    return run


def changed(data, what):
    """Change a copy of the data in one way."""
    labels, partition = data / "list_attr_celeba.txt", data / "list_eval_partition.txt"
    if what == "label":
        count, names, first, *rest = labels.read_text().splitlines()
        name, *values = first.split()
        first = " ".join([name, *(str(-int(value)) for value in values)])
        labels.write_text("\n".join([count, names, first, *rest]) + "\n")
    if what == "fewer photos":
        (data / "img_align_celeba" / "000001.jpg").unlink()
    if what == "other photo":
        shutil.copy(data / "img_align_celeba" / "000002.jpg", data / "img_align_celeba/000001.jpg")
    if what == "split":
        text = partition.read_text()
        text = text.replace("000001.jpg 0", "000001.jpg 1").replace("000020.jpg 1", "000020.jpg 0")
        partition.write_text(text)
    if what == "test photo":
        (data / "img_align_celeba" / "000032.jpg").unlink()
    return data


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files left open
@pytest.mark.parametrize("what", ["label", "fewer photos", "other photo", "split"])
def test_a_run_is_not_resumed_on_other_photos(data, stopped, tmp_path, what):
    other = changed(shutil.copytree(data, tmp_path / "other"), what)
    before = (stopped / "settings.json").read_text()
    with pytest.raises(UsageError, match="was trained on other photos or labels") as error:
        fit.main(["--data", str(other), "--out", str(stopped), "--resume"])
    assert f"on train: 16, val: 8 from {data}. Try: --data {data}" in str(error.value)
    assert (stopped / "settings.json").read_text() == before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("earlier", [False, True], ids=["now", "earlier version"])
def test_a_run_is_resumed_where_its_photos_have_moved(data, stopped, tmp_path, earlier):
    run = shutil.copytree(stopped, tmp_path / "r")
    if earlier:  # recorded the counts alone
        record = json.loads((run / "settings.json").read_text())
        del record["photos_sha256"], record["attributes"]
        (run / "settings.json").write_text(json.dumps(record))
    moved = changed(shutil.copytree(data, tmp_path / "moved"), "test photo")
    fit.main(["--data", str(moved), "--out", str(run), "--resume"])
    assert (run / "model.keras").exists()
    assert json.loads((run / "settings.json").read_text())["data"] == str(moved)


@pytest.mark.slow
def test_resume_after_a_start_that_failed_takes_the_photos_of_now(data, tmp_path):
    run, other = tmp_path / "r", changed(shutil.copytree(data, tmp_path / "other"), "fewer photos")
    flags = ["--out", str(run), "--epochs", "1", *SIMPLE]
    with pytest.raises(ModelError, match="no such file"):
        fit.main(["--data", str(data), *flags, "--weights", str(tmp_path / "gone.weights.h5")])
    settings = (run / "settings.json").read_text()
    (run / "settings.json").write_text(settings.replace(str(tmp_path / "gone.weights.h5"), "none"))
    fit.main(["--data", str(other), "--out", str(run), "--resume"])
    record = json.loads((run / "settings.json").read_text())
    assert record["photos"] == {"train": 15, "val": 8} and record["data"] == str(other)


def test_the_fingerprint_is_of_names_sizes_labels_and_attributes(tmp_path):
    whole = split("train", BOTH)
    (tmp_path / "0.jpg").write_bytes(b"xy")
    others = [
        split("val", BOTH),
        split("train", BOTH, ("a", "c")),
        split("train", BOTH[::-1]),
        split("train", BOTH[:1]),
        Split("train", (tmp_path / "0.jpg", ROOT / "1.jpg"), whole.labels, whole.attributes),
        Split("train", whole.photos[::-1], whole.labels, whole.attributes),
    ]
    prints = {fingerprint([other]) for other in [whole, *others]}
    assert len(prints) == 7 and all(len(digits) == 16 for digits in prints)
    assert fingerprint([]) == fingerprint([])


@pytest.mark.filterwarnings("ignore:Even though the .tf.config")  # of running eagerly
def test_batches_of_tensorflow_start_without_a_warning_of_keras(data, tmp_path, monkeypatch):
    import tensorflow as tf

    def shard(_, batches):
        arrays = [batches[index] for index in range(len(batches))]
        specs = tuple(tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in arrays[0])
        made = tf.data.Dataset.from_generator(lambda: iter(arrays), output_signature=specs)
        return made.apply(tf.data.experimental.assert_cardinality(len(arrays)))

    monkeypatch.setattr(Cluster, "shard", shard)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*shuffle")
        fit.main(["--data", str(data), "--out", str(tmp_path / "r"), "--epochs", "1", *SIMPLE])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("flag", ["--more", "--balance"])
def test_a_run_is_not_resumed_with_further_photos_or_other_draws(data, stopped, tmp_path, flag):
    further = make_celeba(tmp_path / "further", train=2, val=0, test=0)
    for file in ("list_attr_celeba.txt", "list_eval_partition.txt"):
        (further / file).write_text((further / file).read_text().replace("\n000", "\nx000"))
    for photo in (further / "img_align_celeba").iterdir():
        photo.rename(photo.with_name(f"x{photo.name}"))
    text = (further / "list_eval_partition.txt").read_text()
    (further / "list_eval_partition.txt").write_text(f"x{text}")
    value = str(further) if flag == "--more" else "0.5"
    before = (stopped / "settings.json").read_text()
    with pytest.raises(UsageError, match="was trained on other photos or labels"):
        fit.main(["--data", str(data), "--out", str(stopped), "--resume", flag, value])
    assert (stopped / "settings.json").read_text() == before


def test_a_run_with_further_photos_is_resumed_where_they_have_moved(tmp_path):
    run, splits = tmp_path / "r", {name: split(name, BOTH) for name in ("train", "val")}
    run.mkdir()
    (run / "backup").mkdir()
    started = FitSettings(more=("old/more photos",), balance=0.5)
    save_settings(run, started, tmp_path, splits)
    flags = ["--data", str(tmp_path), "--out", str(run), "--resume"]
    assert fit.settings_of(fit.parse(flags)) == started
    moved = fit.settings_of(fit.parse([*flags, "--more", "new"]))
    assert moved.more == ("new",) and moved.balance == 0.5
    check_same_photos(run, tmp_path, splits)
    other = {**splits, "train": split("train", BOTH[::-1])}
    with pytest.raises(UsageError) as error:
        check_same_photos(run, tmp_path, other)
    assert error.value.hint == (
        f"--data {tmp_path} --more 'old/more photos' --balance 0.5, or another --out"
    )
    save_resumed(run, tmp_path, {}, moved.more)
    assert read_settings(run) == moved
    assert without_paths(read_record(run))["settings"]["more"] == ["new"]
