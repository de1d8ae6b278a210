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
import msgspec
import numpy as np

from ..api import analyze_photo
from ..attributes.classifier import Classifier
from ..attributes.model_card import ModelCard, read_card
from ..camera.image_io import Photo, PhotoError, decode_photo
from ..camera.photo_files import PHOTO_ENDINGS, is_litter
from ..camera.video import VideoFile
from ..errors import FacetError, ModelError, SourceError, os_reason
from ..resources import model_path
from ..settings import Settings
from .ahead import ReadAhead
from .crumbs import Crumbs, LethalError
from .folder import Folder
from .shards import Shard
from .sources import Kind, kind_of
from .storage import LASTING, MAX_PHOTO, is_url, local_copy, opened
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
    run: str
    """Different for each run."""


def prepare(work: Assignment) -> Settings:
    """Load the networks, once per process, and return the settings for this computer.

    Raises ModelError if it has another model.
    """
    return _load(work.settings, work.model)


@functools.lru_cache(maxsize=1)
def _load(settings: Settings, model: str) -> Settings:
    settings = _here(settings)
    cv2.setNumThreads(1)  # a process per core: OpenCV's own threads would only wait for each other
    here = read_card(settings.attributes.model).sha256
    if here != model:
        raise ModelError(
            f"{platform.node()} has the model {here[:12]}, the run {model[:12]}",
            "the same --model on every computer",
        )
    blank = np.zeros((64, 64, 3), np.uint8)
    analyze_photo(Photo(blank, 1.0, None), "", settings)
    return settings


def _here(settings: Settings) -> Settings:
    """Return settings whose model is this computer's own, where Facet has another folder."""
    wanted, own = Path(settings.attributes.model), model_path(Path(settings.attributes.model).name)
    if wanted.exists() or not own.exists():
        return settings
    attributes = msgspec.structs.replace(settings.attributes, model=own)
    return msgspec.structs.replace(settings, attributes=attributes)


def label_shard(work: Assignment, shard: Shard) -> Counts:
    """Label a shard and write its file; the same again gives the same file.

    Raises FacetError where trying again may help, as after a full disk or without a network.
    """
    settings = prepare(work)
    folder = Folder(work.out)
    crumb = None if folder.path is None else folder.path / crumb_name(shard.file)
    with Crumbs(crumb, work.run) as crumbs, ReadAhead(shard.inputs) as ahead:
        labeller = _Labeller(work, settings, crumbs, ahead)
        for number, name in enumerate(shard.inputs):
            labeller.add(number, name)
        table = labeller.table
        facts = {**dict(work.facts), "facet.shard": shard.digest}
        folder.write(shard.file, table.to_parquet(facts))
    return table.counts(len(shard.inputs))


def crumb_name(file: str) -> str:
    """Return the name of what `Crumbs` keeps beside a shard's file."""
    return f".{file}.at"


class _Labeller:
    """Adds inputs to the table of a shard."""

    def __init__(self, work: Assignment, settings: Settings, crumbs: Crumbs, ahead: ReadAhead):
        self.table = ShardTable(work.names, work.model)
        self._every_s, self._settings = work.every_s, settings
        self._crumbs, self._ahead = crumbs, ahead
        self._adders = {Kind.PHOTO: self._photo, Kind.TAR: self._tar, Kind.VIDEO: self._video}

    def add(self, number: int, name: str) -> None:
        """Add the rows of an input; number: its place in the shard."""
        try:
            self._crumbs.take(str(number))
            self._adders[kind_of(name)](number, name)
        except (SourceError, *LASTING) as error:
            self._ahead.drop(name)
            self.table.add_failure(Where(name), reason_of(error))
        except (FacetError, MemoryError):
            raise
        except Exception as error:  # of a decoder, or of a store's client
            if is_url(name):
                raise FacetError(
                    f"cannot read {name}: {os_reason(error)}",
                    "check the network; the same command goes on",
                ) from error
            self.table.add_failure(Where(name), reason_of(error))

    def _photo(self, number: int, name: str) -> None:
        self._picture(Where(name), partial(self._decoded, name))

    def _decoded(self, name: str) -> Photo:
        if not is_url(name):
            return decode_photo(Path(name))
        try:
            content = self._ahead.read(name)
        except ValueError as error:
            raise PhotoError(f"cannot read the photo {name}: {error}", "a smaller one") from error
        return decode_photo(name, content)

    def _tar(self, number: int, name: str) -> None:
        """Add the photos of a tar, which is read once from begin to end, as webdataset's are."""
        try:
            with opened(name) as raw, tarfile.open(fileobj=raw, mode="r|*") as tar:
                for place, member in enumerate(tar):
                    if member.isreg() and _is_photo(member.name):
                        self._member(f"{number}/{place}", name, tar, member)
        except FacetError:  # some are ValueErrors, too
            raise
        except (*DAMAGED, ValueError) as error:
            self.table.add_failure(Where(name), f"the tar is cut or damaged: {error}")

    def _member(self, place: str, name: str, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        where = Where(name, member.name)
        try:
            self._crumbs.take(place)
        except LethalError as error:
            self.table.add_failure(where, reason_of(error))
        else:
            self._picture(where, partial(_of_tar, tar, member))

    def _video(self, number: int, name: str) -> None:
        """Add the pictures of a video that are `every_s` apart, each analyzed as a photo is."""
        next_s = 0.0
        with local_copy(name) as path, VideoFile(path, reports=False) as video:
            for frame in video:
                if frame.at_s + 1e-6 < next_s:
                    continue
                next_s = max(next_s + self._every_s, frame.at_s)
                where = Where(name, frame=frame.index, time_s=round(frame.at_s, 4))
                self._picture(where, partial(Photo, frame.bgr, 1.0, None))

    def _picture(self, where: Where, read: Callable[[], Photo]) -> None:
        """Add the faces of a picture, or the reason why it has none to show."""
        try:
            faces = analyze_photo(read(), where.member or where.path, self._settings)
        except (SourceError, *LASTING) as error:
            self.table.add_failure(where, reason_of(error))
        except (FacetError, MemoryError, *DAMAGED):  # of the store, this computer, the tar around
            raise
        except Exception as error:  # OpenCV's on a picture that nobody has thought of
            self.table.add_failure(where, f"{type(error).__name__}: {error}")
        else:
            self.table.add_faces(where, faces)


def _is_photo(name: str) -> bool:
    path = PurePosixPath(name.lower())
    return path.suffix in PHOTO_ENDINGS and not is_litter(path.name)


def _of_tar(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Photo:
    if member.size > MAX_PHOTO:
        raise PhotoError(f"cannot read the photo {member.name}: it is too large", "a smaller one")
    file = tar.extractfile(member)
    return decode_photo(member.name, file.read() if file else b"")


def reason_of(error: Exception) -> str:
    """Return why an input cannot be read, without its name."""
    if isinstance(error, PhotoError):
        return str(error.message).rpartition(": ")[2]
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError):
        return "access denied"
    return str(error.message) if isinstance(error, FacetError) else os_reason(error)


def card_of(settings: Settings) -> ModelCard:
    """Return the card, with the computed attributes, of a model that loads.

    Raises ModelError and UsageError.
    """
    chosen = settings.attributes
    return Classifier(chosen.model, wanted=chosen.compute).card
