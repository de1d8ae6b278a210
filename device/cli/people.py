"""Known people: enrol, list, remove them, and give them what is stored of them.

    python -m device.people add Ada --camera 0           # five shots within a few seconds
    python -m device.people add 'Ada Lovelace' a.jpg b.jpg
    python -m device.people add Ada photos/ --more       # to what is there
    python -m device.people list
    python -m device.people export Ada > ada.json        # all that is stored of her
    python -m device.people remove Ada                   # all of it; --all: everybody, the file

Whoever is added is asked to agree first. Photos are neither kept nor sent: only 128 numbers of
each, in a file that its owner alone may read. `python -m device.run --people` recognises them.
Exit codes: 0 done, 1 no picture shows the face clearly, 2 wrong usage, dlib missing, or not agreed,
3 no camera or unreadable source, 4 model missing, or the file damaged or made by another one.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..log import log
from ..settings import CameraSettings, Settings
from .command import Parser, exit_with

if TYPE_CHECKING:
    from ..recognition.enrollment import Enrolled
    from ..recognition.store import EnrolledPerson

CONSENT = """\
Facet will compute a template of {name}'s face, 128 numbers for each picture, and store it with the
name in {file}, on this computer only. From it {name} can be recognised before a camera. No picture
is stored. Such templates are biometric data (in the EU: Article 9 of the GDPR), which need the
person's own explicit consent, given freely; it may be withdrawn at any time:

    python -m device.people remove {quoted}

Has {name} read this, or been told it, and agreed? Type yes: """


class Command(Parser):
    """One verb's parser."""

    def __init__(self, **options):
        argparse.ArgumentParser.__init__(self, allow_abbrev=False, **options)


def parser() -> Parser:
    one = Parser("device.people", __doc__)
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--file",
        type=Path,
        default=Settings().people.file,
        metavar="FILE",
        help="where people are kept (default %(default)s)",
    )
    verbs = one.add_subparsers(
        dest="verb", metavar="add|list|remove|export", required=True, parser_class=Command
    )
    add = verbs.add_parser("add", parents=[where], help="enrol somebody who agrees")
    add.add_argument("name", metavar="NAME")
    add.add_argument("photos", nargs="*", metavar="PHOTO", help="photos, or folders of photos")
    add.add_argument("--camera", metavar="SRC", help="shots of a camera: 0, usb:0, csi:0, a film")
    add.add_argument("--more", action="store_true", help="add to what is stored of NAME")
    add.add_argument(
        "--yes-they-agree", action="store_true", help="for scripts: do not ask, NAME has agreed"
    )
    verbs.add_parser("list", parents=[where], help="who is known, since when, by how many pictures")
    remove = verbs.add_parser("remove", parents=[where], help="delete all that is stored of NAME")
    remove.add_argument("name", nargs="?", metavar="NAME")
    remove.add_argument("--all", action="store_true", help="everybody: the file, damaged or not")
    export = verbs.add_parser("export", parents=[where], help="JSON of all that is stored of NAME")
    export.add_argument("name", nargs="?", metavar="NAME", help="default everybody")
    export.add_argument("--out", type=Path, metavar="FILE.json", help="default stdout")
    return one


def main(argv: list[str] | None = None) -> int:
    options = parser().parse_args(argv)
    options.file = options.file.expanduser()
    verbs = {"add": add, "list": show, "remove": remove, "export": export}
    verbs[options.verb](options)
    return 0


def add(options: argparse.Namespace) -> None:
    """Enrol somebody: ask, look, compare with everybody known, store."""
    from ..recognition.store import (
        EnrolledPerson,
        alone,
        clean_name,
        key,
        read_people,
        write_people,
    )

    if bool(options.camera) == bool(options.photos):
        raise UsageError("need photos or --camera, one of them", "Give --camera 0, or a photo")
    name = clean_name(options.name)
    _present(read_people(options.file), name, options.more)
    agreed = _ask(name, options)
    enrolled = _enrol(options)
    with alone(options.file):
        people = read_people(options.file)  # again: it took a while
        before = _present(people, name, options.more)
        others = [one for one in people if one is not before]
        new = _joined(before, EnrolledPerson(name, agreed, enrolled.templates))
        _report(enrolled, new, others)
        write_people(options.file, sorted([*others, new], key=lambda one: key(one.name)))
    count = len(new.templates)
    log.info(f"{new.name} is known by {count} picture{'s' * (count != 1)} in {options.file}")


