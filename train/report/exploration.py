"""The data: how often each attribute is seen, and which are seen together."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from train.celeba import FULL_COUNTS, SPLITS, CelebA, left_out_line
from train.measuring.charts import BLUE, GREEN, ORANGE
from train.report.drawing import (
    BLUE_RGB,
    ORANGE_RGB,
    WIDTH_IN,
    Chart,
    label_rows,
    rows_figure,
    words,
)
from train.report.page import Section, Table, drawn


def section(data: CelebA, folder: Path) -> Section:
    """Return the exploration of the data set."""
    names = data.attributes
    splits = [data.splits[name] for name in SPLITS]
    here = [(split.name, f"{len(split):,}") for split in splits]
    counts = Table("Photos", ("split", "here"), here)
    if data.name == "CelebA":
        beside = [(*row, f"{FULL_COUNTS[row[0]]:,}") for row in here]
        counts = Table("Photos", ("split", "here", "complete CelebA"), beside)
    shown = max(splits, key=len)
    shares = [split.labels.mean(axis=0) if len(split) else None for split in splits]
    order = np.argsort(-shown.labels.mean(axis=0), kind="stable")
    prevalence = Table(
        "Photos that have each attribute",
        ("attribute", *(f"{s.name}{column}" for s in splits for column in ("", " %"))),
        [
            (
                words(names[i]),
                *(
                    cell
                    for s, p in zip(splits, shares, strict=True)
                    for cell in (
                        f"{int(s.labels[:, i].sum()):,}",
                        "-" if p is None else f"{100 * p[i]:.1f}",
                    )
                ),
            )
            for i in order
        ],
        kind="pinned",
        folded=True,
    )
    charts = [prevalence_chart(data)]
    tables = [counts]
    if len(names) > 1:
        charts.append(cooccurrence_chart(shown.labels, names))
        tables.append(_pairs_table(shown.labels, names, shown.name))
    return Section(
        "data",
        "The data",
        [left_out_line(data).capitalize() + "."],
        charts=[drawn(chart, folder) for chart in charts],
        beside=tables,
        tables=[prevalence],
    )


def prevalence_chart(data: CelebA) -> Chart:
    """Draw each attribute's share of the photos of each split, the most frequent first."""
    splits = [data.splits[name] for name in SPLITS if len(data.splits[name])]
    shares = [split.labels.mean(axis=0) for split in splits]
    order = np.argsort(shares[0])
    figure = rows_figure(len(order))
    axes = figure.subplots()
    axes.barh(range(len(order)), shares[0][order], color=BLUE, alpha=0.45, label=splits[0].name)
    markers = zip(splits[1:], shares[1:], (ORANGE, GREEN), ("o", "D"), strict=False)
    for split, share, colour, marker in markers:
        axes.plot(
            share[order], range(len(order)), marker, color=colour, markersize=4, label=split.name
        )
    label_rows(axes, [data.attributes[i] for i in order])
    axes.set(xlim=(0, 1), xlabel="share of the photos that have it")
    axes.legend(loc="lower right")
    most, least = order[-1], order[0]
    return Chart(
        "prevalence",
        "How often each attribute is seen",
        f"A bar for each of {len(order)} attributes with its share of the {splits[0].name} photos, "
        f"from {words(data.attributes[most])} {shares[0][most]:.1%} to "
        f"{words(data.attributes[least])} {shares[0][least]:.1%}; dots for the other splits.",
        figure,
        "A dot far from its bar's end: that split has another share, so a threshold or a "
        "probability that suits one does not suit the other.",
    )


def cooccurrence_chart(labels: np.ndarray, names: tuple[str, ...]) -> Chart:
    """Draw the phi coefficient of every pair of attributes."""
    phi = correlation(labels)
    order = seriated(phi)
    shown = phi[np.ix_(order, order)]
    np.fill_diagonal(shown, 0)
    most = max(0.05, float(np.abs(shown).max()))
    cells = np.zeros((*shown.shape, 4))
    # Nothing is transparent, so that the page's own ground is the middle of the scale.
    cells[..., :3] = np.where(shown[..., None] > 0, BLUE_RGB, ORANGE_RGB)
    cells[..., 3] = np.abs(shown) / most
    side = 2 * WIDTH_IN
    figure = Figure(figsize=(side, 0.92 * side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(cells, interpolation="none", aspect="auto")
    axes.grid(visible=False)
    labelled = [words(names[i]) for i in order]
    places = range(len(names))
    axes.set_xticks(places, labelled, rotation=90, fontsize=7.5)
    axes.set_yticks(places, labelled, fontsize=7.5)
    axes.tick_params(length=0)
    (name_a, name_b, value), *_ = pairs(labels, names)
    return Chart(
        "cooccurrence",
        "Which attributes are seen together",
        f"A square for each pair of {len(names)} attributes, coloured by their phi coefficient. "
        f"The strongest: {words(name_a)} and {words(name_b)}, {value:+.2f}.",
        figure,
        f"Phi coefficient, from {-most:.2f} (orange: seldom together) over 0 (no colour) to "
        f"{most:.2f} (blue: mostly together); neighbours are alike. What is strongly tied here "
        "the model may take for each other.",
        wide=True,
    )


def _pairs_table(labels: np.ndarray, names: tuple[str, ...], split: str, most: int = 16) -> Table:
    rows = []
    for a, b, phi in pairs(labels, names)[:most]:
        one, other = (labels[:, names.index(name)].astype(bool) for name in (a, b))
        both = int((one & other).sum())
        rows.append(
            (
                f"{words(a)}, {words(b)}",
                f"{phi:+.2f}",
                f"{both:,}",
                f"{both / max(one.sum(), 1):.0%}",
                f"{both / max(other.sum(), 1):.0%}",
            )
        )
    header = ("pair", "phi", "both", "of first", "of second")
    return Table(
        f"The strongest ties, {split} photos: how many have both, which share of each",
        header,
        rows,
        kind="wraps",
    )


def correlation(labels: np.ndarray) -> np.ndarray:
    """Return the phi coefficients of 0/1 columns, (attributes, attributes), -1..1.

    0 where a column is constant, 1 on the diagonal. Source: Yule (1912).
    """
    centred = labels.astype(np.float64) - labels.mean(axis=0)
    spread = np.sqrt((centred**2).sum(axis=0))
    both = np.outer(spread, spread)
    phi = np.divide(centred.T @ centred, both, out=np.zeros_like(both), where=both > 0)
    np.fill_diagonal(phi, 1.0)
    return np.clip(phi, -1, 1)


def seriated(phi: np.ndarray) -> np.ndarray:
    """Return an order in which what is seen together stands together: clustered, best leaves."""
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
