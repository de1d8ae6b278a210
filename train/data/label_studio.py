"""Label Studio's tasks and answers: guesses of a model out, labels of people in.

https://labelstud.io/guide/task_format: a task per photo, a choice of yes or no per attribute.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from train.data.split import DataError

IMAGE, PHOTO = "image", "photo"  # keys of a task's data: the address, and the name in the folder
YES, NO = "yes", "no"
LOCAL_FILES = "/data/local-files/?d="  # Label Studio's own server of local files
EXPORT_HINT = "Export, JSON (not JSON-MIN) in Label Studio"


@dataclass(frozen=True, eq=False)
class Guess:
    """What a model says of a photo's face."""

    photo: str  # name relative to the folder
    probabilities: np.ndarray  # float32 (attributes,)


@dataclass(frozen=True)
class Answers:
    """What people said."""

    attributes: tuple[str, ...]
    labels: dict[str, dict[str, int]] = field(default_factory=dict)  # photo -> attribute -> 0, 1
    disputed: int = 0  # labels on which people disagree, left out
    unanswered: int = 0  # tasks without an answer


def sureness(probabilities: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return how far each probability is from its threshold, 0 (not sure) to 1."""
    above = (probabilities - thresholds) / np.maximum(1 - thresholds, 1e-6)
    below = (thresholds - probabilities) / np.maximum(thresholds, 1e-6)
    return np.where(probabilities >= thresholds, above, below)


def labelling_config(attributes: Sequence[str]) -> str:
    """Return the project's labelling interface, as Label Studio's settings take it."""
    lines = ["<View>", f'  <Image name="{IMAGE}" value="${IMAGE}"/>']
    for name in attributes:
        title = quoteattr(name.replace("_", " "))
        lines += [
            f"  <Header value={title}/>",
            f'  <Choices name={quoteattr(name)} toName="{IMAGE}" choice="single" '
            'showInline="true">',
            f'    <Choice value="{YES}"/><Choice value="{NO}"/>',
            "  </Choices>",
        ]
    return "\n".join([*lines, "</View>", ""])


def tasks_of(
    guesses: Sequence[Guess],
    attributes: Sequence[str],
    thresholds: np.ndarray,
    model: str,
    address: str = LOCAL_FILES,
) -> list[dict[str, Any]]:
    """Return a task per photo, least sure first.

    address: what stands before a photo's name in its address. A task is as sure as its least sure
    attribute; that is the score of its prediction.
    """
    ranked = [(float(sureness(g.probabilities, thresholds).min()), g) for g in guesses]
    ranked.sort(key=lambda pair: (pair[0], pair[1].photo))
    return [
        {
            "data": {IMAGE: address + quote(guess.photo), PHOTO: guess.photo},
            "predictions": [
                {
                    "model_version": model,
                    "score": round(sure, 4),
                    "result": [
                        _choice(name, bool(value >= threshold))
                        for name, value, threshold in zip(
                            attributes, guess.probabilities, thresholds, strict=True
                        )
                    ],
                }
            ],
        }
        for sure, guess in ranked
    ]


def _choice(name: str, yes: bool) -> dict[str, Any]:
    value = {"choices": [YES if yes else NO]}
    return {"from_name": name, "to_name": IMAGE, "type": "choices", "value": value}


def read_answers(tasks: Any, origin: str) -> Answers:
    """Return the labels in an export of Label Studio, parsed from its JSON.

    Raises DataError, which names `origin`, for anything else.
    """
    if not isinstance(tasks, list) or not tasks:
        raise DataError(f"{origin} has no list of tasks", EXPORT_HINT)
    votes: dict[str, dict[str, set[int]]] = {}
    unanswered = 0
    for number, task in enumerate(tasks, 1):
        try:
            photo, said = str(task["data"][PHOTO]), _votes(task["annotations"])
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            raise DataError(f"{origin}: task {number} is no answer", EXPORT_HINT) from error
        unanswered += not said
        for name, values in said.items():
            votes.setdefault(photo, defaultdict(set))[name] |= values
    labels = {
        photo: {name: min(values) for name, values in said.items() if len(values) == 1}
        for photo, said in votes.items()
    }
    disputed = sum(len(values) > 1 for said in votes.values() for values in said.values())
    names = dict.fromkeys(name for said in votes.values() for name in said)
    answered = {photo: given for photo, given in labels.items() if given}
    if not answered:
        raise DataError(f"{origin} has no answers", "Submit in Label Studio, and export again")
    return Answers(tuple(names), answered, disputed, unanswered)


def _votes(annotations: list[dict[str, Any]]) -> dict[str, set[int]]:
    """Return what the people who saw a task said of each attribute; ValueError if it is no choice.

    A skipped task says nothing.
    """
    votes: dict[str, set[int]] = defaultdict(set)
    for annotation in annotations:
        for result in annotation["result"] if not annotation.get("was_cancelled") else ():
            if result["type"] == "choices":
                (choice,) = result["value"]["choices"]
                votes[str(result["from_name"])].add((NO, YES).index(choice))
    return votes


def table_of(answers: Answers) -> bytes:
    """Return a labels.csv: 1, 0, or nothing where people said nothing or disagree."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", *answers.attributes])
    for photo, given in sorted(answers.labels.items()):
        writer.writerow([photo, *_cells(given, answers.attributes)])
    return text.getvalue().encode(errors="surrogateescape")


def _cells(given: Mapping[str, int], attributes: Sequence[str]) -> list[str]:
    return [str(given[name]) if name in given else "" for name in attributes]