def _present(people: tuple[EnrolledPerson, ...], name: str, more: bool) -> EnrolledPerson | None:
    """Return who has the name; UsageError where that does not go with `more`."""
    from ..recognition.store import find, key

    if more:
        return find(people, name)
    if any(key(one.name) == key(name) for one in people):
        raise UsageError(
            f"{name!r} is already taken",
            "Give another name, or --more to add pictures to it, or remove it first",
        )
    return None


def _ask(name: str, options: argparse.Namespace) -> datetime:
    """Return when consent was given: now; UsageError where it was not."""
    if not options.yes_they_agree:
        if not (sys.stdin and sys.stdin.isatty()):
            raise UsageError(
                "nobody can be asked here whether they agree",
                "Run it in a terminal, or give --yes-they-agree if they have",
            )
        quoted = f"'{name}'" if " " in name else name
        print(CONSENT.format(name=name, file=options.file, quoted=quoted), end="", file=sys.stderr)
        if input().strip().lower() not in ("yes", "y"):
            raise UsageError("not agreed, nothing is stored")
    return datetime.now(UTC)


def _enrol(options: argparse.Namespace) -> Enrolled:
    # After the flags: --help and a slip of the finger should not wait for OpenCV.
    import itertools

    from ..camera.open import open_camera
    from ..recognition.enrollment import Enroller, from_camera, from_photos

    enroller = Enroller(Settings())
    if options.camera:
        with open_camera(CameraSettings(source=options.camera)) as camera:
            take = from_photos if camera.stills else from_camera
            return take(camera, enroller, log.info)
    # A photo's name may look like a camera's.
    sources = (CameraSettings(source=str(Path(one).absolute())) for one in options.photos)
    photos = itertools.chain.from_iterable(_frames(source) for source in sources)
    return from_photos(photos, enroller, log.info)


def _frames(source: CameraSettings):
    from ..camera.open import open_camera

    with open_camera(source) as camera:
        if not camera.stills:
            raise UsageError(f"{source.source} is no photo", "Give a film with --camera")
        yield from camera


def _joined(before: EnrolledPerson | None, new: EnrolledPerson) -> EnrolledPerson:
    from dataclasses import replace

    import numpy as np

    if before is None:
        return new
    return replace(before, templates=np.concatenate([before.templates, new.templates]))


def _report(enrolled: Enrolled, new: EnrolledPerson, others: list[EnrolledPerson]) -> None:
    """Say what may go wrong with recognising the new person."""
    from ..recognition.enrollment import lookalikes, strangers

    min_score = Settings().people.min_score
    for line in strangers(enrolled, min_score):
        log.info(f"warning: {line}")
    for line in lookalikes(new, others, min_score):
        log.info(f"warning: {new.name} {line}")


def show(options: argparse.Namespace) -> None:
    """Print everybody."""
    from ..recognition.store import ENROL, read_people

    people = read_people(options.file)
    if not people:
        log.info(f"nobody is known. Run: {ENROL}")
        return
    widest = max(len(one.name) for one in people)
    print(f"{'name':{widest}}  agreed      pictures")
    for one in people:
        print(f"{one.name:{widest}}  {one.agreed:%Y-%m-%d}  {len(one.templates):8}")


def remove(options: argparse.Namespace) -> None:
    """Delete somebody, or the whole file."""
    from ..recognition.store import alone, find, read_people, write_people

    if bool(options.name) == options.all:
        raise UsageError("need NAME or --all, one of them", "See: --help")
    with alone(options.file):
        if options.all:
            there = options.file.exists()
            write_people(options.file, ())
            log.info(f"deleted {options.file}" if there else f"there is no {options.file}")
            return
        people = read_people(options.file)
        gone = find(people, options.name)
        write_people(options.file, [one for one in people if one is not gone])
    log.info(f"deleted all that was stored of {gone.name}")


def export(options: argparse.Namespace) -> None:
    """Print or write what is stored of somebody, or of everybody."""
    from ..recognition.store import find, read_people, to_record, write_privately

    people = read_people(options.file)
    if options.name:
        people = (find(people, options.name),)
    text = json.dumps({"file": str(options.file)} | to_record(people), ensure_ascii=False, indent=1)
    if not options.out:
        print(text)
        return
    try:
        write_privately(options.out, text + "\n")
    except OSError as error:
        raise UsageError(
            f"cannot write {options.out}: {error.strerror}", "Name another --out"
        ) from error
    log.info(f"wrote {options.out}")


if __name__ == "__main__":
    exit_with(main)
