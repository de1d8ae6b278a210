"""What was measured as JSON, and as a table between two marks of docs/FLEET.md."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .programs import PATHS
from .story import Findings

BEGIN, END = "<!-- Begin: make fleet -->", "<!-- End: make fleet -->"


def complete(findings: Findings, size: Mapping[str, Any], took_s: float) -> dict[str, Any]:
    """Return findings with what they depend on."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[1], 1),
        "versions": versions(),
        "size": dict(size),
        "took_s": round(took_s),
        "steps": findings.steps,
        "figures": findings.figures,
    }


def versions() -> dict[str, str]:
    found = {}
    for name, words in (("Mosquitto", ["mosquitto", "-h"]), ("PostgreSQL", ["psql", "--version"])):
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, env={**os.environ, "PATH": PATHS}
            )
        except OSError:
            continue
        number = re.search(r"\d+(\.\d+)+", done.stdout)
        found[name] = number[0] if number else "unknown"
    return found


def summary(measured: Mapping[str, Any]) -> str:
    figures = measured["figures"]
    return (
        f"{figures['written']:,} visits, {figures['rows']:,} rows: lost {figures['lost']}, doubled "
        f"{figures['doubled']}; delay {figures['quiet_p50_s']} s (median), "
        f"{figures['quiet_p99_s']} s (99 %)"
    )


def table(measured: Mapping[str, Any]) -> str:
    """Return the lines between the marks."""
    one, size = measured["figures"], measured["size"]
    cameras = size["cameras"]
    programs = ", ".join(f"{name} {number}" for name, number in measured["versions"].items())
    costs = [
        (
            f"{title}: processor, of one core; memory",
            f"{one[f'{key}_cpu_percent']} %; {one[f'{key}_memory_mb']:.0f} MB",
            f"{10 * one[f'{key}_cpu_percent'] / cameras:.4f} ms/s; "
            f"{1000 * one[f'{key}_memory_mb'] / cameras:.0f} kB",
        )
        for title, key in (("broker", "broker"), ("database", "database"), ("ingest", "ingest"))
    ]
    rows = [
        ("visits written by the cameras", f"{one['written']:,}", ""),
        ("rows lost; doubled", f"{one['lost']}; {one['doubled']}", ""),
        (
            "delay from the end of a visit to its row: median; 99 %; longest",
            f"{one['quiet_p50_s']} s; {one['quiet_p99_s']} s; {one['quiet_max_s']} s",
            "",
        ),
        *costs,
        (
            f"burst after {size['outage_s']:.0f} s without a broker",
            f"{one['burst_visits']:,} visits in {one['burst_s']:.0f} s: "
            f"{one['burst_visits_per_s']:,} a second, {one['burst_times_normal']} times the normal "
            "rate",
            "",
        ),
        ("broker's memory in the burst", f"{one['broker_burst_memory_mb']:.0f} MB", ""),
        (
            "database: growth of a day",
            f"{one['gigabytes_per_day']} GB",
            f"{one['bytes_per_visit']} bytes a visit",
        ),
    ]
    steps = [
        f"| {step['step']} | {step.get('back_s', '')} | {step.get('p99_s', '')} |"
        for step in measured["steps"]
        if "back_s" in step or "not_run" in step
    ]
    return "\n".join(
        [
            f"{measured['date']}, {measured['machine']}, {measured['cores']} cores shared by all "
            f"parts and cameras, load {measured['load']}; {programs}. {cameras:,} cameras, a visit "
            f"of each every {size['every_s']:g} s. Raw: "
            "[measured.json](fleet/measured.json).",
            "",
            "| | all | for each camera |",
            "|---|---|---|",
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
            f"| fault, {size['fault_s']:g} s long | all is stored after, s | "
            "delay meanwhile (99 %), s |",
            "|---|---|---|",
            *steps,
        ]
    )


def write_table(page: Path, measured: Mapping[str, Any]) -> None:
    """Replace what is between the marks of a page."""
    text = page.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{table(measured)}\n\n{END}{after}")
