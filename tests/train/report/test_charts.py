"""The charts: names, legends, notes and figures, of one to sixty attributes and few photos."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tests.train.comparison_rows import row as comparison_row
from tests.train.report.test_report import HISTORY
from train.data.celeba import ATTRIBUTES
from train.data.split import UNKNOWN, Dataset, Split
from train.evaluation import plots
from train.evaluation.chart_text import (
    attribute_label,
    chart_style,
    columns,
    fallback_fonts,
    short_label,
)
from train.evaluation.comparison_chart import comparison_figure
from train.evaluation.rejection import RejectionCurve
from train.evaluation.robustness import SweepPoint
from train.report import calibration, conversion, exploration, learning, quality
from train.report.attribute_panels import attribute_chart
from train.report.chart import STYLE, Chart
from train.report.predictions import Results
from train.report.run import Run, read_history

LONG = ("a_very_long_name_of_a_column_that_goes_on", "Smiling", "x")
ODD = ("costs $5 or $6", "a\\b{c}^2_d", "<b>&x")
SCRIPTS = ("微笑", "улыбка", "ابتسامة")


def results(names, photos, shares=(0.4,)) -> Results:
    """Predictions of a model that is right more often than not."""
    rng = np.random.default_rng(0)
    labels = (rng.random((photos, len(names))) < np.resize(shares, len(names))).astype(np.uint8)
    raw = np.clip(0.35 * labels + 0.65 * rng.random(labels.shape), 0, 1).astype(np.float32)
    paths = tuple(Path(f"{i}.jpg") for i in range(photos))
    split = Split("test", paths, labels, tuple(names))
    return Results(split, raw, raw, np.full(len(names), 0.5), labels.mean(axis=0), 0.2)


def charts(one: Results) -> Iterator[Chart]:
    """All charts of a model's results."""
    splits = {name: replace(one.split, name=name) for name in ("train", "val", "test")}
    splits["val"] = replace(one.split, name="val", photos=(), labels=one.split.labels[:0])
    yield exploration.prevalence_chart(Dataset(splits, (), one.names, "CelebA"))
    if len(one.names) > 1:
        yield exploration.cooccurrence_chart(one.split.labels, one.names)
    yield quality.scores_chart(one)
    yield quality.errors_chart(one)
    yield from (quality.curves_chart(one, kind) for kind in ("roc", "precision-recall"))
    yield from calibration.calibration_charts(one)
    yield calibration.thresholds_chart(one)
    yield calibration.tradeoff_chart(one)
    yield conversion.int8_chart(one, one)
    yield attribute_chart(one, one.scores.attributes[0])


def check_layout(figure: Figure) -> None:
    """Fail if a text leaves the figure, or a legend lies over an axes' data."""
    renderer, page = FigureCanvasAgg(figure).get_renderer(), figure.bbox.padded(2)
    figure.draw_without_rendering()
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes)]
    for axes in figure.axes:
        inside = axes.bbox.padded(-1)
        for legend in filter(None, legends):
            assert not inside.overlaps(legend.get_window_extent(renderer)), "legend over data"
        labels = [*axes.get_xticklabels(), *axes.get_yticklabels(), axes.title]
        labels += [axes.xaxis.label, axes.yaxis.label]
        for text in labels:
            box = text.get_window_extent(renderer)
            words = text.get_text().strip("\N{MINUS SIGN}0123456789.")  # numbers: unseen ticks
            if words:
                assert page.xmin <= box.xmin and box.xmax <= page.xmax, words


def texts(figure: Figure) -> str:
    """The notes in a figure's panels."""
    return "\n".join(text.get_text() for axes in figure.axes for text in axes.texts)


