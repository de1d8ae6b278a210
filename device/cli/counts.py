"""Make a report of the anonymous counts, a week beside the week before; and a notice to hang up.

    python -m device.counts report counts*.csv* --out week.html
    python -m device.counts report counts*.csv* --out week.html week.xlsx week.csv week.pdf
    python -m device.counts report counts*.csv* --out week.html --last-day 2026-11-22
    python -m device.counts report counts*.csv* --out week.html --epsilon 1
    python -m device.counts notice --config /etc/facet.toml --by "The shop, Market Street 1" \\
        --purpose "opening hours" --address https://shop.example/camera --out notice.html

Traffic by hour and weekday, shares of the counted attributes with 95 % intervals, as counted and
corrected for the model's errors, and what changed since the week before. Takes a second; .xlsx
needs openpyxl, .pdf needs Chromium, --epsilon needs OpenDP. The notice says in plain words what a
camera with these settings does; its QR code, which needs segno, leads to a page of yours.

Exit codes: 0 done, 1 a file could not be written, 2 wrong usage, 3 a counts file is missing or
cannot be read, 4 a model card is missing or malformed.
"""

import argparse
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from ..errors import ModelError, UsageError, disk_faults, one_line
from ..files import write_atomic
from ..log import log
from ..resources import model_path
from .command import Parser, SubcommandParser, exit_with
from .flags import add_config, settings_from

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
        help="last of the seven days, such as 2026-11-22 (default: the last that is over)",
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
        help="add noise: what the report tells changes the odds of a guess that a visit took place "
        "by a factor of e^E at most; 1 is common, less hides more (default: no noise)",
    )
    _add_notice(commands)
    return counts


def _add_notice(commands: Any) -> None:
    notice = commands.add_parser("notice", help="make a notice to hang up beside the camera")
    add = notice.add_argument
    add_config(notice)
    add(
        "--by",
        required=True,
        action="append",
        metavar="TEXT",
        help="who is responsible, name and address; once more for a further line",
    )
    add(
        "--purpose",
        default="",
        metavar="TEXT",
        help="why the camera is there, in a few words, as your page says it",
    )
    add(
        "--address",
        required=True,
        metavar="URL",
        help="page with your reasons and people's rights, for the QR code",
    )
    add("--out", type=_notice_file, required=True, metavar="FILE", help="notice, .html or .pdf")


def _notice_file(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in (".html", ".pdf"):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .html or .pdf")
    return path


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
    return make_notice(options) if options.command == "notice" else make_report(options)


def make_notice(options: argparse.Namespace) -> int:
    from ..counts.notice import html
    from ..counts.paper import as_pdf

    if not re.match(r"https?://[^/\s]+", options.address):
        raise UsageError(
            f"--address {one_line(options.address, 80)} is no address of a page",
            "--address https://shop.example/camera",
        )
    text = html(settings_from(options), options.by, options.address, options.purpose)
    as_file = as_pdf if options.out.suffix.lower() == ".pdf" else str.encode
    _write(options.out, as_file(text))
    log.info("%s: print it, and hang it up where people see it before the camera does", options.out)
    return 0


def make_report(options: argparse.Namespace) -> int:
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
    report = build_report(rows or found.rows, measured, options.last_day, min_group=found.min_group)
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
        _write(path, content)
        log.info("%s: %s to %s", path, report.first_day, report.last_day)
    return 0


def _write(path: Path, content: bytes) -> None:
    with disk_faults(f"cannot write {path}", "--out in a folder that you may write to"):
        write_atomic(path, content)


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
