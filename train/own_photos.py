"""Align your own photos for training: the largest face of each, cut out as in CelebA.

    python -m train.own_photos --photos mine/ --out aligned/     # 20 ms a photo
    python -m train.fit --recipe smile-simple-cnn --data aligned/ --attributes smile --out runs/mine

    mine/smile/*.jpg                  a folder per class. Two classes are one attribute: smile and
    mine/no_smile/*.jpg               no_smile (or not_, non_, without_), otherwise the class that
                                      is last by name. Three or more classes: one attribute each
    mine/train/smile/*.jpg            optional: the same in train/, val/ and test/
    mine/smile/ann/*.jpg              optional: from ten such folders on, a folder's photos stay in
                                      one split
    mine/labels.csv, mine/*.jpg       the file name; then a column per attribute with 1 for yes, 0
                                      or -1 for no, or one column of class names. In a table of
                                      several attributes an empty cell, ?, nan, na or unknown is an
                                      unknown label. Optional: a column split with train, val or
                                      test, and a column person, whose photos stay in one split

Without a split, a photo's or person's name decides: 80, 10 and 10 %. The output folder has the same
subfolders, and a labels.csv if the photos have one; faces of HEIC and other formats that cannot be
written become JPEGs. Photos that cannot be read, without a face or with several are named. Like
--align of train.celeba and train.utkface, this stores pictures of people.
"""

import shlex
from pathlib import Path

from device.cli.command import Parser, exit_with, pasteable
from device.errors import disk_faults
from device.text import counted
from train.data.align_photos import align_photos
from train.data.own_photos import read_labels
from train.data.split import SPLITS, Dataset, unknown_line
from train.training.run_dir import free_run


def counts_table(data: Dataset) -> str:
    """Return the photos per split, and of them those with each attribute, as text."""
    splits = [data.splits[name] for name in SPLITS]
    width = max(22, *(len(name) + 1 for name in data.attributes))
    lines = [f"{'split':{width}}" + "".join(f"{name:>10}" for name in SPLITS)]
    lines.append(f"{'photos':{width}}" + "".join(f"{len(split):10,}" for split in splits))
    for column, name in enumerate(data.attributes):
        counts = (int(split.positives()[column]) for split in splits)
        lines.append(f"{name:{width}}" + "".join(f"{count:10,}" for count in counts))
    return "\n".join([*lines, *filter(None, [unknown_line(splits)])])


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.own_photos", __doc__)
    parser.add_argument("--photos", required=True, type=Path, help="folder of photos of people")
    parser.add_argument("--out", required=True, type=Path, help="folder for the aligned faces")
    args = parser.parse_args(argv)
    labels = read_labels(args.photos)  # unusable labels stop here, before the work
    with disk_faults(f"cannot write to {args.out}", "another --out, or free disk space"):
        result = align_photos(labels, args.out)
    faces, photos = counted(result.written, "face"), counted(result.missed, "photo")
    print(f"{faces} written to {args.out}, {photos} left out")
    print(counts_table(result.data))
    folder, run = str(args.out), str(free_run(args.out))
    command = f"python -m train.fit --data {shlex.quote(folder)} --out {shlex.quote(run)}"
    print(pasteable(f"next: {command}"))


if __name__ == "__main__":
    exit_with(main)
