"""The report as .pdf, printed by a Chromium without a window."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from ..errors import FacetError, UsageError, one_line, os_reason

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
INSTEAD = "--out week.html, and print it from a browser"
PRINT_S = 120.0  # a Pi takes 20 s
FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--no-pdf-header-footer",
)


def find_browser() -> str | None:
    """Return the path of a Chromium, None without one."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def as_pdf(html: str) -> bytes:
    """Return a page as PDF; UsageError without a Chromium, FacetError if it prints nothing."""
    program = find_browser()
    if program is None:
        raise UsageError("a report as .pdf needs Chromium", "sudo apt install chromium")
    with tempfile.TemporaryDirectory(prefix="facet-report-", ignore_cleanup_errors=True) as folder:
        page, pdf = Path(folder, "report.html"), Path(folder, "report.pdf")
        page.write_text(html, encoding="utf-8")
        # Chromium's sandbox refuses root.
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        command = [program, *FLAGS, *root, f"--user-data-dir={folder}/profile"]
        said = _run([*command, f"--print-to-pdf={pdf}", page.as_uri()])
        try:
            return pdf.read_bytes()
        except OSError as error:
            raise FacetError(f"Chromium printed no report: {said}", INSTEAD) from error


def _run(command: list[str]) -> str:
    """Run a command; return the last line of what it said, or its exit code."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PRINT_S
        )
    except subprocess.TimeoutExpired:
        raise FacetError(f"Chromium printed nothing within {PRINT_S:g} s", INSTEAD) from None
    except OSError as error:
        raise FacetError(f"Chromium does not start: {os_reason(error)}", INSTEAD) from error
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return one_line(lines[-1]) if lines else f"exit code {done.returncode}"
