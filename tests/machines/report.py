"""The table of what was checked on a machine: printed as it comes, then written into a document."""

import platform
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from device.errors import UsageError
from tests.machines.debian import ROOT

DOCUMENT = ROOT / "docs" / "machines.md"


@dataclass(frozen=True)
class Check:
    """One line: what should be, what was seen, and whether that will do."""

    what: str
    seen: str
    passed: bool

    @property
    def verdict(self) -> str:
        return "ok" if self.passed else "FAILED"


@dataclass
class Report:
    """The checks of one command. mark: the part of the document that they go to."""

    mark: str
    checks: list[Check] = field(default_factory=list)
    begun_s: float = field(default_factory=time.monotonic)

    def check(self, what: str, passed: bool, seen: str) -> bool:
        """Add and print one check; return whether it passed."""
        check = Check(what, " ".join(seen.split()), bool(passed))
        self.checks.append(check)
        print(f"{check.verdict:6}  {check.what}: {check.seen}", flush=True)
        return check.passed

    @property
    def passed(self) -> bool:
        return bool(self.checks) and all(check.passed for check in self.checks)

    def lines(self, machine: str) -> list[str]:
        """Return the table as Markdown, and above it when and on what it was made."""
        failed = sum(not check.passed for check in self.checks)
        minutes = (time.monotonic() - self.begun_s) / 60
        return [
            f"{datetime.now(UTC):%Y-%m-%d}, {machine}, on {platform.machine()}: {len(self.checks)} "
            f"checks, {failed} failed, {minutes:.0f} minutes.",
            "",
            "| check | seen | verdict |",
            "|---|---|---|",
            *(
                f"| {_cell(check.what)} | {_cell(check.seen)} | {check.verdict} |"
                for check in self.checks
            ),
        ]

    def write(self, machine: str, document: Path = DOCUMENT) -> None:
        """Put the table in its place in the document, and leave the rest as it is."""
        text = filled(document.read_text(), self.mark, self.lines(machine))
        document.write_text(text)


def filled(text: str, mark: str, lines: list[str]) -> str:
    """Return the text with these lines between a mark and its end; UsageError where it has none."""
    pattern = re.compile(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", re.DOTALL)
    if not pattern.search(text):
        raise UsageError(f"the document has no <!-- {mark} --> ... <!-- /{mark} -->")
    return pattern.sub(lambda found: found[1] + "\n".join(lines) + "\n" + found[2], text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
