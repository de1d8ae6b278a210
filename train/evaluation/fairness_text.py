"""Errors by group as text: the tables of `train.evaluate fairness`, the lines of the cards."""

from collections.abc import Iterable
from typing import Any

from device.text import counted
from device.types import OK
from train.evaluation.group_errors import ALL, MIN_PEOPLE, Gap, GroupError, worst_first
from train.evaluation.intervals import interval_text
from train.evaluation.metrics import percent_interval

WORST = 5  # groups of an attribute that the cards name
RANKED = {"Male": "men against women", "Young": "under 35 against over 50"}


def table(title: str, errors: Iterable[GroupError]) -> str:
    """Return errors as text: the large groups first, the worst of them on top."""
    rows = worst_first(errors)
    width = max([len(title), *(len(row.group) for row in rows)]) + 2
    lines = [f"{title:{width}}{'attribute':>16}{'people':>8}{'error':>8}    95 % interval"]
    for row in rows:
        few = "" if row.is_large else f"    fewer than {MIN_PEOPLE} people"
        lines.append(
            f"{row.group:{width}}{row.attribute:>16}{row.people:8,}{row.error:8.3f}    "
            f"{row.low:.3f} to {row.high:.3f}{few}"
        )
    return "\n".join(lines)


def tables(title: str, errors: Iterable[GroupError]) -> str:
    """Return a table per attribute."""
    by_attribute: dict[str, list[GroupError]] = {}
    for row in errors:
        by_attribute.setdefault(row.attribute, []).append(row)
    return "\n\n".join(table(title, rows) for rows in by_attribute.values())


def worst_groups(groups: dict[str, list[dict]]) -> list[str]:
    """Return a Markdown table: per data set and attribute the worst groups, all, and the best.

    groups: data set -> `GroupError`s as a card has them. The attribute with the largest error is
    first; small groups are left out.
    """
    parts = [
        part
        for title, rows in groups.items()
        for attribute in dict.fromkeys(row["attribute"] for row in rows)
        if (part := _part(title, [row for row in rows if row["attribute"] == attribute]))
    ]
    parts.sort(key=lambda part: -part[0])
    head = ["| data | attribute | group | people | error |", "|---|---|---|---|---|"]
    return [*head, *(line for _, lines in parts for line in lines)] if parts else []


def _part(title: str, rows: list[dict]) -> tuple[float, list[str]] | None:
    """Return an attribute's largest error and its lines; None without large groups."""
    overall = [row for row in rows if row["group"] == ALL]
    large = (row for row in rows if row["people"] >= MIN_PEOPLE and row["group"] != ALL)
    groups = sorted(large, key=lambda row: -row["error"])
    if not groups:
        return None
    shown = [*groups[:WORST], *overall, *groups[WORST:][-1:]]
    lines = [
        f"| {title} | {row['attribute']} | {row['group']} | {row['people']:,} | {error_text(row)} |"
        for row in shown
    ]
    return groups[0]["error"], lines


def error_text(row: dict) -> str:
    """Return a group's error such as "10.6 % (7.7 to 14.4)"."""
    return percent_interval(row["error"], row["low"], row["high"])


def summary_lines(summary: dict[str, Any]) -> list[str]:
    """Return what `Fairness.summary` has as sentences, with 95 % intervals in brackets."""
    states = {state: count for state, count in summary["states"].items() if state != OK}
    people = counted(sum(summary["states"].values()), "photo")
    reasons = ", ".join(f"{state} {count:,}" for state, count in states.items())
    reasons = f" ({reasons})" if reasons else ""
    lines = [f"Not classified: {sum(states.values()):,} of {people}{reasons}."]
    for name, ranking in summary["auc"].items():
        if ranking["auc"] is not None:
            ends = interval_text((ranking["low"], ranking["high"]), 3)
            lines.append(f"AUC of {name}, {RANKED[name]}: {ranking['auc']:.3f} ({ends}).")
    if gap := summary["race_gap"]:
        lines.append(_gap_sentence(Gap(**gap)))
    return lines


def _gap_sentence(gap: Gap) -> str:
    difference, low, high, chance = (
        f"{100 * share:.1f}" for share in (gap.difference, gap.low, gap.high, gap.by_chance)
    )
    return (
        f"Largest gap between races in the error of Male: {difference} points ({low} to {high}), "
        f"{gap.worst} against {gap.best}; groups of these sizes with the same error differ by "
        f"{chance} points on average."
    )
