"""Match the attributes of a model with those of data, or of another model, by their names."""

from collections.abc import Sequence
from dataclasses import replace
from unicodedata import normalize

from device.errors import UsageError
from device.text import counted
from train.data.split import Dataset

NAMED = 5  # attributes that a message names


def matched_columns(
    found: Sequence[str], names: Sequence[str], holder: object, model: object, hint: str
) -> list[int]:
    """Return the columns of `found` that hold `names`, in their order.

    Unicode's forms of one name are equal. Raises UsageError, with `hint`, if `found` lacks one;
    holder and model: what the message calls the owners of `found` and `names`.
    """
    places = {normalize("NFC", name): place for place, name in enumerate(found)}
    missing = [name for name in names if normalize("NFC", name) not in places]
    if missing:
        more = ", ..." if len(missing) > NAMED else ""
        raise UsageError(
            f"{holder} lacks {counted(len(missing), 'attribute')} that {model} has: "
            f"{', '.join(missing[:NAMED])}{more}",
            hint,
        )
    return [places[normalize("NFC", name)] for name in names]


def match_data(data: Dataset, names: tuple[str, ...], root: object, model: object) -> Dataset:
    """Return data with only the attributes of a model, in the order of its outputs.

    root, model: what messages call the data's folder and the model. Raises UsageError if the data
    lacks an attribute.
    """
    columns = matched_columns(data.attributes, names, root, model, "the --data it was trained on")
    splits = {
        key: replace(split, labels=split.labels[:, columns], attributes=names)
        for key, split in data.splits.items()
    }
    return replace(data, splits=splits, attributes=names)
