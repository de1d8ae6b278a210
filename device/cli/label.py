"""Label archives of photos and videos: a row per face, in one Parquet file per shard.

    python -m device.label photos/ --out labels/          # on all cores
    python -m device.label "2024/*.jpg" --out labels/
    python -m device.label list.txt --out labels/         # a path or address per line
    python -m device.label film.mp4 --out labels/ --every 5
    python -m device.label shards/ --out labels/          # tars of photos, as webdataset's
    python -m device.label s3://bucket/photos --out s3://bucket/labels
    python -m device.label photos/ --out labels/ --cluster tcp://HOST:8786

Each file has path, face, state, box, landmarks, a probability per attribute, and the model's hash.
A photo without a face has one row, and so has one that cannot be read, with the reason. The same
command goes on where it was stopped, and labels what has come since. Faces are found, aligned and
classified as the device does; a video's pictures as photos, --every so many seconds.

Exit codes: 0 done, also where single photos cannot be read; 1 stopped by a fault, the same command
goes on; 2 wrong usage, or DIR has labels of another model; 3 nothing can be read; 4 no model.
"""

import argparse
import math
import os
from pathlib import Path

from ..errors import SourceError, UsageError
from ..privacy import refuse_face_rows
from ..settings import Settings
from ..text import counted
from .command import Parser, count, exit_with
from .flags import add_config, add_flags, settings_from

SETTINGS_FLAGS = ("--model", "--detector", "--min-face", "--max-turn", "--min-sharpness")


def parser() -> Parser:
    label = Parser("device.label", __doc__ or "")
    add = label.add_argument
    add("source", metavar="SRC", help="folder, pattern, list, photo, video, tar or address")
    add("--out", required=True, metavar="DIR", help="folder for the labels, or an address")
    add("--workers", type=count, metavar="N", help="processes (default: one per core)")
    add("--cluster", default="", metavar="ADDRESS", help="tcp://HOST:8786 of Dask, or local")
    add("--shard-size", type=count, metavar="N", help="photos per file (default: 16 to 1000)")
    add(
        "--every",
        type=float,
        default=1.0,
        metavar="S",
        help="s between two pictures of a video; 0: each (default 1)",
    )
    add_config(label)
    add_flags(label, Settings, SETTINGS_FLAGS)
    return label


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    if args.cluster and args.cluster != "local" and "://" not in args.cluster:
        raise UsageError(
            f"--cluster {args.cluster} is no address", f"--cluster tcp://{args.cluster}"
        )
    if not args.out or "\0" in args.out:
        raise UsageError(f"--out {args.out!r} is no folder", "--out labels/")
    if Path(args.out).exists() and not Path(args.out).is_dir():
        raise UsageError(f"--out {args.out} is a file", "--out in another folder")
    for flag, value in (("--workers", args.workers), ("--shard-size", args.shard_size)):
        if value == 0:
            raise UsageError(f"{flag} 0, need 1 or more", f"without {flag}")
    if not (math.isfinite(args.every) and args.every >= 0):
        raise UsageError(f"--every {args.every}, need 0 or more", "--every 1")
    _label(args)


def _label(args: argparse.Namespace) -> None:
    from ..label.run import Request, label

    settings = settings_from(args, SETTINGS_FLAGS)
    refuse_face_rows(settings, "device.label")
    workers = args.workers or len(os.sched_getaffinity(0))
    request = Request(
        args.source,
        args.out,
        settings,
        workers,
        args.cluster,
        args.shard_size or 0,
        args.every,
    )
    found = label(request)
    print(
        f"{counted(found.pictures, 'picture')}: {counted(found.faces, 'face')}, "
        f"{found.classified:,} classified; {found.without:,} without a face, "
        f"{found.unreadable:,} not readable: {args.out}"
    )
    if found.pictures and found.unreadable == found.pictures:
        raise SourceError(
            f"none of {counted(found.pictures, 'picture')} can be read",
            "the column reason of the labels says why",
        )


if __name__ == "__main__":
    exit_with(main)