@pytest.mark.parametrize(
    "names, photos, shares",
    [
        (ATTRIBUTES[:1], 300, (0.5,)),
        pytest.param(ATTRIBUTES[:2], 23, (0.3, 0.5), marks=pytest.mark.slow),
        (ATTRIBUTES[:1], 1, (1,)),
        pytest.param(ATTRIBUTES[:3], 60, (0, 0.5, 1), marks=pytest.mark.slow),
        pytest.param(LONG, 40, (0.4,), marks=pytest.mark.slow),
        ((*ODD, *SCRIPTS), 40, (0.4,)),
        pytest.param(
            [f"attribute_{i}" for i in range(60)], 100, (0.1, 0.5), marks=pytest.mark.slow
        ),
    ],
    ids=("one", "two", "one-photo", "constant", "long", "letters", "sixty"),
)
def test_no_legend_over_data_and_no_name_cut_off(names, photos, shares):
    one = results(names, photos, shares)
    with chart_style(names, STYLE):
        # The others have the same rows as the third, and take seconds with sixty of them.
        for chart in itertools.islice(charts(one), 3 if len(names) > 9 else None):
            check_layout(chart.figure)
            assert "nan" not in chart.alt + chart.caption, chart.name


@pytest.mark.parametrize("column", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_charts_of_labels_that_are_partly_unknown(column):
    one = results(ATTRIBUTES[:4], 60, (0.4,))
    one.split.labels[::3, 1] = UNKNOWN
    one.split.labels[:, column] = UNKNOWN
    assert not one.wrong[one.split.labels == UNKNOWN].any()
    with chart_style(one.names, STYLE):
        for chart in charts(one):
            check_layout(chart.figure)
            assert "nan" not in chart.alt + chart.caption, chart.name
    if not column:
        notes = texts(attribute_chart(one, one.scores.attributes[0]).figure)
        assert "no curve:\nno photo has a label" in notes


def test_tables_of_labels_that_are_partly_unknown(tmp_path):
    one = results(ATTRIBUTES[:3], 60, (0.4,))
    one.split.labels[::3, 1] = UNKNOWN
    score = one.scores.attributes[1]
    label = attribute_label(ATTRIBUTES[1])
    row = next(row for row in quality.report_table(one).rows if label in str(row[0]))
    assert row[1] == f"{score.support} of 40"
    assert sum(int(cell) for cell in row[-4:]) == 40
    splits = {name: replace(one.split, name=name) for name in ("train", "val", "test")}
    data = Dataset(splits, (), one.names, "own photos")
    (table,) = exploration.section(data, tmp_path).tables
    assert any(str(score.support) in row for row in table.rows)


@pytest.mark.parametrize(
    "photos, share, notes",
    [
        (23, 0.5, ("23 photos: too few", "10 are needed")),
        (1, 1, ("no curve: 1 photo,\nall labelled yes", "1 photo: too few")),
        (60, 0, ("no curve: 60 photos,\nall labelled no", "no precision, recall: 60 photos")),
        (60, 0.5, ("of 60 photos:\nbins of 10 or more",)),
        (2000, 0.5, ()),
    ],
)
def test_an_empty_panel_names_the_reason_and_the_number(photos, share, notes):
    one = results(("Smiling",), photos, (share,))
    with chart_style(one.names, STYLE):
        found = texts(attribute_chart(one, one.scores.attributes[0]).figure)
    assert all(note in found for note in notes), found
    assert notes or not any(word in found for word in ("few", "no curve", "bins of")), found


def test_figures_in_the_matrix_are_those_of_the_table():
    one = results(("Smiling", "Male"), 23)
    score = one.scores.attributes[0]
    kept, missed, false, rejected = quality.confusion(one, score)
    cells = [text.get_text() for text in attribute_chart(one, score).figure.axes[0].texts]
    assert [int(cell.split()[0]) for cell in cells] == [rejected, false, missed, kept]
    assert all(" to " in cell for cell in cells)
    table = quality.report_table(one)
    row = next(row for row in table.rows if "Smiling" in row[0])
    assert [int(cell) for cell in row[-4:]] == [kept, missed, false, rejected]
    assert all(" to " in cell for cell in row[2:8]) and " to " not in row[8]
    tiles = {name: (value, note) for name, value, note in conversion.tiles(one, None)}
    mean = next(row for row in table.rows if row[0] == "mean")
    assert tiles["accuracy"][0] == mean[5].split()[0] and " to " in tiles["accuracy"][1]


@pytest.mark.parametrize(
    "name, short",
    [
        ("Smiling", "Smiling"),
        ("Mouth_Slightly_Open", "Mouth Slightly Open"),
        (LONG[0], "a very long name…t goes on"),
        ("微" * 30, "微" * 8 + "…" + "微" * 4),
        ("e\u0301" * 26, "e\u0301" * 26),
    ],
    ids=("short", "celeba", "long", "wide", "accents"),
)
def test_short_labels(name, short):
    assert short_label(name) == short and columns(short) <= 26


def test_letters_that_no_font_has_are_named_once(capsys, recwarn):
    letter = "\N{LINEAR B SYLLABLE B008 A}"
    assert fallback_fonts("Smiling улыбка") == ([], [])
    with chart_style([letter, letter], STYLE):
        figure = Figure()
        figure.text(0, 0, letter)
        FigureCanvasAgg(figure).draw()
    lines = capsys.readouterr().err.splitlines()
    if fallback_fonts(letter)[1]:
        assert lines == [
            f"facet: no installed font has {letter}: boxes in the PNGs. Try: sudo apt install "
            "fonts-noto-cjk fonts-noto-core"
        ]
    assert not recwarn


def row(name="simple-cnn", accuracy=0.9, ms=1.25, size=2_700_000, **plan):
    """A row on 20 photos."""
    right = np.arange(20) < round(20 * accuracy)
    ends = {"accuracy": (max(accuracy - 0.1, 0), min(accuracy + 0.1, 1))}
    figures = {"int8_ms": ms, "int8_bytes": size, "intervals": ends}
    return comparison_row(name, right, figures=figures, **plan)


@pytest.mark.parametrize(
    "rows",
    [
        [row()],
        [row(), row("large", ms=1234.5, size=271_000_000)],
        [row(accuracy=1.0, ms=0.034), row(accuracy=1.0)],
        [row(accuracy=0.0), row(accuracy=1.0)],
        [row(LONG[0] * 3), row(ODD[0]), row(SCRIPTS[1])],
        [row(f"recipe-{i}", 0.5 + i / 40) for i in range(18)],
        [row(ancestor=0.4, target=0.95), row("other")],
    ],
    ids=("one", "far-apart", "perfect", "zero", "names", "many", "targets"),
)
def test_compared_recipes_have_a_linear_axis_per_unit(rows):
    with chart_style(one.name for one in rows):
        figure = comparison_figure(rows)
    check_layout(figure)
    accuracy, time, size = figure.axes
    assert "accuracy" in accuracy.get_title() and "20 test photos" in accuracy.get_xlabel()
    for axes, unit, width in ((time, "ms", "int8_ms"), (size, "MB", "int8_bytes")):
        assert axes.get_xlabel().startswith(unit) and axes.get_xscale() == "linear"
        assert axes.get_xlim()[0] == 0 and len(axes.texts) == len(rows)
        assert axes.get_xlim()[1] > max(bar.get_width() for bar in axes.patches)
        ordered = sorted(rows, key=lambda one: one.accuracy)
        scale = 1e6 if unit == "MB" else 1
        values = [getattr(one.first, width) / scale for one in ordered]
        shown = [float(text.get_text().replace(",", "")) for text in axes.texts]
        np.testing.assert_allclose(shown, values, atol=0.051)


def run_of(history: str, **settings) -> Run:
    path = Path("history.csv")
    columns_, _ = _read(history)
    return Run(path.parent, {"settings": settings}, (), (), None, columns_, "")


def _read(text):
    rows = [line.split(",") for line in text.splitlines()]
    values = zip(*rows[1:], strict=True)
    return {
        name: np.array([float(value or "nan") for value in column])
        for name, column in zip(rows[0], values, strict=True)
    }, ""


UP_AND_DOWN = "epoch,loss,val_loss\n0,0.9,0.8\n1,0.7,0.5\n2,0.5,0.6\n3,0.4,0.7\n"


@pytest.mark.parametrize(
    "history, settings, epoch",
    [
        (HISTORY, {}, 1),
        ("epoch,loss\n0,0.5\n", {}, 0),
        (UP_AND_DOWN, {}, 3),
        (UP_AND_DOWN, {"early_stopping": "val_loss"}, 1),
        (UP_AND_DOWN, {"early_stopping": "loss"}, 3),
        (UP_AND_DOWN, {"early_stopping": "val_auc"}, 3),
        (UP_AND_DOWN, {"early_stopping": "val_loss", "frozen_epochs": 2}, 2),
        (UP_AND_DOWN, {"early_stopping": "val_loss", "frozen_epochs": 9}, 1),
        (UP_AND_DOWN, {"early_stopping": "val_loss", "frozen_epochs": 2, "weights": "none"}, 1),
        ("epoch,val_loss\n0,\n1,\n", {"early_stopping": "val_loss"}, 1),
        ("epoch,val_accuracy\n0,0.5\n1,0.9\n2,0.9\n", {"early_stopping": "val_accuracy"}, 1),
    ],
    ids=range(11),
)
def test_the_epoch_that_was_saved(history, settings, epoch):
    run = run_of(history, **settings)
    assert learning.saved_epoch(run) == epoch
    with chart_style((), STYLE):
        for chart in learning.learning_charts(run, "training", 0.75):
            check_layout(chart.figure)
            assert f"At the saved epoch, {epoch + 1} of " in chart.caption
            shown = "saved model on the same validation photos: 0.7500" in chart.caption
            assert shown == (chart.name == "learning-accuracy")


def test_a_history_is_read_as_the_command_reads_it(tmp_path):
    (tmp_path / "history.csv").write_text(HISTORY)
    found, _ = read_history(tmp_path / "history.csv")
    assert {key: list(value) for key, value in found.items()} == {
        key: list(value) for key, value in _read(HISTORY)[0].items()
    }


@pytest.mark.parametrize("detected", [1.0, 0.3, 0.0])
def test_a_sweep_shows_every_point(detected):
    accuracy = math.nan if detected == 0 else 0.8
    points = [SweepPoint(0, 1, 0.9, 0.9), SweepPoint(60, detected, accuracy, accuracy)]
    figure = plots.sweep_figure("tilt", "degrees", points)
    check_layout(figure)
    low, high = figure.axes[0].get_ylim()
    assert low <= detected <= high


@pytest.mark.parametrize("faces", [60, 0])
def test_rejection(tmp_path, faces, monkeypatch):
    saved = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: saved.append(figure))
    curve = ((0.5, 1.0), (0.9, 0.8)) if faces else ((), ())
    nothing = 0.9 if faces else math.nan
    states = ("too small", "blurred", "turned away", "too dark", "too bright")
    curves = [RejectionCurve(s, 1, faces, nothing, nothing, nothing, *curve) for s in states]
    plots.rejection_chart(tmp_path / "r.png", curves)
    check_layout(saved[0])
    assert ("no face was found" in texts(saved[0])) == (faces == 0)
    assert "nan" not in "".join(t.get_text() for t in saved[0].legends[0].get_texts())


@pytest.mark.parametrize(
    "names",
    [ATTRIBUTES[:1], LONG, pytest.param(ODD, marks=pytest.mark.slow)],
    ids=("one", "long", "odd"),
)
def test_the_charts_of_evaluate(names, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: saved.append(figure))
    one = results(names, 23, (0.5, 0))
    with chart_style(names):
        plots.overview_chart(tmp_path / "o.png", one.scores)
        for i, score in enumerate(one.scores.attributes):
            values = one.split.labels[:, i], one.probabilities[:, i]
            plots.attribute_chart(tmp_path / "a.png", score, *values)
        for figure in saved:
            check_layout(figure)
            assert "nan" not in (figure.get_suptitle() + figure.axes[0].get_title())
