"""Label a source into a folder: what is there is done, the rest is planned and run."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from .. import __version__
from ..attributes.model_card import ModelCard
from ..errors import FacetError, UsageError
from ..files import file_name
from ..log import log
from ..settings import Settings
from ..text import counted
from .folder import Folder
from .progress import Progress
from .shards import Shard, extended, from_text, size_for, to_text
from .sources import list_inputs
from .storage import is_url
from .table import SCHEMA, Counts, arrow_modules
from .worker import Assignment, card_of, crumb_name

# Readers of Parquet pass over names that begin so.
PLAN, RUN = "_plan.jsonl", "_run.json"
PART_S = 600.0  # s that writing a file may take


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    source: str
    out: str
    settings: Settings
    workers: int
    cluster: str = ""
    """Address of a Dask scheduler, or "local"; empty: processes of this computer."""
    shard_size: int = 0
    """Photos of a shard; 0: by their number."""
    every_s: float = 1.0
    """s between two pictures of a video; 0: each."""


def label(request: Request) -> Counts:
    """Label what is not labelled yet, and return what that was.

    Raises SourceError, UsageError, ModelError, and FacetError where the same command goes on later.
    """
    arrow_modules()
    card = card_of(request.settings)
    folder = Folder(request.out)
    key = run_key(request, card)
    check_run(folder, key)
    inputs = list_inputs(request.source)
    with folder.locked():
        check_run(folder, key)
        plan = _planned(folder, inputs, request)
        if RUN not in folder.names():
            folder.write(RUN, f"{json.dumps(key, indent=2)}\n".encode())
        done = done_of(folder, plan)
        remove_leftovers(folder, done)
        todo = [shard for shard in plan if shard.number not in done]
        progress = _begun(plan, todo, request)
        _run(request, _assignment(request, card, key), todo, progress)
    return progress.counts


def _begun(plan: Sequence[Shard], todo: Sequence[Shard], request: Request) -> Progress:
    """Say what is to be done, and return its progress."""
    total, left = (sum(len(shard.inputs) for shard in shards) for shards in (plan, todo))
    begun = f", {total - left:,} of them are done" if left < total else ""
    where = f"on {request.cluster}" if request.cluster else f"processes: {request.workers}"
    log.info(f"{counted(total, 'input')} in {counted(len(plan), 'shard')}{begun}; {where}")
    return Progress(total, total - left)


def _assignment(request: Request, card: ModelCard, key: dict[str, Any]) -> Assignment:
    """Return what every shard needs; its paths hold in another working directory, too."""
    out = request.out if is_url(request.out) else file_name(Path(request.out).absolute())
    chosen = request.settings.attributes
    attributes = msgspec.structs.replace(chosen, model=Path(chosen.model).absolute())
    settings = msgspec.structs.replace(request.settings, attributes=attributes)
    facts = (("facet.version", __version__), ("facet.key", digest(key)))
    run = secrets.token_hex(4)
    return Assignment(out, settings, card.sha256, card.names, facts, request.every_s, run)


def _run(request: Request, work: Assignment, todo: Sequence[Shard], progress: Progress) -> None:
    if not todo:
        return
    if request.cluster:
        from .cluster import run_on

        run_on(request.cluster, work, todo, min(request.workers, len(todo)), progress.add)
    else:
        from .local import run_here

        run_here(work, todo, request.workers, progress.add)


def run_key(request: Request, card: ModelCard) -> dict[str, Any]:
    """Return what the rows depend on, beside the inputs: files of two keys are not mixed."""
    faces = json.dumps(msgspec.structs.asdict(request.settings.faces), default=str)
    return {
        "schema": SCHEMA,
        "model": card.sha256,
        "attributes": list(card.names),
        "calibration": hashlib.sha256(card.to_json().encode()).hexdigest()[:16],
        "faces": hashlib.sha256(faces.encode()).hexdigest()[:16],
        "every_s": request.every_s,
    }


def digest(key: dict[str, Any]) -> str:
    """Return 16 characters, equal for equal keys only."""
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]


def check_run(folder: Folder, key: dict[str, Any]) -> None:
    """Raise UsageError if a folder has the labels of another model, version or settings."""
    if RUN not in (names := folder.names()):
        if any(name.endswith(".parquet") for name in names):
            raise UsageError(
                f"{folder.place} has Parquet files of something else", folder.remove_hint
            )
        return
    try:
        before = json.loads(folder.read(RUN))
        schema, model = int(before["schema"]), str(before["model"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{folder.place}/{RUN} is damaged", folder.remove_hint) from error
    if schema != SCHEMA:
        age = "an older" if schema < SCHEMA else "a newer"
        raise UsageError(
            f"{folder.place} was written by {age} version (schema {schema}, need {SCHEMA})",
            folder.remove_hint,
        )
    if model != key["model"]:
        raise UsageError(
            f"{folder.place} has labels of the model {model[:12]}, this is {key['model'][:12]}",
            f"--model with the network {model[:12]}, or {folder.remove_hint}",
        )
    if before != key:
        changed = [name for name in key if before.get(name) != key[name]]
        raise UsageError(
            f"{folder.place} has labels of other settings ({', '.join(changed)})",
            f"the settings as before, or {folder.remove_hint}",
        )


def _planned(folder: Folder, inputs: Sequence[str], request: Request) -> list[Shard]:
    """Return the folder's plan with all of the inputs; it is written if it grew."""
    before: list[Shard] = []
    if PLAN in folder.names():
        try:
            before = from_text(folder.read(PLAN))
        except ValueError as error:
            raise UsageError(
                f"{folder.place}/{PLAN} is damaged: {error}", folder.remove_hint
            ) from error
    size = request.shard_size or size_for(len(inputs), request.workers)
    plan = extended(before, inputs, size)
    if len(plan) > len(before):
        folder.write(PLAN, to_text(plan))
    return plan


def done_of(folder: Folder, plan: Sequence[Shard]) -> set[int]:
    """Return the numbers of the shards whose files are there; damaged ones are done again."""
    names = folder.names()
    there = [shard for shard in plan if shard.file in names]
    return {shard.number for shard in there if _is_whole(folder, shard)}


def remove_leftovers(folder: Folder, done: Set[int]) -> None:
    """Remove what killed processes have left in a folder on a disk."""
    if folder.path is None:
        return
    crumbs = {crumb_name(Shard(number, ()).file) for number in done}
    for name in folder.names():
        path = folder.path / name
        is_part = name.startswith(".shard-") and name.endswith(".part")
        with contextlib.suppress(OSError):
            # A worker of a run before may still write a newer one.
            if name in crumbs or (is_part and time.time() - path.stat().st_mtime > PART_S):
                path.unlink()


def _is_whole(folder: Folder, shard: Shard) -> bool:
    if folder.path is None:  # an object is whole or not there, and a look at each costs a request
        return True
    arrow, parquet = arrow_modules()
    path: Path = folder.path / shard.file
    try:
        facts = parquet.read_metadata(path).metadata or {}
    except (arrow.ArrowException, OSError):
        log.info(f"{path} is damaged and is made again")
        return False
    if facts.get(b"facet.shard") != shard.digest.encode():
        raise FacetError(f"{path} is not of this folder's {PLAN}", folder.remove_hint)
    return True
