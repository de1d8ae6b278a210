"""What was measured as JSON, and as a table between two marks of docs/FLEET.md."""

from __future__ import annotations

import math
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

# Assumed, not measured: of a month of rented servers.
CORE_EUROS, GIGABYTE_EUROS = 15, 0.1
KEPT_DAYS = 90
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


def paper(measured: Mapping[str, Any], cameras: int = 100_000) -> str:
    """Return what a larger fleet needs, by arithmetic from what was measured."""
    one, size = measured["figures"], measured["size"]
    times = cameras / size["cameras"]
    visits_s = cameras / size["every_s"]
    broker = times * one["broker_cpu_percent"] / 100
    database = times * one["database_cpu_percent"] / 100
    ingest = times * one["ingest_cpu_percent"] / 100
    memory_gb = times * one["broker_memory_mb"] / 1000
    day_gb = visits_s * 86400 * one["bytes_per_visit"] / 1e9
    shards = math.ceil(visits_s / (one["burst_visits_per_s"] / 2))
    brokers, ingests = math.ceil(2 * broker) or 1, math.ceil(2 * ingest) or 1
    queue_gb = times * one["broker_burst_memory_mb"] / 1000
    most_s = shards * one["burst_visits_per_s"]
    behind_min = visits_s * 3600 / (most_s - visits_s) / 60
    cores = brokers + ingests + max(shards, math.ceil(2 * database))
    euros = cores * CORE_EUROS + KEPT_DAYS * day_gb * GIGABYTE_EUROS
    rows = [
        (
            "visits",
            f"{cameras:,} / {size['every_s']:g} s",
            f"{visits_s:,.0f} a second, {visits_s * 86400 / 1e6:,.0f} million a day",
        ),
        (
            "brokers",
            f"{times:g} x {one['broker_cpu_percent']} % of a core; a Mosquitto uses one core, and "
            "half of it is for bursts",
            f"{broker:.1f} cores: {brokers} Mosquittos, each with its own part of "
            "the cameras and its own ingest",
        ),
        (
            "their memory, without a queue",
            f"{times:g} x {one['broker_memory_mb']:.0f} MB",
            f"{memory_gb:.1f} GB",
        ),
        (
            "their memory in a burst after an hour",
            f"{times:g} x {one['broker_burst_memory_mb']:.0f} MB",
            f"{queue_gb:.1f} GB, {queue_gb / brokers:.1f} GB in each",
        ),
        (
            "ingests",
            f"{times:g} x {one['ingest_cpu_percent']} % of a core",
            f"{ingest:.1f} cores",
        ),
        (
            "databases",
            f"{visits_s:,.0f} a second / half of the {one['burst_visits_per_s']:,} a second of the "
            "burst",
            f"{shards}, each with its own part of the cameras; {database:.1f} cores in all",
        ),
        (
            "to catch up after an hour without brokers",
            f"{visits_s * 3600 / 1e6:,.0f} million waiting / ({most_s:,} a second - "
            f"{visits_s:,.0f} that come meanwhile)",
            f"{behind_min:.0f} minutes",
        ),
        (
            "disk, a day",
            f"{visits_s * 86400 / 1e6:,.0f} million x {one['bytes_per_visit']} bytes",
            f"{day_gb:,.0f} GB",
        ),
        (
            f"partitions for {KEPT_DAYS} days",
            f"{KEPT_DAYS} days x {day_gb / shards:,.0f} GB in each database, by month",
            f"{math.ceil(KEPT_DAYS / 30) + 1} in each, {30 * day_gb / shards:,.0f} GB a month; "
            "above 100 GB let it be days",
        ),
        (
            "a month of servers",
            f"{cores} cores (one for each database, else twice those above) x {CORE_EUROS} euros "
            f"+ {KEPT_DAYS} days x "
            f"{day_gb:,.0f} GB x {GIGABYTE_EUROS} euros",
            f"{euros:,.0f} euros, {100 * euros / cameras:.1f} cents a camera",
        ),
    ]
    return "\n".join(
        [
            f"On paper, {cameras:,} cameras by arithmetic from the table above:",
            "",
            "| | arithmetic | result |",
            "|---|---|---|",
            *(f"| {' | '.join(row)} |" for row in rows),
        ]
    )


def write_table(page: Path, measured: Mapping[str, Any]) -> None:
    """Replace what is between the marks of a page."""
    text = page.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    between = f"{table(measured)}\n\n{paper(measured)}"
    page.write_text(f"{before}{BEGIN}\n\n{between}\n\n{END}{after}")
