"""Print the counts of CelebA: photos per split, positives per attribute.

    python -m train.celeba --data ../shared/data/celeba     # 2 s
    python -m train.celeba --data whole/ --align ALIGNED    # 20 ms a photo

--data is the folder that holds the tables and the folder of photos, as downloaded and unpacked:

    Anno/list_attr_celeba.txt, Eval/list_eval_partition.txt     the authors'; or all in one folder
    Img/img_align_celeba/*.jpg (or *.png)
    list_attr_celeba.csv, list_eval_partition.csv               Kaggle's
    img_align_celeba/img_align_celeba/*.jpg

A part of the photos is enough; those that are missing are counted. --align makes such a folder of
whole photos (img_celeba/): the largest face of each, cut out as in CelebA.
"""

import shlex
from pathlib import Path

from device.cli.command import Parser, exit_with, pasteable
from device.errors import disk_faults
from device.text import counted
from train.data.celeba import read_celeba, summary
from train.training.run_dir import free_run


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.celeba", __doc__)
    parser.add_argument("--data", required=True, type=Path, help="folder of CelebA")
    parser.add_argument("--align", type=Path, metavar="FOLDER", help="for aligned whole photos")
    args = parser.parse_args(argv)
    if args.align is None:
        print(summary(read_celeba(args.data)))
        folder, run = str(args.data), str(free_run(args.data))
        command = f"python -m train.fit --data {shlex.quote(folder)} --out {shlex.quote(run)}"
        print(pasteable(f"next: {command}"))
        return
    from train.data.align_celeba import align_celeba

    with disk_faults(f"cannot write to {args.align}", "free disk space and rerun"):
        done = align_celeba(args.data, args.align)
    faces, photos = counted(done.written, "face"), counted(done.skipped, "photo")
    print(f"{faces} written to {args.align}, {photos} left out")
    print(pasteable(f"next: python -m train.celeba --data {shlex.quote(str(args.align))}"))


if __name__ == "__main__":
    exit_with(main)
