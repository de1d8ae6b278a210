"""Label one shard in one process: read its inputs, find and classify the faces, write its file.

The networks are loaded once per process and kept for its further shards.
"""

from __future__ import annotations

import functools
import platform
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from ..api import analyze_photo
from ..attributes.classifier import Classifier
from ..attributes.model_card import read_card
from ..camera.image_io import Photo, PhotoError, decode_photo
from ..camera.photo_files import PHOTO_ENDINGS, is_litter
from ..camera.video import VideoFile
from ..errors import FacetError, ModelError, SourceError, os_reason
from ..settings import Settings
from .crumbs import Crumbs
from .folder import Folder
from .shards import Shard
from .sources import Kind, kind_of
from .storage import LASTING, MAX_PHOTO, is_url, local_copy, opened, read_photo_bytes
from .table import Counts, ShardTable, Where

# A tar that is cut or damaged; a network that fails raises others.
DAMAGED = (tarfile.TarError, EOFError, zlib.error, UnicodeError)


@dataclass(frozen=True)
class Assignment:
    """What all shards of a run are labelled with; it travels to other computers."""

    out: str
    """Path or address of the output folder."""
    settings: Settings
    model: str
    """SHA-256 of the network."""
    names: tuple[str, ...]
    """The computed attributes."""
    facts: tuple[tuple[str, str], ...]
    """Kept in each file's footer."""
    every_s: float
    """s between two pictures of a video; 0: each."""


def prepare(work: Assignment) -> None:
    """Load the networks, once per process; ModelError if this computer has another model."""
    _load(work.settings, work.model)


@functools.lru_cache(maxsize=1)
def _load(settings: Settings, model: str) -> None:
    cv2.setNumThreads(1)  # a process per core: OpenCV's own threads would only wait for each other
    here = read_card(settings.attributes.model).sha256
    if here != model:
        raise ModelError(
            f"{platform.node()} has the model {here[:12]}, the run {model[:12]}",
            "the same --model on every computer",
        )
    blank = np.zeros((64, 64, 3), np.uint8)
    analyze_photo(Photo(blank, 1.0, None), "", settings)


def label_shard(work: Assignment, shard: Shard) -> Counts:
    """Label a shard and write its file; the same again gives the same file.

    Raises FacetError where trying again may help, as after a full disk or without a network.
    """
    prepare(work)
    folder = Folder(work.out)
    crumb = None if folder.path is None else folder.path / f".{shard.file}.at"
    table = ShardTable(work.names, work.model)
    with Crumbs(crumb) as crumbs:
        for number, name in enumerate(shard.inputs):
            try:
                crumbs.take(str(number))
                LABELLERS[kind_of(name)](table, name, work, partial(_take, crumbs, number))
            except (SourceError, *LASTING) as error:
                table.add_failure(Where(name), reason_of(error))
        facts = {**dict(work.facts), "facet.shard": shard.digest}
        folder.write(shard.file, table.to_parquet(facts))
    return table.counts(len(shard.inputs))


def _take(crumbs: Crumbs, number: int, member: int) -> None:
    crumbs.take(f"{number}/{member}")


def reason_of(error: BaseException) -> str:
    """Return why an input cannot be read, without its name."""
    if isinstance(error, PhotoError):
        return str(error.message).rpartition(": ")[2]
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError):
        return "access denied"
    return error.message if isinstance(error, FacetError) else os_reason(error)  # type: ignore[arg-type]


def _label_photo(
    table: ShardTable, name: str, work: Assignment, take: Callable[[int], None]
) -> None:
    _add(table, Where(name), work, partial(_photo, name))


def _photo(name: str) -> Photo:
    if not is_url(name):
        return decode_photo(Path(name))
    try:
        content = read_photo_bytes(name)
    except ValueError as error:
        raise PhotoError(f"cannot read the photo {name}: {error}", "a smaller one") from error
    return decode_photo(name, content)


def _label_tar(table: ShardTable, name: str, work: Assignment, take: Callable[[int], None]) -> None:
    """Add the photos of a tar, which is read once from begin to end, as webdataset's are."""
    try:
        with opened(name) as raw, tarfile.open(fileobj=raw, mode="r|*") as tar:
            for number, member in enumerate(tar):
                if member.isreg() and _is_photo(member.name):
                    where = Where(name, member.name)
                    try:
                        take(number)
                    except SourceError as error:
                        table.add_failure(where, reason_of(error))
                        continue
                    _add(table, where, work, partial(_member, tar, member))
    except DAMAGED as error:
        table.add_failure(Where(name), f"the tar is cut or damaged: {error}")


def _is_photo(name: str) -> bool:
    path = PurePosixPath(name.lower())
    return path.suffix in PHOTO_ENDINGS and not is_litter(path.name)


def _member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Photo:
    if member.size > MAX_PHOTO:
        raise PhotoError(f"cannot read the photo {member.name}: it is too large", "a smaller one")
    file = tar.extractfile(member)
    return decode_photo(member.name, file.read() if file else b"")


def _label_video(
    table: ShardTable, name: str, work: Assignment, take: Callable[[int], None]
) -> None:
    """Add the pictures of a video that are `every_s` apart, each analyzed as a photo is."""
    next_s = 0.0
    with local_copy(name) as path, VideoFile(path, reports=False) as video:
        for frame in video:
            if frame.at_s + 1e-6 < next_s:
                continue
            next_s = max(next_s + work.every_s, frame.at_s)
            where = Where(name, frame=frame.index, time_s=round(frame.at_s, 4))
            _add(table, where, work, partial(Photo, frame.bgr, 1.0, None))


def _add(table: ShardTable, where: Where, work: Assignment, read: Callable[[], Photo]) -> None:
    """Add the faces of a picture, or the reason why it has none to show."""
    try:
        faces = analyze_photo(read(), where.member or where.path, work.settings)
    except ModelError:
        raise
    except (SourceError, *LASTING) as error:
        table.add_failure(where, reason_of(error))
    except (FacetError, MemoryError):
        raise
    except DAMAGED:  # of the tar around it
        raise
    except Exception as error:  # OpenCV's on a picture that nobody has thought of
        table.add_failure(where, f"{type(error).__name__}: {error}")
    else:
        table.add_faces(where, faces)


LABELLERS = {Kind.PHOTO: _label_photo, Kind.TAR: _label_tar, Kind.VIDEO: _label_video}


def attributes_of(settings: Settings) -> tuple[str, tuple[str, ...]]:
    """Return the network's SHA-256 and the computed attributes; ModelError, UsageError."""
    chosen = settings.attributes
    card = Classifier(chosen.model, wanted=chosen.compute).card
    return card.sha256, card.names
