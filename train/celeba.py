"""Print the counts of CelebA: photos per split, positives per attribute.

    python -m train.celeba --data ../shared/data/celeba     # 2 s
    python -m train.celeba --data whole/ --align ALIGNED    # 20 ms a photo

Reads the official layout (list_attr_celeba.txt, list_eval_partition.txt, img_align_celeba/; in one
folder or in Anno/, Eval/ and Img/) and Kaggle's (the same with .csv), with photos as JPEG or PNG.
--align makes such a folder of whole photos (img_celeba/): the largest face of each, cut out as in
CelebA.
"""

import shlex
from pathlib import Path

from device.cli.command import Parser, exit_with
from device.errors import disk_faults
from device.text import counted
from train.data.celeba import read_celeba, summary


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.celeba", __doc__)
    parser.add_argument("--data", required=True, type=Path, help="CelebA's folder")
    parser.add_argument("--align", type=Path, metavar="FOLDER", help="for aligned whole photos")
    args = parser.parse_args(argv)
    if args.align is None:
        print(summary(read_celeba(args.data)))
        return
    from train.data.align_celeba import align_celeba

    with disk_faults(f"cannot write to {args.align}", "free disk space and rerun"):
        done = align_celeba(args.data, args.align)
    faces, photos = counted(done.written, "face"), counted(done.skipped, "photo")
    print(f"{faces} written to {args.align}, {photos} left out")
    print(f"next: python -m train.celeba --data {shlex.quote(str(args.align))}")


if __name__ == "__main__":
    exit_with(main)
