"""Print the counts of CelebA: photos per split, positives per attribute.

    python -m train.celeba --data ../shared/data/celeba     # 2 s

Reads the official layout (list_attr_celeba.txt, list_eval_partition.txt) and Kaggle's
(list_attr_celeba.csv, list_eval_partition.csv); photos are in img_align_celeba/ in both.
"""

from pathlib import Path

from device.cli.command import Parser, exit_with
from train.data.celeba import read_celeba, summary


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.celeba", __doc__)
    parser.add_argument("--data", required=True, type=Path, help="CelebA's folder")
    print(summary(read_celeba(parser.parse_args(argv).data)))


if __name__ == "__main__":
    exit_with(main)
