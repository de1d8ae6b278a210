"""Plan which file has which inputs: shards that partition them, and stay when inputs are added.

The plan is a text in the output folder, a JSON array of names a line, shard 0 first. Listing again
appends shards of the inputs that it does not have yet.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .sources import Kind, kind_of

MOST = 1000  # photos of a shard: about a minute of one core
FEWEST = 16
PER_WORKER = 16  # shards, so that the last ones end together


@dataclass(frozen=True, slots=True)
class Shard:
    """The inputs of one output file."""

    number: int
    inputs: tuple[str, ...]

    @property
    def file(self) -> str:
        """Name of its Parquet file."""
        return f"shard-{self.number:07}.parquet"

    @property
    def digest(self) -> str:
        """Equal for equal inputs only, 16 characters."""
        return hashlib.sha256(_line(self.inputs).encode()).hexdigest()[:16]


def size_for(inputs: int, workers: int) -> int:
    """Return how many photos a shard gets, so that all workers are busy to the end."""
    return max(FEWEST, min(MOST, inputs // (PER_WORKER * workers)))


def grouped(names: Iterable[str], size: int) -> Iterator[tuple[str, ...]]:
    """Yield the inputs of each shard: `size` photos, or one video, or one tar."""
    photos: list[str] = []
    for name in names:
        if kind_of(name) != Kind.PHOTO:
            yield (name,)
            continue
        photos.append(name)
        if len(photos) == size:
            yield tuple(photos)
            photos.clear()
    if photos:
        yield tuple(photos)


def extended(plan: Sequence[Shard], names: Iterable[str], size: int) -> list[Shard]:
    """Return the plan with further shards for the names that it does not have."""
    known = {name for shard in plan for name in shard.inputs}
    added = grouped((name for name in names if name not in known), size)
    return [*plan, *(Shard(number, inputs) for number, inputs in enumerate(added, len(plan)))]


def to_text(plan: Iterable[Shard]) -> bytes:
    """Return the plan as a file's content."""
    return b"".join(_line(shard.inputs).encode() + b"\n" for shard in plan)


def from_text(content: bytes) -> list[Shard]:
    """Return the plan in a file's content; ValueError if it is none."""
    shards = []
    for number, line in enumerate(content.splitlines()):
        inputs = json.loads(line)
        if not (isinstance(inputs, list) and inputs and all(isinstance(i, str) for i in inputs)):
            raise ValueError(f"line {number + 1} is not an array of names")
        shards.append(Shard(number, tuple(inputs)))
    return shards


def _line(inputs: Sequence[str]) -> str:
    return json.dumps(inputs)  # ASCII: a name may have bytes that are no UTF-8
