"""Measure how well known people are known, on identities of CelebA, and choose the threshold.

    python -m train.people --data ../shared/data/celeba     # 5 minutes, most of them once

DIR needs identity_CelebA.txt beside what train.celeba reads. The least similarity is chosen on the
validation part, everything else is measured on the test part, whose people it has not seen. Leaves
out/people/ (embeddings, report.json), docs/people-det.png and the figures of docs/PEOPLE.md.
"""

import functools
import hashlib
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm import tqdm

from device.attributes.classifier import Classifier
from device.attributes.look import limits_of, look
from device.camera.photo import read_photo
from device.command import Parser, exit_with
from device.faces.blazeface import BlazeFace
from device.people.chip import chip
from device.people.embedding import MODEL, NUMBERS, VERSION, Embedder
from device.settings import Settings
from device.types import OK
from train.celeba import CelebA, DataError, Split, read_celeba
from train.charts import det_chart
from train.figures import README, filled
from train.verification import (
    Named,
    Share,
    accuracy,
    all_pairs,
    balanced_pairs,
    best_score,
    errors,
    false_accepts,
    identify,
    min_score,
    odd_ones,
)

# False accepts per comparison on validation people. At most 0.001 are wanted; other people than
# those that the least score was chosen on make other numbers of them.
FALSE_ACCEPTS = 0.0007
SETTING = Settings().people.min_score
PAGE = Path("docs/PEOPLE.md")
CHART = Path("docs/people-det.png")


@dataclass(frozen=True, eq=False)
class Faces:
    """A split's faces, for each photo the largest."""

    photos: tuple[str, ...]
    identities: np.ndarray  # int (photos,)
    found: np.ndarray  # bool (photos,)
    clear: np.ndarray  # bool (photos,): large, frontal and sharp enough to be told
    embeddings: np.ndarray  # float32 (photos, 128); zeros where no face was found

    def only_found(self) -> tuple[np.ndarray, np.ndarray]:
        """Return identities and embeddings of the faces that were found."""
        return self.identities[self.found], self.embeddings[self.found]


def read_identities(root: Path) -> dict[str, int]:
    """Return each photo's identity; DataError where identity_CelebA.txt is missing or malformed."""
    path = root / "identity_CelebA.txt"
    try:
        rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
        return {photo: int(identity) for photo, identity in rows}
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", "Give --data DIR") from error
    except ValueError as error:
        raise DataError(f"{path}: expected a photo and a number on each line") from error


def read_faces(data: CelebA, split: str, identities: dict[str, int], cache: Path) -> Faces:
    """Return a split's faces, embedded by the device's own path; from the cache where it has them.

    Raises DataError where a photo has no identity.
    """
    photos = data.splits[split].photos
    names = tuple(path.name for path in photos)
    lacking = [name for name in names if name not in identities]
    if lacking or not names:
        raise DataError(f"{len(lacking)} of {len(names)} {split} photos have no identity")
    print_of = hashlib.sha256(repr((MODEL, VERSION, names)).encode()).hexdigest()[:12]
    path = cache / f"{split}-{print_of}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        found, clear, embeddings = _embed(data.splits[split])
        np.savez_compressed(path, found=found, clear=clear, embeddings=embeddings)
    kept = np.load(path)
    numbers = np.array([identities[name] for name in names])
    return Faces(names, numbers, kept["found"], kept["clear"], kept["embeddings"])


def _embed(split: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # Processes, for dlib holds Python's lock; spawned, for a fork of TFLite's threads may hang.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        faces = pool.map(_face, split.photos, chunksize=8)
        rows = list(tqdm(faces, total=len(split), desc=split.name, unit="photo", mininterval=1))
    found, clear, embeddings = zip(*rows, strict=True)
    return np.array(found), np.array(clear), np.array(embeddings)


def _face(photo: Path) -> tuple[bool, bool, np.ndarray]:
    """Return whether a photo's largest face was found, whether it is clear, and its embedding."""
    detector, classifier, embedder = _models()
    picture = read_photo(photo)
    face = max(detector.detect(picture), key=lambda one: one.box[2], default=None)
    if not face:
        return False, False, np.zeros(NUMBERS, np.float32)
    state = look(picture, face, classifier, limits_of(Settings().faces)).state
    return True, state == OK, embedder.embed(chip(picture, face.landmarks))


@functools.cache
def _models() -> tuple[BlazeFace, Classifier, Embedder]:
    return BlazeFace(), Classifier(Settings().attributes.model), Embedder()


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
    named: Named  # five known people with two photos each, at the device's own least score


def measure(val: Faces, test: Faces) -> Report:
    """Choose the least score on validation faces, and measure it on test faces."""
    least = min_score(all_pairs(*val.only_found()), FALSE_ACCEPTS)
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
        accepted=false_accepts(all_pairs(identities, embeddings), identities, least),
        even_score=even,
        accuracy=accuracy(pairs, identities, even),
        strict_accuracy=accuracy(pairs, identities, least),
        missed=int(missed.sum()),
        missed_odd=int((missed & (odd[pairs.first] | odd[pairs.second])).sum()),
        odd_photos=tuple(names[odd].tolist()),
        named=identify(test.identities, test.embeddings, test.clear, SETTING),
    )


def table(report: Report) -> list[str]:
    """Return the report as a table, with what it must reach."""
    named, chosen = report.named, f"{report.min_score:.3f}"
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
        ("strangers' photos: a name", named.wrong, "0.5 %"),
        ("all photos: a wrong name", named.wrong_at_all, "0.5 %"),
    ]
    return [
        "| | measured (95 % interval) | aim |",
        "|---|---|---|",
        *(f"| {what} | {value} | {aim} |" for what, value, aim in rows),
    ]


def summary(report: Report) -> list[str]:
    """Return the report for the README: what a user has to expect."""
    named = report.named
    return [
        f"On {report.people} people of CelebA's test part, five at a time known by two photos "
        f"each: {named.right} of their other photos get the right name, {named.missed} none, and "
        f"{named.wrong} of strangers' photos a name. Of pairs of photos, half of them of one "
        f"person, {report.accuracy} are rightly told (`train.people`, 95 % intervals).",
    ]


def curve(faces: Faces) -> tuple[np.ndarray, np.ndarray]:
    """Return false accepts and false rejects from the least score 0 to 0.8."""
    return errors(all_pairs(*faces.only_found()), np.linspace(0.0, 0.8, 400))


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.people", __doc__)
    parser.add_argument("--data", required=True, type=Path, help="CelebA's folder")
    parser.add_argument("--out", type=Path, default=Path("out/people"), help="default out/people")
    parser.add_argument("--page", type=Path, default=PAGE, help="whose figures are filled in")
    parser.add_argument("--readme", type=Path, default=README, help="likewise, in one sentence")
    parser.add_argument("--chart", type=Path, default=CHART, help="of both kinds of error")
    args = parser.parse_args(argv)
    identities = read_identities(args.data)
    data = read_celeba(args.data)
    val, test = (read_faces(data, split, identities, args.out) for split in ("val", "test"))
    report = measure(val, test)
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
