"""Write findings down: a line each for people, or JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TextIO

from .check_result import FAILURE, OK, WARNING, Check, CheckResult

WORDS = {OK: "ok", WARNING: "warning", FAILURE: "FAILURE"}
COLOURS = {OK: "32", WARNING: "33", FAILURE: "1;31"}  # green, yellow, bold red
NAME = 13  # characters; a longer name moves its own line


def line(check: Check, finding: CheckResult, coloured: bool) -> str:
    """Return one line: the status, the check, what was found, and what mends it."""
    status = f"{WORDS[finding.status]:7}"
    if coloured:
        status = f"\033[{COLOURS[finding.status]}m{status}\033[0m"
    said = f"{finding.message}. {finding.fix}" if finding.fix else finding.message
    return f"{status}  {check.name:{NAME}} {' '.join(said.split())}"


def as_json(findings: Sequence[tuple[Check, CheckResult]]) -> str:
    """Return a list of objects with check, status (ok, warning, failure), found and mend."""
    rows = [{"check": check.name, **asdict(finding)} for check, finding in findings]
    return json.dumps(rows, indent=2, ensure_ascii=False)


def wants_colour(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Whether a stream is a terminal whose user has not asked for plain text (no-color.org)."""
    if stream is None or not stream.isatty():
        return False
    return not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
