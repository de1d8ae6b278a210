"""Enroll people who consent, list and remove them, and export what is stored about them.

    python -m device.people add Ada --camera 0           # five shots within a few seconds
    python -m device.people add 'Ada Lovelace' a.jpg b.jpg
    python -m device.people add Ada photos/ --more       # adds to the stored ones
    python -m device.people list
    python -m device.people export Ada > ada.json        # everything stored about Ada
    python -m device.people remove Ada                   # deletes it; --all: of all people

`add` asks for consent first. It stores 128 numbers per picture and no picture, in a file that only
its owner may read. `python -m device.run --people` recognizes the people in it. With --config these
commands use the file, detector, model and thresholds of the service.

Exit codes: 0 done, 1 no picture shows the face clearly, 2 wrong usage or settings, dlib missing, or
no consent, 3 no camera or unreadable source, 4 model missing, or the file damaged or incompatible.
"""

from __future__ import annotations

import itertools
import json
import os
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import merge
from ..errors import UsageError
from ..log import log
from ..privacy import refuse_recognition
from ..settings import CameraSettings, Settings, load_settings
from ..text import counted, printable
from .command import Parser, SubcommandParser, exit_with, spelled
from .flags import add_config

if TYPE_CHECKING:
    from ..recognition.enrollment import EnrollmentPictures
    from ..recognition.store import EnrolledPerson
    from ..types import Frame

CONSENT = """\
Facet will compute a template of {name}'s face, 128 numbers for each picture, and store it with the
name in {file}, on this computer only. With it a camera can recognize {name}. No picture is stored.
Such templates are biometric data (in the EU: Article 9 of the GDPR), which need the person's own
explicit consent, given freely. It may be withdrawn at any time:

    python -m device.people remove {quoted}

Has {name} read or heard this, and agreed? Type yes: """


def parser() -> Parser:
    top = Parser("device.people", __doc__ or "")
    common = SubcommandParser(add_help=False)
    add_config(common)
    common.add_argument(
        "--file",
        type=Path,
        metavar="FILE",
        help="file of enrolled people, takes precedence over [people] file of the settings "
        f"(default {Settings().people.file})",
    )
    verbs = top.add_subparsers(
        dest="verb", metavar="add|list|remove|export", required=True, parser_class=SubcommandParser
    )
    add_verb = verbs.add_parser("add", parents=[common], help="enroll a person who consents")
    add_verb.add_argument("name", metavar="NAME")
    add_verb.add_argument("photos", nargs="*", metavar="PHOTO", help="photos, or folders of photos")
    add_verb.add_argument(
        "--camera", metavar="SRC", help="five shots of a camera or video: 0, usb:0, film.mp4"
    )
    add_verb.add_argument("--more", action="store_true", help="add to the pictures stored of NAME")
    add_verb.add_argument(
        "--yes-they-agree", action="store_true", help="for scripts: do not ask, NAME has consented"
    )
    verbs.add_parser("list", parents=[common], help="print names, dates of consent and pictures")
    remove_verb = verbs.add_parser("remove", parents=[common], help="delete what is stored of NAME")
    remove_verb.add_argument("name", nargs="?", metavar="NAME")
    remove_verb.add_argument(
        "--all", action="store_true", help="delete all people: the file, even if it is damaged"
    )
    export_verb = verbs.add_parser("export", parents=[common], help="print what is stored of NAME")
    export_verb.add_argument("name", nargs="?", metavar="NAME", help="(default: all people)")
    export_verb.add_argument(
        "--out", type=Path, metavar="FILE.json", help="write there (default stdout)"
    )
    return top


def main(argv: list[str] | None = None) -> int:
    options = parser().parse_args(argv)
    settings = read_settings(vars(options).get("config"), options.file)
    file = settings.people.file
    match options.verb:
        case "add":
            add(
                settings,
                options.name,
                photos=options.photos,
                camera=options.camera,
                more=options.more,
                agreed=options.yes_they_agree,
            )
        case "list":
            list_people(file)
        case "remove":
            remove(file, options.name, options.all)
        case "export":
            export(file, options.name, options.out)
    return 0


def read_settings(config: Path | None, file: Path | None) -> Settings:
    """Return the defaults, overlaid by the settings file `config`, overlaid by --file."""
    settings = load_settings(config) if config else Settings()
    if file:
        settings = merge(settings, {"people": {"file": file}}, "--file")
    return settings


def add(
    settings: Settings, name: str, photos: list[str], camera: str | None, more: bool, agreed: bool
) -> None:
    """Enroll a person: ask for consent, make templates, compare with the other people, store.

    more: adds to the person's pictures. agreed: skips the question.
    """
    from ..recognition.store import (
        EnrolledPerson,
        clean_name,
        file_lock,
        name_key,
        read_people,
        write_people,
    )

    refuse_recognition(settings, "device.people add")
    file = settings.people.file
    if bool(camera) == bool(photos):
        raise UsageError("need either photos or --camera", "--camera 0")
    name = clean_name(name)
    _stored(read_people(file), name, more)
    consented = datetime.now(UTC) if agreed else _ask_for_consent(name, file)
    pictures = _take_pictures(settings, photos, camera)
    with file_lock(file):
        people = read_people(file)  # again: another command may have changed it meanwhile
        before = _stored(people, name, more)
        others = [person for person in people if person is not before]
        new = _joined(before, EnrolledPerson(name, consented, pictures.templates))
        _warn(pictures, new, others, settings.people.min_score)
        write_people(file, sorted([*others, new], key=lambda person: name_key(person.name)))
    log.info(f"{new.name} is enrolled with {counted(len(new.templates), 'picture')} in {file}")


