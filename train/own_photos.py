"""Align your own photos for training: the largest face of each, cut out as in CelebA.

    python -m train.own_photos --photos mine/ --out aligned/     # 20 ms a photo
    python -m train.fit --recipe smile-simple-cnn --data aligned/ --attributes smile --out runs/mine

    mine/smile/*.jpg                  a folder per class. Two classes are one attribute: smile and
    mine/no_smile/*.jpg               no_smile (or not_, non_, without_), otherwise the class that
                                      is last by name. Three or more classes: one attribute each
    mine/train/smile/*.jpg            optional: the same in train/, val/ and test/
    mine/labels.csv, mine/*.jpg       the file name; then a column per attribute with 1 for yes, 0
                                      or -1 for no, or one column of class names; optional: a column
                                      split with train, val or test

Without a split, a photo's name decides: 80, 10 and 10 %. The output folder has the same subfolders
and the same labels.csv. This is the only command that stores pictures.
"""

from pathlib import Path

from device.cli.command import Parser, exit_with
from device.errors import disk_faults
from device.text import counted
from train.data.own_photos import align_folder, read_own_photos


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.own_photos", __doc__)
    parser.add_argument("--photos", required=True, type=Path, help="folder of photos of people")
    parser.add_argument("--out", required=True, type=Path, help="folder for the aligned faces")
    args = parser.parse_args(argv)
    read_own_photos(args.photos)  # unusable labels stop here, before the work
    with disk_faults(f"cannot write to {args.out}", "free disk space and rerun"):
        written, missed = align_folder(args.photos, args.out)
    faces, photos = counted(written, "face"), counted(missed, "photo")
    print(f"{faces} written to {args.out}, {photos} left out")


if __name__ == "__main__":
    exit_with(main)
