"""Each attribute, and the worst mistakes: as rows and file names, or as pictures."""

import base64
import io
from pathlib import Path

import numpy as np
from markupsafe import Markup
from PIL import Image
from tqdm import tqdm

from device.camera.image_io import PhotoError, read_photo
from device.text import counted
from train.evaluation.chart_text import attribute_label
from train.evaluation.intervals import Interval, interval_text, score_intervals
from train.evaluation.metrics import best_first, decimals
from train.report.attribute_panels import attribute_chart
from train.report.chart import slug
from train.report.page import AttributeCard, Photo, Section, Table, embed
from train.report.predictions import Mistake, Results, file_name, worst

WORST = 5  # mistakes shown of each attribute
WORST_OF_ALL = 30  # mistakes, and a third as many photos
PHOTO_HEIGHT = 150  # px


def attributes(results: Results, folder: Path, with_photos: bool) -> Section:
    """Return a card per attribute, best F1 first."""
    scores = best_first(results.scores)
    cards = []
    for score in tqdm(scores, desc="charts", unit="attribute", leave=False):
        mistakes = worst(results, results.names.index(score.name), WORST)
        ends = score_intervals(score)
        cards.append(
            AttributeCard(
                attribute_label(score.name),
                slug(score.name),
                (
                    f"F1 {decimals(score.f1, 3)}{_brackets(ends['f1'])}",
                    f"AUC {decimals(score.auc, 3)}{_brackets(ends['auc'])}",
                    f"accuracy {decimals(score.accuracy, 3)}{_brackets(ends['accuracy'])}",
                    f"{score.support:,} of {counted(score.photos, 'photo')}",
                ),
                embed(attribute_chart(results, score), folder, heading=False),
                mistakes_table("Worst mistakes", mistakes, name=False),
                [_photo(mistake) for mistake in mistakes] if with_photos else (),
            )
        )
    text = [
        "Confusion matrix at the chosen threshold: the dots on the curves and the dotted lines in "
        "the lower panels. Dotted in precision and recall: chance level. In brackets, in the cells "
        "of the matrix and as lines: 95 % intervals."
    ]
    return Section("attributes", "Each attribute", text, cards=cards)


def _brackets(interval: Interval) -> str:
    text = interval_text(interval)
    return f" ({text})" if text else ""


def section(results: Results, folder: Path, with_photos: bool) -> Section:
    """Return the most confident mistakes, and the photos with the most wrong attributes."""
    mistakes = [
        mistake for i in range(len(results.names)) for mistake in worst(results, i, WORST_OF_ALL)
    ]
    mistakes.sort(key=lambda mistake: -abs(mistake.probability - mistake.label))
    mistakes = mistakes[:WORST_OF_ALL]
    text = [
        "Confident predictions that contradict the label: mistakes, or doubtful labels. Rows count "
        f"from 0 in the {results.split.name} split, in the partition file's order. mistakes.csv "
        "has all."
    ]
    if not with_photos:
        text.append(Markup("This page has no photos; <code>--with-photos</code> adds them."))
    tables = [mistakes_table("Most confident mistakes", mistakes)]
    if len(results.names) > 1:
        tables.append(photos_table(results, WORST_OF_ALL // 3))
    photos = [_photo(mistake) for mistake in mistakes] if with_photos else ()
    return Section("mistakes", "Worst mistakes", text, tables=tables, photos=photos)


def mistakes_table(caption: str, mistakes: list[Mistake], name: bool = True) -> Table:
    """Return a row per mistake."""
    columns = ("row", "file", "label", "probability")
    header = ("attribute", *columns) if name else columns
    rows = []
    for mistake in mistakes:
        label = "yes" if mistake.label else "no"
        row = (mistake.row, file_name(mistake.photo), label, f"{mistake.probability:.3f}")
        rows.append((attribute_label(mistake.attribute), *row) if name else row)
    return Table(caption if rows else "No mistake", header, rows, texts=("file", "label"))


def photos_table(results: Results, most: int) -> Table:
    """Return the photos with the most wrong attributes."""
    wrong, numbers = results.wrong, results.rows
    rows = []
    for row in np.argsort(-wrong.sum(axis=1), kind="stable")[:most]:
        names = [attribute_label(results.names[i]) for i in np.flatnonzero(wrong[row])]
        file = file_name(results.split.photos[row])
        rows.append((int(numbers[row]), file, len(names), ", ".join(names)))
    header = ("row", "file", "wrong", "attributes")
    return Table(
        "Photos with the most errors", header, rows, texts=("file", "attributes"), kind="texts"
    )


def _photo(mistake: Mistake) -> Photo:
    label = "yes" if mistake.label else "no"
    text = (
        f"{attribute_label(mistake.attribute)}: predicted {mistake.probability:.2f}, label {label}"
    )
    try:
        picture = Image.fromarray(read_photo(mistake.photo)[:, :, ::-1])
    except PhotoError as error:
        return Photo("data:,", str(error), text)
    picture.thumbnail((PHOTO_HEIGHT, PHOTO_HEIGHT))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    uri = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
    name = file_name(mistake.photo)
    return Photo(uri, f"Photo {name}. {text}", f"{name}. {text}")