def _stored(people: tuple[EnrolledPerson, ...], name: str, more: bool) -> EnrolledPerson | None:
    """Return the person to add pictures to, or None for a new one.

    Raises UsageError if `more` is given for an unknown name, or missing for a known one.
    """
    from ..recognition.store import find_person, name_key

    if more:
        return find_person(people, name)
    if any(name_key(person.name) == name_key(name) for person in people):
        raise UsageError(f"{name!r} is already enrolled", "--more to add pictures, or another name")
    return None


def _ask_for_consent(name: str, file: Path) -> datetime:
    """Return the time of consent; raises UsageError if it is not given."""
    if not (sys.stdin and sys.stdin.isatty()):
        raise UsageError(
            "cannot ask for consent without a terminal", "--yes-they-agree if NAME has consented"
        )
    text = CONSENT.format(name=name, file=file, quoted=shlex.quote(name))
    print(spelled(text), end="", file=sys.stderr, flush=True)
    if input().strip().lower() not in ("yes", "y"):
        raise UsageError("no consent, nothing is stored", "the command again when NAME consents")
    return datetime.now(UTC)


def _take_pictures(settings: Settings, photos: list[str], camera: str | None) -> EnrollmentPictures:
    # After the flags: --help and a misspelt flag should not wait for OpenCV.
    from ..camera.open import open_camera
    from ..camera.photos import Photos
    from ..recognition.enrollment import Enroller, enroll_from_camera, enroll_from_photos

    enroller = Enroller(settings)
    if not camera:
        return enroll_from_photos(itertools.chain.from_iterable(map(_photos, photos)), enroller)
    chosen = merge(
        settings, {"camera": {"source": camera, "wait": False, "repeat": False}}, "--camera"
    ).camera
    with open_camera(chosen) as source:
        enroll = enroll_from_photos if isinstance(source, Photos) else enroll_from_camera
        return enroll(source, enroller)


def _photos(path: str) -> Iterator[Frame]:
    from ..camera.open import open_camera
    from ..camera.photo_files import require_photos
    from ..camera.photos import Photos

    # Absolute: a photo's name may be the same as a camera's.
    found = require_photos(path).absolute()
    with open_camera(CameraSettings(source=str(found))) as source:
        if not isinstance(source, Photos):
            raise UsageError(f"{path} is not a photo", f"--camera {shlex.quote(path)} for a video")
        yield from source


def _joined(before: EnrolledPerson | None, new: EnrolledPerson) -> EnrolledPerson:
    from dataclasses import replace

    import numpy as np

    if before is None:
        return new
    return replace(before, templates=np.concatenate([before.templates, new.templates]))


def _warn(
    pictures: EnrollmentPictures,
    new: EnrolledPerson,
    others: list[EnrolledPerson],
    min_score: float,
) -> None:
    """Log what may make recognition of the new person err."""
    from ..recognition.enrollment import inconsistent_pairs, lookalikes

    for line in inconsistent_pairs(pictures, min_score):
        log.warning(f"warning: {line}")
    for line in lookalikes(new, others, min_score):
        log.warning(f"warning: {new.name} {line}")


def list_people(file: Path) -> None:
    """Print the enrolled people."""
    from ..recognition.store import ENROLL, read_people

    people = read_people(file)
    if not people:
        log.info(f"no enrolled people in {file}. Try: {ENROLL}")
        return
    width = max(len(person.name) for person in people)
    print(f"{'name':{width}}  agreed      pictures")
    for person in people:
        print(
            f"{printable(person.name):{width}}  {person.agreed:%Y-%m-%d}  {len(person.templates):8}"
        )


def remove(file: Path, name: str | None, everyone: bool) -> None:
    """Delete what is stored of a person, or the whole file."""
    from ..recognition.store import file_lock, find_all, read_people, write_people

    if bool(name) == everyone:
        raise UsageError("need either NAME or --all", "python -m device.people list")
    with file_lock(file):
        if not name:
            existed = os.path.lexists(file)
            write_people(file, ())
            log.info(f"deleted {file}" if existed else f"{file} does not exist")
            return
        people = read_people(file)
        removed = find_all(people, name)
        write_people(file, [person for person in people if person not in removed])
    entries = f", {len(removed)} entries" if len(removed) > 1 else ""
    log.info(f"deleted everything stored about {removed[0].name}{entries}")


def export(file: Path, name: str | None, out: Path | None) -> None:
    """Print or write what is stored about a person, or about all people, as JSON."""
    from ..recognition.store import find_all, read_people, to_record, write_private

    people = read_people(file)
    if name:
        people = tuple(find_all(people, name))
    text = json.dumps({"file": str(file)} | to_record(people), ensure_ascii=False, indent=1)
    if not out:
        print(text)
        return
    try:
        write_private(out, text + "\n")
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}", "another --out") from error
    log.info(f"wrote {out}")


if __name__ == "__main__":
    exit_with(main)
