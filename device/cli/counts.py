"""Make a report of the anonymous counts: a week beside the week before.

    python -m device.counts report counts*.csv* --out week.html
    python -m device.counts report counts*.csv* --out week.html week.xlsx week.csv week.pdf
    python -m device.counts report counts*.csv* --out week.html --last-day 2026-11-22
    python -m device.counts report counts*.csv* --out week.html --epsilon 1

Traffic by hour and weekday, shares of the counted attributes with 95 % intervals, as counted and
corrected for the model's errors, and what changed since the week before. Takes a second; .xlsx
needs openpyxl, .pdf needs Chromium, --epsilon needs OpenDP.

Exit codes: 0 done, 1 a file could not be written, 2 wrong usage, 3 a counts file is missing or
cannot be read, 4 a model card is missing or malformed.
"""

import argparse
from collections.abc import Callable
from datetime import date
from pathlib import Path

from ..errors import ModelError, UsageError, disk_faults
from ..files import write_atomic
from ..log import log
from ..resources import model_path
from .command import Parser, SubcommandParser, exit_with

FORMATS = (".html", ".csv", ".xlsx", ".pdf")


def parser() -> Parser:
    counts = Parser("device.counts", __doc__ or "")
    commands = counts.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=SubcommandParser
    )
    report = commands.add_parser("report", help="make a report of a week")
    add = report.add_argument
    add("files", type=Path, nargs="+", metavar="FILE", help="files of --counts, also older ones")
    add(
        "--out",
        type=_report_file,
        nargs="+",
        required=True,
        metavar="FILE",
        help=f"report to write: {', '.join(FORMATS)}; several give the same report",
    )
    add(
        "--last-day",
        type=_day,
        metavar="DATE",
        help="last of the seven days, such as 2026-11-22 (default: the newest in the files)",
    )
    add(
        "--model",
        type=Path,
        metavar="CARD",
        help="model card with the error rates (default: the model that counted, if it is here)",
    )
    add(
        "--epsilon",
        type=float,
        metavar="E",
        help="add noise: what the report tells about any one visit changes the odds of a guess by "
        "a factor of e^E at most; 1 is common, less hides more (default: no noise)",
    )
    return counts


def _report_file(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in FORMATS:
        raise argparse.ArgumentTypeError(f"{text!r} does not end in {', '.join(FORMATS)}")
    return path


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date such as 2026-11-22") from None


def main(argv: list[str] | None = None) -> int:
    options = parser().parse_args(argv)
    from ..counts.figures import build_report
    from ..counts.page import Notes, html, sheets
    from ..counts.paper import as_pdf
    from ..counts.read import read_counts
    from ..counts.sheets import as_csv, as_xlsx

    found, rows = read_counts(options.files), None
    if options.epsilon is not None:
        from ..counts.private import with_noise

        rows = with_noise(found.rows, options.epsilon)
    model, measured = _measured(options.model, found.model)
    report = build_report(rows or found.rows, measured, options.last_day)
    notes = Notes(found.min_group, model, found.interruptions, found.damaged, options.epsilon)
    tables = sheets(report, found.min_group)
    make: dict[str, Callable[[], bytes]] = {
        ".html": lambda: html(report, notes).encode(),
        ".csv": lambda: as_csv(tables),
        ".xlsx": lambda: as_xlsx(tables),
        ".pdf": lambda: as_pdf(html(report, notes)),
    }
    for path in options.out:
        _refuse_input(path, options.files)
        content = make[path.suffix.lower()]()
        with disk_faults(f"cannot write {path}", "--out in a folder that you may write to"):
            write_atomic(path, content)
        log.info("%s: %s to %s", path, report.first_day, report.last_day)
    return 0


def _refuse_input(path: Path, files: list[Path]) -> None:
    if path.resolve() in [file.resolve() for file in files]:
        raise UsageError(f"--out {path} is one of the files to read", "--out week.csv")


def _measured(card: Path | None, used: str) -> tuple[str, dict]:
    """Return (name, measured) of a card: the given one, or that of the model that counted."""
    from ..attributes.model_card import read_card

    if card:
        return card.stem, read_card(card).measured
    if not used:
        return "", {}
    try:
        return used, read_card(model_path(f"{used}.json")).measured
    except ModelError:
        log.warning("shares are not corrected: no card of the model %s. Try: --model CARD", used)
        return "", {}


if __name__ == "__main__":
    exit_with(main)
