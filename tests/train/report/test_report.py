"""The report of a run: what stands on the page, read as a browser reads it, and its figures."""

import csv
import hashlib
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.attributes.model_card import Attribute, ModelCard
from device.errors import FacetError, ModelError, SourceError, UsageError
from device.faces.align import crop_template
from tests.conftest import ROOT, make_celeba
from train.data.celeba import ATTRIBUTES
from train.data.crops import read_crop
from train.data.split import Split
from train.keras_import import keras
from train.network.quantize import quantize
from train.report import __main__ as command
from train.report import calibration, exploration
from train.report.chart import shortened, slug, themed, unique
from train.report.predictions import Results, worst
from train.report.run import Run, find_card, read_history, read_run, read_sweeps
from train.training.run_dir import read_record

SMILING = ATTRIBUTES.index("Smiling")
HISTORY = "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.6,0.7,0.5,0.8\n1,0.8,0.4,0.7,0.5\n"


class Page(HTMLParser):
    """What is on a page: its words, ids, links, the sources of pictures, and its tags."""

    def __init__(self, path: Path):
        super().__init__()
        self.ids, self.links, self.tags, self.words = [], [], [], []
        self.feed(path.read_text(encoding="utf-8"))
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        names = ("href", "src", "xlink:href", "srcset", "data", "action")
        self.links += [attributes[name] for name in names if name in attributes]

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def make_run(folder: Path, model, **record) -> Path:
    """Leave what train.fit leaves."""
    folder.mkdir(parents=True)
    model.save(folder / "model.keras")
    plain = {"settings": {"seed": 1, "epochs": 2}, "photos": {"train": 24}, "code": "abc"}
    (folder / "settings.json").write_text(json.dumps(plain | record))
    (folder / "history.csv").write_text(HISTORY)
    return folder


def brightness_model(weights, activation):
    """A model whose outputs follow a photo's mean brightness, which is what Smiling is here."""
    crop = keras.Input((40, 32, 3))
    mean = keras.layers.GlobalAveragePooling2D()(crop)
    dense = keras.layers.Dense(len(weights), activation=activation)
    model = keras.Model(crop, dense(mean))
    slopes = np.array(weights)
    dense.set_weights([np.tile(slopes / 3, (3, 1)), -125 * slopes])
    return model


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_celeba(tmp_path_factory.mktemp("data") / "celeba", train=60, val=60, test=40)


NAMES = ("Male", "Smiling", "Young", "Bangs")  # of which brightness tells the second


@pytest.fixture(scope="module")
def small(tmp_path_factory, data):
    """A run on four attributes, with the int8 model that was made of it, and the report on it."""
    model = brightness_model([-0.01, 0.1, 0.01, -0.02], "sigmoid")
    settings = {"seed": 1, "epochs": 2, "attributes": ", ".join(NAMES)}
    run = tmp_path_factory.mktemp("runs") / "small"
    make_run(run, model, settings=settings, data=str(data))
    photos = sorted((data / "img_align_celeba").iterdir())[:20]
    content = quantize(model, (read_crop(path, (32, 40)).astype(np.float32) for path in photos))
    (run / "four.tflite").write_bytes(content)
    card = ModelCard(
        file="four.tflite",
        sha256=hashlib.sha256(content).hexdigest(),
        crop_wh=(32, 40),
        template=tuple(map(tuple, crop_template((32, 40)).tolist())),
        attributes=tuple(Attribute(name, 0.5, 1.0, 0.0, 0.4) for name in NAMES),
        training=read_record(run),
        measured={},
    )
    (run / "four.json").write_text(card.to_json())
    point = {"severity": 0, "detected": 1, "accuracy": 0.9, "baseline": 0.8}
    rows = [point | {"severity": at, "sha256": card.sha256, "split": "test"} for at in (0, 30)]
    (run / "evaluate").mkdir()
    (run / "evaluate" / "sweep-tilt.json").write_text(json.dumps(rows))
    command.main([str(run)])
    return run


