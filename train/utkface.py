"""Align UTKFace for training: the largest face of each adult's photo, cut out as in CelebA.

    python -m train.utkface --data utkface/ --align ALIGNED      # 10 ms a photo
    python -m train.fit --data celeba/ --more ALIGNED --out runs/mine

--data has a labels.csv (file, age, gender, race) and the photos, beside it or in images/, or photos
that are named as UTKFace is distributed. The faces are found and cut out as on the device. A face
is labelled with Male, and with Young below 35 and above 50 years; its other labels are unknown.
"""

import shlex
from pathlib import Path

from device.cli.command import Parser, exit_with, pasteable
from device.errors import disk_faults
from device.text import counted
from train.data.align_utkface import align_utkface
from train.data.split import DataError


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.utkface", __doc__)
    parser.add_argument("--data", required=True, type=Path, help="UTKFace's folder")
    parser.add_argument("--align", required=True, type=Path, metavar="FOLDER", help="for the faces")
    args = parser.parse_args(argv)
    if not args.data.is_dir():
        raise DataError(f"no folder {args.data}", "--data FOLDER with UTKFace's photos")
    with disk_faults(f"cannot write to {args.align}", "free disk space and rerun"):
        done = align_utkface(args.data, args.align)
    faces, photos = counted(done.written, "face"), counted(done.skipped, "photo")
    print(f"{faces} written to {args.align}, {photos} left out")
    command = f"python -m train.fit --more {shlex.quote(str(args.align))}"
    print(pasteable(f"next: {command} --data CELEBA --out runs/more"))


if __name__ == "__main__":
    exit_with(main)
