"""Measure how well known people are known, on identities of CelebA, and choose the threshold.

    python -m train.people --data ../shared/data/celeba     # 5 minutes, most of them once

DIR needs identity_CelebA.txt beside what train.celeba reads. The least similarity is chosen on the
validation part, everything else is measured on the test part, whose people it has not seen. Leaves
out/people/ (embeddings, report.json), docs/people-det.png and the figures of docs/PEOPLE.md.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from device.cli.command import Parser, exit_with
from device.recognition.embedding import MODEL, VERSION
from device.settings import Settings
from train.celeba import read_celeba
from train.figures import README, filled
from train.measuring.charts import det_chart
from train.measuring.embeddings import Faces, read_faces, read_groups, read_identities, read_widths
from train.measuring.verification import (
    Named,
    Share,
    accuracy,
    all_pairs,
    balanced_pairs,
    best_score,
    errors,
    false_accepts,
    identify,
    known_at,
    min_score,
    odd_ones,
)

FALSE_ACCEPTS = 0.0005  # per comparison, at most: half of what is wanted, for others than these
WIDTHS_OF = 150  # people, seen from further and further away
SETTING = Settings().people.min_score
PAGE = Path("docs/PEOPLE.md")
CHART = Path("docs/people-det.png")


@dataclass(frozen=True)
class Report:
    """What was measured on test people; shares are 0..1, with 95 % intervals."""

    model: str
    people: int
    photos: int
    not_found: int  # photos in which the detector found no face
    not_clear: int  # and whose face is too turned or blurred to be told
    min_score: float  # chosen on validation people
    accepted: Share  # of strangers' pairs, at min_score
    even_score: float  # at which validation pairs were told best
    accuracy: Share  # of as many pairs of one person as of two, at even_score
    strict_accuracy: Share  # the same at min_score
    missed: int  # of the pairs of one person, at even_score
    missed_odd: int  # of those, with a face that is unlike all others of its label, which agree
    odd_photos: tuple[str, ...]
    widths: dict[
        float, Share
    ]  # px -> known by the other photos, as clear or not as that makes them
    groups: dict[str, Share]  # of UTKFace's people: strangers of one group taken for one person
    named: Named  # five known people with two photos each, at the device's own least score


def measure(
    val: Faces, test: Faces, widths: dict[float, Faces], groups: dict[str, np.ndarray]
) -> Report:
    """Choose the least score on validation faces, and measure it on test faces."""
    least = min_score(*val.only_found(), FALSE_ACCEPTS)
    even = best_score(balanced_pairs(*val.only_found()))
    identities, embeddings = test.only_found()
    pairs = balanced_pairs(identities, embeddings)
    odd = odd_ones(identities, embeddings, even)
    missed = pairs.same & (pairs.score < even)
    names = np.array(test.photos)[test.found]
    return Report(
        model=f"{MODEL}, version {VERSION}",
        people=len(np.unique(test.identities)),
        photos=len(test.photos),
        not_found=int((~test.found).sum()),
        not_clear=int((test.found & ~test.clear).sum()),
        min_score=least,
        accepted=false_accepts(identities, embeddings, least),
        even_score=even,
        accuracy=accuracy(pairs, identities, even),
        strict_accuracy=accuracy(pairs, identities, least),
        missed=int(missed.sum()),
        missed_odd=int((missed & (odd[pairs.first] | odd[pairs.second])).sum()),
        odd_photos=tuple(names[odd].tolist()),
        widths={width: known_at(test, faces, SETTING) for width, faces in widths.items()},
        groups={
            group: false_accepts(np.arange(len(faces)), faces, SETTING)
            for group, faces in groups.items()
        },
        named=identify(test.identities, test.embeddings, test.clear, SETTING),
    )


def table(report: Report) -> list[str]:
    """Return the report as a table, with what it must reach."""
    named, chosen = report.named, f"{report.min_score:.2f}"
    rows = [
        (f"least score, chosen on validation people (`min_score`: {SETTING:g})", chosen, ""),
        ("strangers' pairs taken for one person, per comparison", report.accepted, "0.1 %"),
        (
            f"pairs rightly told, {report.accuracy.of:,}, half of them of one person, from "
            f"{report.even_score:.3f} on",
            report.accuracy,
            "96 %",
        ),
        (f"the same from {chosen} on", report.strict_accuracy, ""),
        ("known people's other photos: right name", named.right, ""),
        ("no name", named.missed, ""),
        ("another known person's name", named.mistaken, ""),
        ("strangers' photos: a name", named.message, "0.5 %"),
        ("all photos: a wrong name", named.wrong_at_all, "0.5 %"),
    ]
    return [
        "| | measured (95 % interval) | aim |",
        "|---|---|---|",
        *(f"| {what} | {value} | {aim} |" for what, value, aim in rows),
        *_widths_table(report.widths),
        "",
        "| strangers taken for one person, per comparison | people | measured (95 % interval) |",
        "|---|---|---|",
        *(f"| {group} | {_people(one)} | {one} |" for group, one in report.groups.items()),
    ]


def _widths_table(widths: dict[float, Share]) -> list[str]:
    if not widths:
        return []
    return [
        "",
        "| face, px wide | " + " | ".join(f"{width:g}" for width in widths) + " |",
        "|---" * (len(widths) + 1) + "|",
        "| known | " + " | ".join(f"{100 * one.value:.0f} %" for one in widths.values()) + " |",
    ]


def _people(one: Share) -> int:
    """Return how many people make so many pairs."""
    return round((1 + (1 + 8 * one.of) ** 0.5) / 2)


def summary(report: Report) -> list[str]:
    """Return the report for the README: what a user has to expect."""
    named = report.named
    return [
        f"On {report.people} people of CelebA's test part, five at a time known by two photos "
        f"each: {named.right} of their other photos get the right name, {named.missed} none, and "
        f"{named.message} of strangers' photos a name. Of pairs of photos, half of them of one "
        f"person, {report.accuracy} are rightly told (`train.people`, 95 % intervals).",
    ]


def curve(faces: Faces) -> tuple[np.ndarray, np.ndarray]:
    """Return false accepts and false rejects from the least score 0 to 0.8."""
    return errors(all_pairs(*faces.only_found()), np.linspace(0.0, 0.8, 400))


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.people", __doc__)
    parser.add_argument("--data", required=True, type=Path, help="CelebA's folder")
    parser.add_argument("--utkface", type=Path, help="UTKFace's folder (default beside CelebA's)")
    parser.add_argument(
        "--widths", action="store_true", help="narrower and narrower faces too (900 embeddings)"
    )
    parser.add_argument("--out", type=Path, default=Path("out/people"), help="default out/people")
    parser.add_argument("--page", type=Path, default=PAGE, help="whose figures are filled in")
    parser.add_argument("--readme", type=Path, default=README, help="likewise, in one sentence")
    parser.add_argument("--chart", type=Path, default=CHART, help="of both kinds of error")
    args = parser.parse_args(argv)
    identities = read_identities(args.data)
    data = read_celeba(args.data)
    val, test = (read_faces(data, split, identities, args.out) for split in ("val", "test"))
    widths = read_widths(data, "test", test, WIDTHS_OF, args.out) if args.widths else {}
    groups = read_groups(args.utkface or args.data.parent / "utkface", args.out)
    report = measure(val, test, widths, groups)
    (args.out / "report.json").write_text(json.dumps(asdict(report), indent=1) + "\n")
    accepted, rejected = errors(all_pairs(*test.only_found()), np.array([report.min_score]))
    curves = {"validation people": curve(val), "test people": curve(test)}
    det_chart(args.chart, curves, (float(accepted[0]), float(rejected[0])))
    lines = table(report)
    for path, part in ((args.page, lines), (args.readme, summary(report))):
        path.write_text(filled(path.read_text(), "people", part))
    print("\n".join(lines))
    print(f"wrote {args.out / 'report.json'}, {args.chart} and the figures of both pages")


if __name__ == "__main__":
    exit_with(main)