@pytest.fixture(scope="module")
def page(small):
    return Page(small / "report" / "index.html")


def test_the_page_needs_no_other_file_and_no_network(page):
    assert len(page.links) > 10
    assert all(link.startswith(("#", "data:")) for link in page.links), page.links
    assert not [attributes for attributes in page.all("script") if "src" in attributes]


def test_every_id_stands_once_and_every_link_leads_somewhere(page):
    assert len(set(page.ids)) == len(page.ids)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_every_picture_says_what_it_shows(page):
    charts = page.all("svg")
    assert len(charts) == 2 + 2 + 2 + 2 + 2 + 2 + len(NAMES) + 1 + 1
    assert all(len(chart["aria-label"]) > 20 and chart["role"] == "img" for chart in charts)


def test_all_parts_are_there(page, small):
    parts = ("data", "learning", "scores", "curves", "calibration", "thresholds", "attributes")
    assert {*parts, "mistakes", "int8", "robustness", "recipe"} <= set(page.ids)
    for name in NAMES:
        assert slug(name) in page.ids and name.replace("_", " ") in page.text
        assert (small / "report" / "attributes" / f"{name}.png").stat().st_size > 5000
    charts = {path.stem for path in (small / "report").glob("*.png")}
    assert charts >= {"prevalence", "cooccurrence", "learning-loss", "scores", "errors", "roc"}
    assert charts >= {"precision-recall", "calibration", "thresholds", "tradeoff", "int8"}
    assert "sweep-tilt" in charts


def test_no_picture_of_a_person_unless_asked(small):
    out = small / "report"
    assert "image/jpeg" not in (out / "index.html").read_text()
    kinds = {path.suffix for path in out.rglob("*") if path.is_file()}
    assert kinds == {".html", ".png", ".csv"}


@pytest.mark.slow
def test_pictures_of_people_if_asked(small, tmp_path):
    pictured = [str(small), "--with-photos", "--limit", "30", "--out", str(tmp_path / "r")]
    command.main(pictured)
    images = Page(tmp_path / "r" / "index.html").all("img")
    assert images and all(image["src"].startswith("data:image/jpeg;base64,") for image in images)
    assert all(re.match(r"Photo \d+\.jpg\. \w", image["alt"]) for image in images)


def test_float_stands_beside_the_int8_model_that_was_made_of_the_run(page):
    assert "small/four.json" in page.text
    same, apart = re.search(
        r"([\d.]+) % of the 160 decisions are the same; raw outputs differ by ([\d.]+)", page.text
    ).groups()
    assert 50 < float(same) <= 100  # the card was not calibrated
    assert float(apart) < 0.1  # brightness in steps of a byte, times 0.1
    assert re.search(r"accuracy 0.\d+ 0.\d+ to 0.\d+; int8 0.\d+ balanced", page.text)


def test_sweeps_that_were_made_are_drawn_and_the_others_named(page, small):
    assert "0.900 at 0, 0.900 at 30" in " ".join(svg["aria-label"] for svg in page.all("svg"))
    assert "for kind in turn size light blur faces; do" in page.text
    assert "train.evaluate sweep $kind" in page.text
    assert f"--out {small / 'evaluate'}" in page.text


