"""Fill in the figures of README.md and docs/models.md from the results of the evaluations.

    D=../shared/data
    for kind in tilt size faces; do python -m train.evaluate sweep $kind --data $D/celeba; done
    python -m train.evaluate rejection --data $D/celeba
    python -m train.evaluate photos $D/wild
    python -m train.evaluate photos $D/genki
    for name in attributes attributes-small attributes-large; do
        python -m device.bench --model models/$name.json --json out/bench-$name.json; done
    python -m train.tools.readme_figures

Each figure is between two markers such as <!-- tilt --> and <!-- /tilt -->.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from device.cli.command import Parser, exit_with
from device.errors import UsageError, os_reason
from device.files import read_json, write_atomic
from train.evaluation.fairness import LABELS
from train.evaluation.fairness_text import error_text, summary_lines, worst_groups
from train.evaluation.group_errors import ALL, MIN_PEOPLE
from train.tools.markers import fill_markers, has_markers

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "docs" / "models.md")
MODELS = ROOT / "models"
SWEEPS = {
    "tilt": "tilt, degrees",
    "size": "face, px wide",
    "faces": "faces of 64 px in a picture",
}
METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "mean_auc", "smiling_accuracy")


def sweep_table(title: str, points: list[dict]) -> list[str]:
    """Return a sweep as a table, a column per severity."""
    rows = {
        title: [f"{point['severity']:g}" for point in points],
        "found": [percent(point["detected"]) for point in points],
        "Facet": [f"{point['accuracy']:.3f}" for point in points],
        "baseline": [f"{point['baseline']:.3f}" for point in points],
    }
    lines = [f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows.items()]
    return [lines[0], "|---" * (len(points) + 1) + "|", *lines[1:]]


def percent(share: float) -> str:
    """Return a share as "100 %" or "99.7 %"."""
    return "100 %" if share == 1 else f"{100 * share:.1f} %"


def models_table(folder: Path, out: Path) -> list[str]:
    """Return a row per model: its card's test metrics, and the time per face."""
    lines = [
        "| model | accuracy | balanced accuracy | macro-F1 | mean AUC | Smiling | "
        "calibration error | multiply-adds | size | ms a face |",
        "|---" * 10 + "|",
    ]
    for path in sorted(folder.glob("*.json"), key=lambda path: path.stem):
        measured = read(path)["measured"]
        test = measured["test"]["int8"]
        cells = [f"{test[metric]:.3f}" for metric in (*METRICS, "calibration_error")]
        cells += [
            f"{measured['multiply_adds'] / 1e6:.0f} M",
            f"{measured['bytes'] / 1e6:.2f} MB",
            f"{read(out / f'bench-{path.stem}.json')['ms_per_face']:.1f}",
        ]
        lines.append(f"| `{path.stem}` | " + " | ".join(cells) + " |")
    return lines


def photos_lines(wild: dict, genki: dict) -> list[str]:
    """Return the results on two sets of whole photos, as two sentences."""
    text = (
        "{} (`train.evaluate photos ../shared/data/{}`): a face found in {} of {}, "
        "classified in {}, "
    )
    rows = (("Whole photos", "wild", wild), ("Other people", "genki", genki))
    whole, others = (
        text.format(
            title, name, percent(row["detected"]), row["photos"], percent(row["classified"])
        )
        for title, name, row in rows
    )
    return [
        f"{whole}accuracy {wild['accuracy']:.3f}.",
        f"{others}accuracy of Smiling {genki['accuracy']:.3f}.",
    ]


def rejection_table(curves: list[dict]) -> list[str]:
    """Return what each limit accepts and rejects."""
    lines = [
        "| state | limit | classified | accuracy of the classified | accuracy of the rejected |",
        "|---" * 5 + "|",
    ]
    for curve in curves:
        lines.append(
            f"| `{curve['state']}` | {curve['limit']:g} | {100 * curve['accepted']:.0f} % | "
            f"{curve['accepted_accuracy']:.3f} | {curve['rejected_accuracy']:.3f} |"
        )
    return lines


def fairness_lines(measured: dict) -> list[str]:
    """Return the worst groups of UTKFace, from a card's "measured"."""
    rows = {"UTKFace": measured["groups"]["UTKFace"]}
    summary = summary_lines(measured["fairness"]) if "fairness" in measured else []
    return [*worst_groups(rows), "", *summary]


def limits_line(measured: dict) -> list[str]:
    """Return the worst group of Male and of Young on UTKFace as a sentence, the worse first."""
    worst = []
    for name in LABELS:
        rows = [row for row in measured["groups"]["UTKFace"] if row["attribute"] == name]
        large = [row for row in rows if row["people"] >= MIN_PEOPLE]
        overall = next(row for row in large if row["group"] == ALL)
        worst.append((max(large, key=lambda row: row["error"]), overall))
    worst.sort(key=lambda pair: -pair[0]["error"])
    parts = (
        f"`{row['attribute']}` is wrong for {error_text(row)} of {row['group']}, "
        f"{error_text(overall)} of all"
        for row, overall in worst
    )
    return [f"On UTKFace, {'; '.join(parts)}. In brackets: 95 % intervals."]


def read(path: Path) -> Any:
    """Return the content of a JSON file; UsageError with the commands that write it."""
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"cannot read {path}: {os_reason(error)}",
            "the commands of python -m train.tools.readme_figures --help",
        ) from error


def fill_pages(pages: Iterable[Path], parts: dict[str, list[str]]) -> dict[Path, str]:
    """Return the text of each page with these parts; UsageError if no page has a part's markers."""
    texts = {page: page.read_text() for page in pages}
    for name, lines in parts.items():
        having = [page for page, text in texts.items() if has_markers(text, name)]
        if not having:
            raise UsageError(
                f"no page has <!-- {name} --> ... <!-- /{name} -->",
                "git checkout README.md docs/",
            )
        for page in having:
            texts[page] = fill_markers(texts[page], name, lines)
    return texts


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.tools.readme_figures", __doc__)
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the results")
    parser.add_argument("--pages", type=Path, nargs="+", default=PAGES, metavar="FILE.md")
    args = parser.parse_args(argv)
    test = args.out / "evaluate-test"
    measured = read(MODELS / "attributes.json")["measured"]
    parts = {
        "models": models_table(MODELS, args.out),
        **{
            name: sweep_table(title, read(test / f"sweep-{name}.json"))
            for name, title in SWEEPS.items()
        },
        "photos": photos_lines(
            read(args.out / "evaluate-wild" / "photos.json"),
            read(args.out / "evaluate-genki" / "photos.json"),
        ),
        "rejection": rejection_table(read(test / "rejection.json")),
        "fairness": fairness_lines(measured),
        "limits": limits_line(measured),
    }
    for page, text in fill_pages(args.pages, parts).items():
        write_atomic(page, text.encode())
    print(f"filled in {', '.join(parts)} of {', '.join(map(str, args.pages))}")


if __name__ == "__main__":
    exit_with(main)
