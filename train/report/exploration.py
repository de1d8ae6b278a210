"""The data: prevalence of each attribute, and which occur together."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from train.data.celeba import FULL_COUNTS
from train.data.split import (
    SPLITS,
    UNKNOWN,
    Dataset,
    left_out_line,
    prevalence_of,
    unknown_line,
)
from train.evaluation.chart_text import attribute_label, short_label
from train.evaluation.intervals import wilson
from train.evaluation.plots import BLUE, GREEN, ORANGE, interval_lengths
from train.report.chart import (
    BLUE_RGB,
    ORANGE_RGB,
    WIDTH_IN,
    Chart,
    label_rows,
    legend_outside,
    rows_figure,
)
from train.report.page import Section, Table, embed, interval_cell

FEW_PAIRS = 10  # attributes of a small heat map with numbers


def section(data: Dataset, folder: Path) -> Section:
    """Return the section on the data set."""
    names = data.attributes
    splits = [data.splits[name] for name in SPLITS]
    here = [(split.name, f"{len(split):,}") for split in splits]
    counts = Table("Photos", ("split", "here"), here)
    if data.name == "CelebA":
        rows = [(*row, f"{FULL_COUNTS[row[0]]:,}") for row in here]
        counts = Table("Photos", ("split", "here", "complete CelebA"), rows)
    largest = max(splits, key=len)
    order = np.argsort(-largest.prevalence(), kind="stable")
    counted = [(split.positives().tolist(), split.known.sum(axis=0).tolist()) for split in splits]
    prevalence = Table(
        "Photos with each attribute; shares with their 95 % intervals",
        ("attribute", *(f"{s.name}{column}" for s in splits for column in ("", " %"))),
        [
            (
                attribute_label(names[i]),
                *(
                    cell
                    for positives, known in counted
                    for cell in (
                        f"{positives[i]:,}",
                        _percent(positives[i], known[i], 1) if known[i] else "-",
                    )
                ),
            )
            for i in order
        ],
        kind="pinned",
        folded=True,
    )
    unknown = unknown_line(splits)
    charts = [prevalence_chart(data)]
    tables = [counts]
    if len(names) > 1:
        charts.append(cooccurrence_chart(largest.labels, names))
        tables.append(_pairs_table(largest.labels, names, largest.name))
    return Section(
        "data",
        "The data",
        [f"{line.capitalize()}." for line in filter(None, (left_out_line(data), unknown))],
        charts=[embed(chart, folder) for chart in charts],
        beside=tables,
        tables=[prevalence],
    )


def _percent(photos: int, count: int, digits: int) -> str:
    """Return a cell: photos as a share of count in percent, and its interval; a dash for none."""
    value = f"{100 * photos / count:.{digits}f}" if count else "-"
    return interval_cell(value, wilson(photos, count), digits, percent=True)


def prevalence_chart(data: Dataset) -> Chart:
    """Draw each attribute's share of each split's photos, the most frequent first."""
    splits = [data.splits[name] for name in SPLITS if len(data.splits[name])]
    shares = [split.prevalence() for split in splits]
    order = np.argsort(shares[0])
    figure = rows_figure(len(order))
    axes = figure.subplots()
    axes.barh(range(len(order)), shares[0][order], color=BLUE, alpha=0.45, label=splits[0].name)
    markers = zip(splits[1:], shares[1:], (ORANGE, GREEN), ("o", "D"), strict=False)
    for split, share, colour, marker in markers:
        counts = zip(split.positives()[order], split.known.sum(axis=0)[order], strict=True)
        ends = np.array([wilson(int(count), int(known)) for count, known in counts])
        axes.errorbar(
            share[order],
            range(len(order)),
            xerr=interval_lengths(share[order], ends),
            fmt=marker,
            color=colour,
            markersize=4,
            elinewidth=0.8,
            clip_on=False,
            label=split.name,
        )
    label_rows(axes, [data.attributes[i] for i in order])
    axes.set(xlim=(0, 1), xlabel="share of the photos")
    legend_outside(figure, len(splits))
    most, least = order[-1], order[0]
    return Chart(
        "prevalence",
        "Prevalence",
        f"A bar for each of {len(order)} attributes with its share of the {splits[0].name} photos, "
        f"from {attribute_label(data.attributes[most])} {shares[0][most]:.1%} to "
        f"{attribute_label(data.attributes[least])} {shares[0][least]:.1%}; dots: other splits.",
        figure,
        "A dot whose line (95 % interval) is far from the end of its bar: that split has another "
        "prevalence, so thresholds and probabilities of one split do not fit the other."
        if len(splits) > 1
        else f"Only the {splits[0].name} split has photos.",
    )


def cooccurrence_chart(labels: np.ndarray, names: tuple[str, ...]) -> Chart:
    """Draw the phi coefficient of every pair of attributes."""
    phi = correlation(labels)
    order = seriated(phi)
    ordered = phi[np.ix_(order, order)]
    np.fill_diagonal(ordered, 0)
    largest = max(0.05, float(np.abs(ordered).max()))
    cells = np.zeros((*ordered.shape, 4))
    # 0 is transparent, so that the page's background is the middle of the scale.
    cells[..., :3] = np.where(ordered[..., None] > 0, BLUE_RGB, ORANGE_RGB)
    cells[..., 3] = np.abs(ordered) / largest
    wide = len(names) > FEW_PAIRS
    side = 2 * WIDTH_IN if wide else WIDTH_IN
    figure = Figure(figsize=(side, 0.92 * side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(cells, interpolation="none", aspect="auto")
    axes.grid(visible=False)
    labelled = [short_label(names[i]) for i in order]
    places = range(len(names))
    size = min(7.5, 0.6 * 72 * side / len(names))
    axes.set_xticks(places, labelled, rotation=90 if len(names) > 3 else 0, fontsize=size)
    axes.set_yticks(places, labelled, fontsize=size)
    axes.tick_params(length=0)
    if not wide:
        for (row, column), value in np.ndenumerate(ordered):
            text = f"{value:+.2f}" if row != column else "-"
            axes.text(column, row, text, ha="center", va="center", fontsize=7.5)
    (name_a, name_b, value), *_ = pairs(labels, names)
    return Chart(
        "cooccurrence",
        "Co-occurrence",
        f"A square for each pair of {len(names)} attributes, coloured by their phi coefficient. "
        f"The strongest: {attribute_label(name_a)} and {attribute_label(name_b)}, {value:+.2f}.",
        figure,
        f"Phi coefficient, from {-largest:.2f} (orange: seldom together) over 0 (no colour) to "
        f"{largest:.2f} (blue: mostly together), clustered. The model may confuse attributes that "
        f"are strongly correlated here.{_constant(labels, names)}",
        wide=wide,
    )


def _constant(labels: np.ndarray, names: tuple[str, ...]) -> str:
    """Return a sentence with the attributes that all photos have, or none."""
    shares = prevalence_of(labels)
    constant = [attribute_label(name) for name, p in zip(names, shares, strict=True) if p in (0, 1)]
    if not constant:
        return ""
    return f" 0 by definition for an attribute of all photos or of none: {', '.join(constant)}."


def _pairs_table(labels: np.ndarray, names: tuple[str, ...], split: str, limit: int = 16) -> Table:
    rows = []
    for a, b, phi in pairs(labels, names)[:limit]:
        first, second = (labels[:, names.index(name)] for name in (a, b))
        both = int(((first == 1) & (second == 1)).sum())
        rows.append(
            (
                f"{attribute_label(a)}, {attribute_label(b)}",
                f"{phi:+.2f}",
                f"{both:,}",
                _percent(both, int(((first == 1) & (second != UNKNOWN)).sum()), 0),
                _percent(both, int(((second == 1) & (first != UNKNOWN)).sum()), 0),
            )
        )
    header = ("pair", "phi", "both", "% of first", "% of second")
    return Table(
        f"Strongest correlations, {split} photos: number with both, as a share of each (95 %)",
        header,
        rows,
        kind="wraps",
    )


def correlation(labels: np.ndarray) -> np.ndarray:
    """Return the phi coefficients of 0/1 columns, (attributes, attributes), -1..1.

    Of a pair, over the photos where both are known. 0 for a constant column, 1 on the diagonal.
    Source: Yule (1912).
    """
    known, yes = (labels != UNKNOWN).astype(np.float64), (labels == 1).astype(np.float64)
    count, both = known.T @ known, yes.T @ yes
    first, second = yes.T @ known, known.T @ yes
    variances = (count * first - first**2) * (count * second - second**2)
    product = np.sqrt(variances)
    phi = np.zeros_like(product)
    np.divide(count * both - first * second, product, out=phi, where=product > 0)
    np.fill_diagonal(phi, 1.0)
    return np.clip(phi, -1, 1)


def seriated(phi: np.ndarray) -> np.ndarray:
    """Return an order that groups correlated attributes: clustering, optimal leaf order."""
    if len(phi) < 3:
        return np.arange(len(phi))
    distance = np.round((1 - phi) / 2, 12)
    tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
    return leaves_list(tree)


def pairs(labels: np.ndarray, names: tuple[str, ...]) -> list[tuple[str, str, float]]:
    """Return every pair of attributes with its phi coefficient, the strongest first."""
    phi = correlation(labels)
    rows, columns = np.triu_indices(len(names), 1)
    order = np.argsort(-np.abs(phi[rows, columns]), kind="stable")
    found = zip(rows[order], columns[order], strict=True)
    return [(names[a], names[b], float(phi[a, b])) for a, b in found]