def test_mistakes_are_those_of_the_split(small, data):
    with (small / "report" / "mistakes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    partition = (data / "list_eval_partition.txt").read_text().splitlines()
    names = [line.split()[0] for line in partition if line.endswith(" 2")]
    lines = (data / "list_attr_celeba.txt").read_text().splitlines()[2:]
    labels = dict(line.split(maxsplit=1) for line in lines)
    for row in rows:
        assert names[int(row["row"])] == row["file"]
        label = labels[row["file"]].split()[ATTRIBUTES.index(row["attribute"])]
        assert (label == "1") == (row["label"] == "1")
    by_attribute = {}
    for row in rows:
        sure = abs(float(row["probability"]) - float(row["label"]))
        by_attribute.setdefault(row["attribute"], []).append(sure)
    assert all(sure == sorted(sure, reverse=True) for sure in by_attribute.values())


# One attribute that brightness tells without a mistake: as a sigmoid, as a softmax of (no, yes).
@pytest.mark.parametrize(
    "weights, activation",
    [([0.1], "sigmoid"), pytest.param([-0.05, 0.05], "softmax", marks=pytest.mark.slow)],
    ids=("one", "two"),
)
def test_one_attribute_by_either_head_and_no_history(weights, activation, data, tmp_path, capsys):
    settings = {"seed": 1, "attributes": ["Smiling"]}
    run = make_run(tmp_path / "r", brightness_model(weights, activation), settings=settings)
    (run / "history.csv").unlink()
    command.main([str(run), "--data", str(data)])
    assert "facet: history.csv is missing: no learning curves." in capsys.readouterr().err
    page = Page(run / "report" / "index.html")
    assert "history.csv is missing" in page.text
    assert "40 test photos, 1 attribute, float model" in page.text
    for figure in ("accuracy 1.000", "balanced accuracy 1.000", "macro-F1 1.000", "mean AUC 1.000"):
        assert figure in page.text
    assert (run / "report" / "mistakes.csv").read_text().splitlines() == [
        "attribute,row,file,label,probability"
    ]
    assert "No mistake" in page.text and "No converted model" in page.text
    assert "python -m train.convert" in page.text
    assert {"attributes/Smiling.png"} == {
        str(path.relative_to(run / "report")) for path in run.rglob("report/attributes/*.png")
    }


def test_attributes_are_those_of_the_run_in_its_order(page):
    assert "40 test photos, 4 attributes" in page.text
    interval = r"(?: \d\.\d\d to \d\.\d\d)?"
    figures = r" \d+ " + f"{interval} ".join([r"(\d\.\d{3})"] * 3)  # precision, recall, F1
    assert re.search("Smiling" + figures, page.text).groups() == ("1.000", "1.000", "1.000")
    assert float(re.search("Male" + figures, page.text)[3]) < 0.9


@pytest.mark.parametrize(
    "text, why",
    [
        ("", "has no numbers"),
        ("epoch,loss\n", "has no numbers"),
        ("epoch,loss\n0,x\n", "has no numbers"),
        ("\0\0", "has no numbers"),
        (b"\xff\xfe\xfa", "cannot be read"),
    ],
)
def test_a_broken_history_is_none(tmp_path, text, why):
    path = tmp_path / "history.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    columns, reason = read_history(path)
    assert columns == {} and why in reason


def test_half_a_history_is_taken(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,loss,note\n0,0.5,a\n1,\n")
    columns, reason = read_history(tmp_path / "history.csv")
    assert not reason and list(columns) == ["epoch", "loss"]
    assert columns["loss"][0] == 0.5 and math.isnan(columns["loss"][1])


def test_what_is_no_finished_run(tmp_path, data):
    with pytest.raises(UsageError, match=r"no such folder.*python -m train.fit"):
        command.main([str(tmp_path / "gone")])
    with pytest.raises(UsageError, match=r"settings.json is missing.*train.fit"):
        command.main([str(tmp_path)])
    (tmp_path / "settings.json").write_text('{"settings": {"seed": 1}}')
    with pytest.raises(UsageError, match=r"not complete.*train.fit --data DIR --out .* --resume"):
        command.main([str(tmp_path)])
    (tmp_path / "model.keras").write_text("no model")
    with pytest.raises(UsageError, match=r"has no record of its photos.*--data"):
        command.main([str(tmp_path)])
    with pytest.raises(ModelError, match="is not a Keras model"):
        command.main([str(tmp_path), "--data", str(data)])
    with pytest.raises(SourceError, match=r"no list_attr_celeba.txt .* in"):
        command.main([str(tmp_path), "--data", str(tmp_path)])
    with pytest.raises(UsageError, match="--limit '-1', need a whole number, 0 or more"):
        command.main([str(tmp_path), "--limit", "-1"])


@pytest.mark.parametrize(
    "text, wrong",
    [
        ("{", "is not a run's settings"),
        ("[]", "is not a run's settings"),
        ('{"settings": 3}', "is not a run's settings"),
        ('{"settings": {"attributes": [3]}}', "not a list of names"),
        ('{"settings": {"attributes": 3}}', "not a list of names"),
        ('{"settings": {"balanced": [3]}}', "not three counts"),
    ],
)
def test_broken_settings(tmp_path, text, wrong):
    (tmp_path / "settings.json").write_text(text)
    (tmp_path / "model.keras").touch()
    with pytest.raises(UsageError, match=wrong):
        read_run(tmp_path)


def test_a_model_that_is_not_of_its_settings(tmp_path, data):
    run = make_run(tmp_path / "r", brightness_model([0.1, 0.1, 0.1], "sigmoid"))
    with pytest.raises(ModelError, match="has 3 outputs, the run 40 attributes"):
        command.main([str(run), "--data", str(data)])
    other = make_run(
        tmp_path / "s",
        brightness_model([0.1], "sigmoid"),
        settings={"attributes": ["Smilling"]},
    )
    with pytest.raises(UsageError, match=r"no attribute 'Smilling'.*Smiling"):
        command.main([str(other), "--data", str(data)])


@pytest.mark.parametrize(
    "counts, split, message",
    [
        ((9, 0, 9), "test", "no val photo, by which .* are chosen. Try: add photos to the val"),
        ((9, 9, 0), "test", "no test photo. Try: --split val"),
        ((9, 0, 9), "val", "no val photo, by which"),
    ],
)
def test_a_split_without_photos(counts, split, message, tmp_path):
    folder = make_celeba(tmp_path / "celeba", *counts)
    model = brightness_model([0.1], "sigmoid")
    run = make_run(tmp_path / "r", model, settings={"attributes": ["Smiling"]})
    with pytest.raises(SourceError, match=message):
        command.main([str(run), "--data", str(folder), "--split", split])


def test_a_report_that_cannot_be_written(small, tmp_path, data):
    (tmp_path / "file").touch()
    with pytest.raises(FacetError, match="cannot write the report"):
        command.main([str(small), "--out", str(tmp_path / "file" / "report")])


@pytest.mark.parametrize("name", ["attributes", "attributes-small"])
def test_a_card_is_found_by_its_record_of_the_run(name, tmp_path):
    models = ROOT / "models"
    training = json.loads((models / f"{name}.json").read_text())["training"]
    # A run knows more than its card: where its files lay.
    settings = training["settings"] | {"weights": "/far/away/model.keras", "teacher": ["a.keras"]}
    run = Run(tmp_path, training | {"settings": settings, "data": "/x"}, (), (), None, {}, "")
    assert find_card(run, models) == models / f"{name}.json"
    assert find_card(run, tmp_path) is None
    settings["seed"] += 1
    assert find_card(run, models) is None


def test_sweeps_of_another_model_or_split_are_passed_over(tmp_path):
    point = {"severity": 0, "detected": 1, "accuracy": 0.9, "baseline": None}
    of = {"sha256": "a", "split": "test"}
    (tmp_path / "sweep-tilt.json").write_text(json.dumps([point | of]))
    (tmp_path / "sweep-size.json").write_text(json.dumps([point]))  # an earlier version's
    (tmp_path / "sweep-turn.json").write_text("[")
    found = read_sweeps([tmp_path / "gone", tmp_path], "a", "test")
    assert list(found) == ["tilt"]
    assert found["tilt"][0].accuracy == 0.9 and math.isnan(found["tilt"][0].baseline)
    assert read_sweeps([tmp_path], "b", "test") == read_sweeps([tmp_path], "a", "val") == {}


def results(labels, probabilities, thresholds=None) -> Results:
    labels, probabilities = np.array(labels, np.uint8), np.array(probabilities, np.float32)
    count = labels.shape[1]
    photos = tuple(Path(f"{i}.jpg") for i in range(len(labels)))
    split = Split("test", photos, labels, ATTRIBUTES[:count])
    at = np.full(count, 0.5) if thresholds is None else thresholds
    return Results(split, probabilities, probabilities, at, labels.mean(axis=0), 0.2)


def test_the_worst_mistakes_come_first():
    one = results([[1], [1], [0], [0], [1]], [[0.4], [0.1], [0.8], [0.2], [0.9]])
    assert [(m.row, m.label) for m in worst(one, 0, 9)] == [(1, 1), (2, 0), (0, 1)]
    assert [m.row for m in worst(one, 0, 1)] == [1]


def test_phi_coefficients():
    labels = np.array([[1, 1, 0, 1], [1, 1, 0, 1], [0, 0, 1, 1], [0, 1, 1, 1]], np.uint8)
    phi = exploration.correlation(labels)
    np.testing.assert_allclose(phi[:3, :3], np.corrcoef(labels[:, :3].T), atol=1e-12)
    np.testing.assert_array_equal(phi[3, :3], 0)  # all have it: tied to nothing
    assert phi[0, 2] == -1 and phi[3, 3] == 1
    assert exploration.pairs(labels, tuple("abcd"))[0] == ("a", "c", -1.0)


@given(st.integers(1, 6), st.integers(2, 30), st.integers(0, 99))
def test_the_order_of_the_heat_map_has_every_attribute_once(count, photos, seed):
    labels = np.random.default_rng(seed).integers(0, 2, (photos, count))
    order = exploration.seriated(exploration.correlation(labels))
    assert sorted(order) == list(range(count))


def test_reliability_by_hand():
    probability = np.array([0.05, 0.06, 0.95, 0.96, 0.97, 0.5])
    label = np.array([0, 1, 1, 1, 0, 1])
    bins = calibration.reliability(label, probability, bins=10, min_photos=2)
    np.testing.assert_allclose(bins.mean, [0.055, 0.96])
    np.testing.assert_allclose(bins.share, [0.5, 2 / 3])
    np.testing.assert_allclose(bins.ends[0], [0.0945, 0.9055], atol=1e-4)  # Wilson for 1 of 2
    assert (bins.drawn, bins.photos, bins.fullest) == (5, 6, 3)
    np.testing.assert_allclose(calibration.reliability(np.ones(1), np.ones(1)).mean, [1.0])


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 100)), min_size=1, max_size=40))
def test_no_other_threshold_has_a_better_f1(rows):
    label = np.array([has for has, _ in rows], np.uint8)
    probability = np.array([value / 100 for _, value in rows])
    best = calibration.best_f1(label, probability)
    if not label.any():
        assert math.isnan(best)
        return

    def f1(threshold):
        right = (label[probability >= threshold]).sum()
        return 2 * right / ((probability >= threshold).sum() + label.sum())

    assert f1(best) >= max(f1(other) for other in np.unique(probability)) - 1e-9


def test_an_svg_is_made_to_stand_beside_others_in_light_and_dark():
    svg = '<g id="a" clip-path="url(#b)"><path d="M 1.23456 2.5&#10;" style="stroke: #0072b2"/>'
    svg += '<use xlink:href="#a" style="fill: #000000"/></g>'
    done = themed(unique(shortened(svg), "roc/x"))
    assert 'id="roc-x.a"' in done and "url(#roc-x.b)" in done and 'href="#roc-x.a"' in done
    assert "M 1.23 2.5" in done and "var(--blue)" in done and "currentColor" in done


def test_names_that_are_no_file_names():
    assert slug("Wearing_Hat") == "Wearing_Hat"
    assert slug("a b/../c").startswith("a_b_c-") and slug("//") != slug("..")
