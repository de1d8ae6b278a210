"""Fill in the README's figures from what the evaluations wrote.

    D=../shared/data
    for stress in tilt size faces; do
        python -m train.evaluate --data $D/celeba --sweep $stress; done
    python -m train.evaluate --data $D/celeba --coverage
    python -m train.evaluate --data $D/celeba --groups
    python -m train.evaluate --photos $D/wild
    python -m train.evaluate --photos $D/genki
    for name in attributes attributes-small attributes-large; do
        python -m device.bench --model models/$name.json --json out/bench-$name.json; done
    python -m train.figures

Each figure stands between two marks such as <!-- tilt --> and <!-- /tilt -->.
"""

import json
import re
from pathlib import Path

from device.cli.command import Parser, exit_with
from device.errors import UsageError

README = Path(__file__).parent.parent / "README.md"
MODELS = README.parent / "models"
SWEEPS = {
    "tilt": "tilt, degrees",
    "size": "face, px wide",
    "faces": "faces of 64 px in a picture",
}
PEOPLE = {"women": "female", "men": "male", "60 and older": "60 to 120"}  # groups of UTKFace
FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", "mean_auc", "smiling_accuracy")


def sweep_table(title: str, points: list[dict]) -> list[str]:
    """Return a sweep as a table, a column for each stress."""
    rows = {
        title: [f"{point['stress']:g}" for point in points],
        "found": [share(point["found"]) for point in points],
        "Facet": [f"{point['accuracy']:.3f}" for point in points],
        "naive": [f"{point['naive']:.3f}" for point in points],
    }
    lines = [f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows.items()]
    return [lines[0], "|---" * (len(points) + 1) + "|", *lines[1:]]


def share(value: float) -> str:
    """Return a share as "100 %" or "99.7 %"."""
    return "100 %" if value == 1 else f"{100 * value:.1f} %"


def models_table(folder: Path, out: Path) -> list[str]:
    """Return a row for each model: its card's test figures, and the time that a face takes."""
    lines = [
        "| model | accuracy | balanced accuracy | macro-F1 | mean AUC | Smiling | "
        "calibration error | multiply-adds | size | ms a face |",
        "|---" * 10 + "|",
    ]
    for path in sorted(folder.glob("*.json"), key=lambda path: path.stem):
        measured = json.loads(path.read_text())["measured"]
        test = measured["test"]["int8"]
        cells = [f"{test[figure]:.3f}" for figure in (*FIGURES, "calibration_error")]
        cells += [
            f"{measured['multiply_adds'] / 1e6:.0f} M",
            f"{measured['bytes'] / 1e6:.2f} MB",
            f"{read(out / f'bench-{path.stem}.json')['ms_per_face']:.1f}",
        ]
        lines.append(f"| `{path.stem}` | " + " | ".join(cells) + " |")
    return lines


def photos_lines(wild: dict, genki: dict) -> list[str]:
    """Return what whole photos and strangers' gave, as two sentences."""
    said = "found in {} of {}, told in {}"
    wild_said, genki_said = (
        said.format(share(one["found"]), one["photos"], share(one["told"])) for one in (wild, genki)
    )
    return [
        f"Whole photos (`train.evaluate --photos ../shared/data/wild`): a face {wild_said}, "
        f"{wild['accuracy']:.3f} right.",
        f"Strangers (`--photos ../shared/data/genki`): {genki_said}, Smiling "
        f"{genki['accuracy']:.3f} right.",
    ]


def coverage_table(rules: list[dict]) -> list[str]:
    """Return what each limit keeps and refuses."""
    lines = [
        "| state | limit | told | right, told | right if they were told, refused |",
        "|---" * 5 + "|",
    ]
    for rule in rules:
        lines.append(
            f"| `{rule['state']}` | {rule['limit']:g} | {100 * rule['kept']:.0f} % | "
            f"{rule['kept_accuracy']:.3f} | {rule['refused_accuracy']:.3f} |"
        )
    return lines


def groups_line(groups: dict[str, list[dict]]) -> list[str]:
    """Return for whom Male is wrong on UTKFace, with 95 % intervals."""
    rows = {row["group"]: row for row in groups["UTKFace"] if row["attribute"] == "Male"}
    told = [f"{people} {_error(rows[group])}" for people, group in PEOPLE.items()]
    return [
        f"On UTKFace, `Male` is wrong for {_error(rows['all'])} of {rows['all']['people']} people: "
        + ", ".join(told)
        + ". All groups, with CelebA's own, and `Young`: `train.evaluate --data "
        "../shared/data/celeba --groups`; the worst are in the model cards."
    ]


def _error(row: dict) -> str:
    return f"{100 * row['error']:.1f} % ({100 * row['low']:.1f} to {100 * row['high']:.1f})"


def read(path: Path):
    """Return a JSON file; UsageError says which commands write it."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"cannot read {path}: {error}", "Run what python -m train.figures --help names"
        ) from error


def filled(text: str, mark: str, lines: list[str]) -> str:
    """Return the text with these lines between a mark and its end; UsageError where it has none."""
    pattern = re.compile(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", re.DOTALL)
    if not pattern.search(text):
        raise UsageError(f"the README has no <!-- {mark} --> ... <!-- /{mark} -->")
    return pattern.sub(lambda found: found[1] + "\n".join(lines) + "\n" + found[2], text)


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.figures", __doc__)
    parser.add_argument("--out", type=Path, default=Path("out"), help="where evaluations wrote")
    parser.add_argument("--readme", type=Path, default=README)
    args = parser.parse_args(argv)
    test = args.out / "evaluate-test"
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
        "coverage": coverage_table(read(test / "coverage.json")),
        "groups": groups_line(read(test / "groups.json")),
    }
    text = args.readme.read_text()
    for mark, lines in parts.items():
        text = filled(text, mark, lines)
    args.readme.write_text(text)
    print(f"filled in {', '.join(parts)} of {args.readme}")


if __name__ == "__main__":
    exit_with(main)
