"""The rows of a shard, and the Parquet file they become.

A row per face; a photo without one, or one that cannot be read, has one row with face 0.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UsageError, one_line
from ..resources import install_hint
from ..types import NO_FACE, OK, UNREADABLE, Face

if TYPE_CHECKING:
    import pyarrow

SCHEMA = 1  # goes up when columns change their name, type or meaning
POINTS = ("left_eye", "right_eye", "nose", "mouth")
# name: unit or meaning, kept in the file beside the column
FIXED = {
    "path": "absolute path or address of the photo, video or tar",
    "member": "name in the tar; null elsewhere",
    "frame": "number of the video's frame, from 0; null elsewhere",
    "time_s": "s from the video's begin; null elsewhere",
    "face": "from the left, from 1; 0: no face",
    "state": "ok, why the face is not classified, no face, or unreadable",
    "reason": "why it is unreadable; else null",
    "x": "px of the file, left side of the box",
    "y": "px of the file, upper side of the box",
    "width": "px of the file",
    "height": "px of the file",
    "score": "of the detector, 0..1",
    **{f"{point}_{axis}": "px of the file" for point in POINTS for axis in "xy"},
}
MODEL = "model"


@dataclass(frozen=True, slots=True)
class Where:
    """The picture that rows are about."""

    path: str
    member: str | None = None
    frame: int | None = None
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What a shard had."""

    inputs: int = 0
    pictures: int = 0
    faces: int = 0
    classified: int = 0
    without: int = 0
    unreadable: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(self.values, other.values, strict=True)))

    @property
    def values(self) -> tuple[int, ...]:
        return (
            *(self.inputs, self.pictures, self.faces),
            *(self.classified, self.without, self.unreadable),
        )


class ShardTable:
    """The rows of one shard, in columns."""

    def __init__(self, names: Sequence[str], model: str):
        self._names, self._model = tuple(names), model
        self._fixed: dict[str, list[Any]] = {name: [] for name in FIXED}
        self._probabilities: list[np.ndarray] = []
        self._none = np.full(len(self._names), np.nan, np.float32)
        self._pictures = 0
        self._states: Counter[str] = Counter()

    def add_faces(self, where: Where, faces: Sequence[Face]) -> None:
        """Add the faces of a picture."""
        self._pictures += 1
        if not faces:
            self._add(where, NO_FACE)
        for face in faces:
            box = [float(side) for side in face.box]
            points = np.asarray(face.landmarks, float).ravel().tolist()
            self._add(where, face.state, face, [*box, float(face.score), *points])

    def add_failure(self, where: Where, reason: object) -> None:
        """Add the one row of a picture, video or tar that cannot be read."""
        self._pictures += 1
        self._add(where, UNREADABLE, reason=one_line(reason, 300))

    def _add(
        self,
        where: Where,
        state: str,
        face: Face | None = None,
        numbers: Sequence[float | None] = (None,) * 13,
        reason: str | None = None,
    ) -> None:
        self._states[state] += 1
        values = (where.path, where.member, where.frame, where.time_s)
        cells = (*values, face.id if face else 0, state, reason, *numbers)
        for column, cell in zip(self._fixed.values(), cells, strict=True):
            column.append(_text(cell) if isinstance(cell, str) else cell)
        array = face.probabilities.array if face else None
        # A copy: the network overwrites its output with the next face's.
        self._probabilities.append(self._none if array is None else np.array(array, np.float32))

    def counts(self, inputs: int) -> Counts:
        """Return what was added; inputs: the photos, videos and tars."""
        without, unreadable = self._states[NO_FACE], self._states[UNREADABLE]
        faces = self._states.total() - without - unreadable
        return Counts(inputs, self._pictures, faces, self._states[OK], without, unreadable)

    def to_parquet(self, facts: dict[str, str]) -> bytes:
        """Return the file; facts are kept in its footer."""
        arrow, parquet = arrow_modules()
        schema = schema_of(self._names)
        columns = [_array(cells, schema.field(name).type) for name, cells in self._fixed.items()]
        rows = len(self._probabilities)
        values = np.array(self._probabilities, np.float32).reshape(rows, len(self._names))
        columns += [_numbers(column, ~np.isnan(column), arrow.float32()) for column in values.T]
        indices = _numbers(np.zeros(rows, np.int8), np.ones(rows, bool), arrow.int8())
        models = _strings([self._model])
        columns.append(arrow.DictionaryArray.from_arrays(indices, models))
        table = arrow.Table.from_arrays(columns, schema=schema.with_metadata(facts))
        file = io.BytesIO()
        # The numbers hardly repeat: dictionaries of them would only make the file larger.
        texts = [name for name in self._fixed if schema.field(name).type == "string"]
        parquet.write_table(table, file, compression="zstd", use_dictionary=[*texts, MODEL])
        return file.getvalue()


def _array(cells: Sequence[Any], type_: Any) -> Any:
    """Return a column of one of the fixed types; None is null."""
    if type_ == "string":
        return _strings(cells)
    there = np.array([cell is not None for cell in cells], bool)
    values = np.array([0 if cell is None else cell for cell in cells], type_.to_pandas_dtype())
    return _numbers(values, there, type_)


# Not pyarrow.array: it imports pandas where that is installed, 48 MB for each worker.
def _numbers(values: np.ndarray, there: np.ndarray, type_: Any) -> Any:
    arrow, _ = arrow_modules()
    data = arrow.py_buffer(np.ascontiguousarray(values))
    return arrow.Array.from_buffers(type_, len(values), [_bits(there), data])


def _strings(cells: Sequence[str | None]) -> Any:
    arrow, _ = arrow_modules()
    texts = [(cell or "").encode() for cell in cells]
    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    there = _bits(np.array([cell is not None for cell in cells], bool))
    buffers = [there, arrow.py_buffer(offsets), arrow.py_buffer(b"".join(texts))]
    return arrow.Array.from_buffers(arrow.string(), len(texts), buffers)


def _bits(there: np.ndarray) -> Any:
    arrow, _ = arrow_modules()
    return arrow.py_buffer(np.packbits(there, bitorder="little"))


def schema_of(names: Sequence[str]) -> pyarrow.Schema:
    """Return the columns, their types, and in their metadata their units."""
    arrow, _ = arrow_modules()
    text, real = arrow.string(), arrow.float32()
    types = {"path": text, "member": text, "state": text, "reason": text}
    types |= {"frame": arrow.int32(), "face": arrow.int32(), "time_s": arrow.float64()}
    fields = [
        arrow.field(name, types.get(name, real), metadata={"unit": unit})
        for name, unit in FIXED.items()
    ]
    fields += [
        arrow.field(name, real, metadata={"unit": "calibrated probability, 0..1"}) for name in names
    ]
    model = arrow.field(
        MODEL, arrow.dictionary(arrow.int8(), text), metadata={"unit": "SHA-256 of the network"}
    )
    return arrow.schema([*fields, model])


def arrow_modules() -> tuple[Any, Any]:
    """Return pyarrow and pyarrow.parquet; UsageError if they are not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            "labels are Parquet files, which need the package pyarrow", install_hint("label")
        ) from None
    return pyarrow, pyarrow.parquet


def _text(cell: str) -> str:
    """Return a text that is UTF-8: a name's other bytes become \\udcff and the like."""
    return cell if cell.isascii() else cell.encode(errors="backslashreplace").decode()
