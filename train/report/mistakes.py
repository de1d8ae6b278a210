"""Each attribute by itself, and the worst mistakes: as rows and file names, or as pictures."""

import base64
import io
from pathlib import Path

import numpy as np
from markupsafe import Markup
from PIL import Image
from tqdm import tqdm

from device.camera.image_io import PhotoError, read_photo
from train.report.drawing import number, slug, words
from train.report.page import AttributeCard, Photo, Section, Table, drawn
from train.report.panels import attribute_chart
from train.report.results import Mistake, Results, file_name, worst

WORST = 5  # mistakes shown of each attribute
WORST_OF_ALL = 30  # mistakes, and a third as many photos
PHOTO_HEIGHT = 150  # px


def attributes(results: Results, folder: Path, with_photos: bool) -> Section:
    """Return a card per attribute, best F1 first."""
    scores = sorted(results.scores.attributes, key=lambda one: -one.f1)
    cards = []
    for one in tqdm(scores, desc="charts", unit="attribute", leave=False):
        mistakes = worst(results, results.names.index(one.name), WORST)
        cards.append(
            AttributeCard(
                words(one.name),
                slug(one.name),
                (
                    f"F1 {one.f1:.3f}",
                    f"AUC {number(one.auc, 3)}",
                    f"accuracy {one.accuracy:.3f}",
                    f"{one.support:,} have it",
                ),
                drawn(attribute_chart(results, one), folder, heading=False),
                mistakes_table("Its worst mistakes", mistakes, name=False),
                [_photo(mistake) for mistake in mistakes] if with_photos else (),
            )
        )
    text = [
        "Confusion at the chosen threshold, which is the dot of the curves and the dotted line of "
        "the lower panels; dotted in precision and recall: what guessing gives."
    ]
    return Section("attributes", "Each attribute", text, cards=cards)


def section(results: Results, folder: Path, with_photos: bool) -> Section:
    """Return the mistakes of which the model was surest, and the photos it gets most wrong."""
    every = [one for i in range(len(results.names)) for one in worst(results, i, WORST_OF_ALL)]
    every.sort(key=lambda one: -abs(one.probability - one.label))
    every = every[:WORST_OF_ALL]
    text = [
        "Where the model was surest and the label says otherwise: its worst mistakes, or doubtful "
        f"labels. Rows count from 0 in the {results.split.name} split, in the partition file's "
        "order. mistakes.csv has all."
    ]
    if not with_photos:
        none = "No picture of a person stands on this page; <code>--with-photos</code> shows them."
        text.append(Markup(none))
    tables = [mistakes_table("The surest mistakes", every)]
    if len(results.names) > 1:
        tables.append(photos_table(results, WORST_OF_ALL // 3))
    photos = [_photo(one) for one in every] if with_photos else ()
    return Section("mistakes", "Worst mistakes", text, tables=tables, photos=photos)


def mistakes_table(caption: str, mistakes: list[Mistake], name: bool = True) -> Table:
    """Return a row per mistake."""
    columns = ("row", "file", "label", "probability")
    header = ("attribute", *columns) if name else columns
    rows = []
    for one in mistakes:
        row = (
            one.row,
            file_name(one.photo),
            "yes" if one.label else "no",
            f"{one.probability:.3f}",
        )
        rows.append((words(one.attribute), *row) if name else row)
    return Table(caption if rows else "No mistake", header, rows, texts=("file", "label"))


def photos_table(results: Results, most: int) -> Table:
    """Return the photos with the most wrong attributes."""
    wrong = results.message
    rows = []
    for row in np.argsort(-wrong.sum(axis=1), kind="stable")[:most]:
        names = [words(results.names[i]) for i in np.flatnonzero(wrong[row])]
        rows.append((int(row), file_name(results.split.photos[row]), len(names), ", ".join(names)))
    header = ("row", "file", "wrong", "attributes")
    return Table("The photos told worst", header, rows, texts=("file", "attributes"), kind="texts")


def _photo(mistake: Mistake) -> Photo:
    label = "yes" if mistake.label else "no"
    said = f"{words(mistake.attribute)}: told {mistake.probability:.2f}, label {label}"
    try:
        picture = Image.fromarray(read_photo(mistake.photo)[:, :, ::-1])
    except PhotoError as error:
        return Photo("data:,", str(error), said)
    picture.thumbnail((PHOTO_HEIGHT, PHOTO_HEIGHT))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    uri = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
    name = file_name(mistake.photo)
    return Photo(uri, f"Photo {name}. {said}", f"{name}. {said}")
