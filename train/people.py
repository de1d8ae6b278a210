"""Measure the recognition of enrolled people on CelebA's identities, and choose the threshold.

    python -m train.people --data ../shared/data/celeba     # 5 minutes, most of them once

DIR needs identity_CelebA.txt besides the files that train.celeba reads. The similarity threshold is
chosen on validation people, everything else is measured on test people. Writes out/people/
(embeddings, report.json), docs/people-det.png and the tables of docs/people.md.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from device.cli.command import Parser, exit_with
from device.recognition.embedding import MODEL, VERSION
from device.settings import Settings
from train.data.celeba import read_celeba
from train.data.identities import read_identities
from train.data.unreadable import unreadable_line
from train.evaluation.embeddings import (
    EmbeddedFaces,
    read_faces,
    read_groups,
    read_widths,
)
from train.evaluation.verification import (
    Identification,
    Share,
    accuracy,
    all_pairs,
    balanced_pairs,
    best_score,
    errors,
    false_accepts,
    find_outliers,
    identify,
    min_score,
    recognized_share,
)
from train.tools.markers import fill_markers

MAX_FALSE_ACCEPTS = 0.0005  # per comparison: half of the aim, as a margin for other people
WIDTH_PEOPLE = 150  # people for the evaluation by face width
SETTING = Settings().people.min_score  # the device's threshold
ACCEPTED = "different people accepted as one person, per comparison"
PAGE = Path("docs/people.md")
CHART = Path("docs/people-det.png")


@dataclass(frozen=True)
class Report:
    """Results on test people; shares are 0..1, with 95 % intervals."""

    model: str
    people: int
    photos: int  # that can be read
    not_detected: int  # photos without a detected face
    not_clear: int  # photos whose face the quality gate rejects
    min_score: float  # chosen on validation people
    false_accepts: Share  # of impostor pairs, at min_score
    best_score: float  # threshold with the best accuracy on validation pairs
    accuracy: Share  # of balanced pairs, at best_score
    strict_accuracy: Share  # the same at min_score
    missed: int  # false rejects among genuine pairs, at best_score
    missed_outliers: int  # of those, with a face that is an outlier of its identity
    outlier_photos: tuple[str, ...]
    widths: dict[float, Share]  # face width, px -> recognized by the person's other photos
    groups: dict[str, Share]  # false accepts within groups of UTKFace's people
    identification: Identification  # galleries of five people, at the device's threshold


def measure(
    val: EmbeddedFaces,
    test: EmbeddedFaces,
    widths: dict[float, EmbeddedFaces],
    groups: dict[str, np.ndarray],
) -> Report:
    """Choose the threshold on validation faces, and measure it on test faces."""
    strict = min_score(*val.only_detected(), MAX_FALSE_ACCEPTS)
    best = best_score(balanced_pairs(*val.only_detected()))
    identities, embeddings = test.only_detected()
    pairs = balanced_pairs(identities, embeddings)
    outliers = find_outliers(identities, embeddings, best)
    missed = pairs.same & (pairs.score < best)
    names = np.array(test.photos)[test.detected]
    return Report(
        model=f"{MODEL}, version {VERSION}",
        people=len(np.unique(test.identities)),
        photos=len(test.photos),
        not_detected=int((~test.detected).sum()),
        not_clear=int((test.detected & ~test.clear).sum()),
        min_score=strict,
        false_accepts=false_accepts(identities, embeddings, strict),
        best_score=best,
        accuracy=accuracy(pairs, identities, best),
        strict_accuracy=accuracy(pairs, identities, strict),
        missed=int(missed.sum()),
        missed_outliers=int((missed & (outliers[pairs.first] | outliers[pairs.second])).sum()),
        outlier_photos=tuple(names[outliers].tolist()),
        widths={width: recognized_share(test, faces, SETTING) for width, faces in widths.items()},
        groups={
            group: false_accepts(np.arange(len(faces)), faces, SETTING)
            for group, faces in groups.items()
        },
        identification=identify(test.identities, test.embeddings, test.clear, SETTING),
    )


def table(report: Report) -> list[str]:
    """Return the report as Markdown tables, with the aims."""
    result, chosen = report.identification, f"{report.min_score:.2f}"
    rows = [
        (
            f"lowest accepted score, chosen on validation people (`min_score`: {SETTING:g})",
            chosen,
            "",
        ),
        (f"pairs of {ACCEPTED}", report.false_accepts, "0.1 %"),
        (
            f"accuracy on {report.accuracy.of:,} pairs, half of them of one person, at score "
            f"{report.best_score:.3f}",
            report.accuracy,
            "96 %",
        ),
        (f"the same at score {chosen}", report.strict_accuracy, ""),
        ("other photos of enrolled people: correct name", result.correct, ""),
        ("no name", result.missed, ""),
        ("another enrolled person's name", result.confused, ""),
        ("photos of people not enrolled: a name", result.false_names, "0.5 %"),
        ("all photos: a wrong name", result.wrong_names, "0.5 %"),
    ]
    return [
        "| | measured (95 % interval) | aim |",
        "|---|---|---|",
        *(f"| {what} | {value} | {aim} |" for what, value, aim in rows),
        *_widths_table(report.widths),
        "",
        f"| {ACCEPTED} | people | measured (95 % interval) |",
        "|---|---|---|",
        *(f"| {group} | {_people(rate)} | {rate} |" for group, rate in report.groups.items()),
    ]


def _widths_table(widths: dict[float, Share]) -> list[str]:
    if not widths:
        return []
    return [
        "",
        "| face, px wide | " + " | ".join(f"{width:g}" for width in widths) + " |",
        "|---" * (len(widths) + 1) + "|",
        "| recognized | " + " | ".join(f"{100 * s.value:.0f} %" for s in widths.values()) + " |",
    ]


def _people(pairs: Share) -> int:
    """Return the number of people with this number of pairs."""
    return round((1 + (1 + 8 * pairs.of) ** 0.5) / 2)


def curve(faces: EmbeddedFaces) -> tuple[np.ndarray, np.ndarray]:
    """Return false accepts and false rejects at thresholds from 0 to 0.8."""
    return errors(all_pairs(*faces.only_detected()), np.linspace(0.0, 0.8, 400))


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.people", __doc__)
    parser.add_argument("--data", required=True, type=Path, help="CelebA's folder")
    parser.add_argument("--utkface", type=Path, help="UTKFace's folder (default beside CelebA's)")
    parser.add_argument("--widths", action="store_true", help="also by face width (900 embeddings)")
    parser.add_argument("--out", type=Path, default=Path("out/people"), help="default out/people")
    parser.add_argument("--page", type=Path, default=PAGE, help="page with the tables")
    parser.add_argument("--chart", type=Path, default=CHART, help="detection error tradeoff")
    args = parser.parse_args(argv)
    from train.evaluation.plots import det_chart  # imports Matplotlib

    identities = read_identities(args.data)
    data = read_celeba(args.data)
    val, test = (read_faces(data, split, identities, args.out) for split in ("val", "test"))
    widths = read_widths(data, "test", test, WIDTH_PEOPLE, args.out) if args.widths else {}
    utkface = args.utkface or args.data.parent / "utkface"
    groups = read_groups(utkface, args.out)
    report = measure(val, test, widths, groups)
    (args.out / "report.json").write_text(json.dumps(asdict(report), indent=1) + "\n")
    accepts, rejects = errors(all_pairs(*test.only_detected()), np.array([report.min_score]))
    curves = {"validation people": curve(val), "test people": curve(test)}
    det_chart(args.chart, curves, (float(accepts[0]), float(rejects[0])))
    lines = table(report)
    args.page.write_text(fill_markers(args.page.read_text(), "people", lines))
    print("\n".join(lines))
    splits = (data.splits[name] for name in ("val", "test"))
    if line := unreadable_line(*splits, utkface=utkface):
        print(line)
    print(f"wrote {args.out / 'report.json'}, {args.chart} and the tables of {args.page}")


if __name__ == "__main__":
    exit_with(main)
