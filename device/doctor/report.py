"""Format results: a line for each check, or JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TextIO

from ..text import printable
from .check_result import FAILURE, OK, WARNING, Check, CheckResult

WORDS = {OK: "ok", WARNING: "warning", FAILURE: "FAILURE"}
COLOURS = {OK: "32", WARNING: "33", FAILURE: "1;31"}  # green, yellow, bold red
NAME_WIDTH = 13  # characters; a longer name shifts its own line


def line(check: Check, result: CheckResult, coloured: bool) -> str:
    """Return one line: "STATUS  CHECK  MESSAGE. Try: FIX"."""
    status = f"{WORDS[result.status]:7}"
    if coloured:
        status = f"\033[{COLOURS[result.status]}m{status}\033[0m"
    text = f"{result.message}. Try: {result.fix}" if result.fix else result.message
    return f"{status}  {check.name:{NAME_WIDTH}} {printable(' '.join(text.split()))}"


def as_json(results: Sequence[tuple[Check, CheckResult]]) -> str:
    """Return a list of objects with check, status (ok, warning, failure), message and fix."""
    rows = [{"check": check.name, **asdict(result)} for check, result in results]
    return json.dumps(rows, indent=2, ensure_ascii=False)


def wants_colour(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Whether a stream is a terminal and the user does not ask for plain text (no-color.org)."""
    if stream is None or not stream.isatty():
        return False
    return not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
