"""The report as one page of HTML: nothing is loaded, no script, to be mailed and printed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from typing import Any

from .charts import bars_svg, shares_svg
from .figures import DAY_NAMES, DAYS, Report, Slot, Traffic
from .rates import Interval
from .words import (
    CANNOT_KNOW,
    percent,
    plain_name,
    range_words,
    share_sentence,
    traffic_sentence,
)

BY_DAY_AND_HOUR = "Visits by day and hour"
STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d5dae0;--paper:#fff;
--teal:#00707a;--amber:#b35c00}
@media(prefers-color-scheme:dark){:root{--ink:#e4e8ec;--soft:#9aa4af;--line:#39414b;
--paper:#14181d;--teal:#4fd1c5;--amber:#f0a35e}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 auto;
max-width:820px;padding:24px}
h1{font-size:26px;line-height:1.2;margin:0}h2{font-size:19px;margin:32px 0 8px}
p{margin:8px 0}.soft,figcaption,footer{color:var(--soft);font-size:14px}
figure{margin:8px 0}.chart{overflow-x:auto}svg{width:100%;height:auto;display:block}
svg text{fill:var(--soft)}
.grid{stroke:var(--line);fill:none}.bar{fill:var(--teal)}
.before{stroke:var(--amber);stroke-width:2.5;fill:none}
.raw{fill:var(--teal);stroke:var(--teal)}.corrected{fill:var(--amber);stroke:var(--amber)}
path.line{stroke-width:3;fill:none}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:5px 8px;border-bottom:1px solid var(--line);vertical-align:top}
th:first-child,td:first-child{text-align:left}caption{text-align:left;padding:18px 8px 4px}
th{font-weight:600}
.keys{white-space:nowrap;margin-right:12px}.key{display:inline-block;width:12px;height:12px;
margin-right:5px;background:var(--teal)}.key.dot{border-radius:6px}
.key.then{background:var(--amber);height:3px;vertical-align:middle}
.key.amber{background:var(--amber)}
td.heat{background:color-mix(in srgb,var(--teal) calc(var(--share)*55%),transparent)}
ul{padding-left:20px;margin:8px 0}.notes{border:1px solid var(--line);border-radius:8px;
padding:4px 16px;margin-top:24px}
@media(max-width:600px){body{padding:16px}h1{font-size:22px}svg{min-width:600px}
th,td{padding:5px 4px}}
@page{size:A4;margin:14mm}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--line:#ccc;--paper:#fff;
--teal:#00707a;--amber:#b35c00}body{font-size:11pt;padding:0;max-width:none}
h1{font-size:17pt}h2{break-after:avoid;font-size:13pt;margin-top:16pt}svg{min-width:0}
th,td{padding:2px 8px}table{font-size:9.5pt}figure,table,.notes,li{break-inside:avoid}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""


@dataclass(frozen=True)
class Notes:
    """What the report says about its making."""

    min_group: int
    model: str
    interruptions: int
    damaged: int
    epsilon: float | None
    """Of the noise that was added; None: none."""


@dataclass(frozen=True)
class ReportTable:
    """A table of the report."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | float | None]]


def sheets(report: Report, min_group: int) -> list[ReportTable]:
    """Return the report's tables, for the page and for spreadsheets; small numbers as "< 10"."""
    week, before = report.week, report.before
    days = [report.first_day + timedelta(days=place) for place in range(DAYS)]
    ago = timedelta(days=DAYS)
    return [
        ReportTable(
            "Visits by day",
            ("Day", "Date", "Visits", "Week before"),
            [
                (
                    DAY_NAMES[day.weekday()],
                    day.isoformat(),
                    _whole(week.by_day, day, week, min_group),
                    _whole(before.by_day, day - ago, before, min_group),
                )
                for day in days
            ],
        ),
        ReportTable(
            "Visits by hour of the day",
            ("Hour", "Visits", "Hours counted", "Week before", "Hours counted then"),
            [
                (
                    f"{hour:02}:00",
                    _whole(week.by_hour, hour, week, min_group),
                    round(week.hours_by_hour.get(hour, 0.0), 1),
                    _whole(before.by_hour, hour, before, min_group),
                    round(before.hours_by_hour.get(hour, 0.0), 1),
                )
                for hour in _hours(week, before)
            ],
        ),
        ReportTable(
            BY_DAY_AND_HOUR,
            ("Hour", *(f"{DAY_NAMES[day.weekday()][:3]} {day.day}" for day in days)),
            [
                (
                    f"{hour:02}:00",
                    *(_whole(week.by_day_hour, (day, hour), week, min_group) for day in days),
                )
                for hour in _hours(week)
            ],
        ),
        ReportTable(
            "Shares of the visits",
            (
                *("Attribute", "Visits with it", "of", "Counted %", "from", "to"),
                *("Corrected %", "from", "to", "Change, points", "from", "to"),
                *("Corrected change, points", "from", "to"),
            ),
            [
                (
                    plain_name(share.name),
                    share.yes,
                    share.total,
                    *_percents(share.raw),
                    *_percents(share.corrected),
                    *_percents(share.change),
                    *_percents(share.corrected_change),
                )
                for share in report.shares
            ],
        ),
        ReportTable(
            "Time in view",
            ("Duration", "Visits"),
            [(range_words(name), count) for name, count in report.dwell.items()],
        ),
    ]


def html(report: Report, notes: Notes) -> str:
    """Return the page."""
    days, hours, days_and_hours, *_ = sheets(report, notes.min_group)
    ago = timedelta(days=DAYS)
    compared = report.change is not None
    key = _key("", "this week") + (_key("then", "week before") if compared else "")
    parts = [
        f"<h1>Visits from {_day(report.first_day)} to {_day(report.last_day)}</h1>",
        f'<p class="soft">{escape(", ".join(report.sources))} · times in {escape(report.zone)}</p>',
        f"<p>{escape(traffic_sentence(report))}</p>",
        "<h2>By day</h2>",
        _figure(
            bars_svg(
                "Visits by day",
                [
                    (
                        f"{day:%a}",
                        report.week.by_day.get(day),
                        report.before.by_day.get(day - ago) if compared else None,
                    )
                    for day in (report.first_day + timedelta(days=n) for n in range(DAYS))
                ],
            ),
            key,
        ),
        "<h2>By hour of the day</h2>",
        _figure(
            bars_svg(
                "Visits per hour, by hour of the day",
                [
                    (
                        f"{hour:02}",
                        _per_hour(report.week, hour),
                        _per_hour(report.before, hour) if compared else None,
                    )
                    for hour in range(24)
                ],
            ),
            f"{key}visits per hour, mean of the hours counted",
        ),
        "<h2>By day and hour</h2>",
        _table(days_and_hours, _most(days_and_hours)),
    ]
    if report.shares:
        chart = shares_svg(
            "Shares of the visits",
            [(plain_name(one.name), one.raw, one.corrected) for one in report.shares],
        )
        parts += [
            "<h2>Shares</h2>",
            _figure(
                chart,
                f"{_key('dot', 'as counted')}{_key('dot amber', 'corrected for errors')}"
                "with 95 % intervals",
            ),
            "<ul>",
            *(f"<li>{escape(share_sentence(share))}</li>" for share in report.shares),
            "</ul>",
        ]
    if report.dwell:
        parts += [
            "<h2>Time in view</h2>",
            _figure(
                bars_svg(
                    "Time in view",
                    [(range_words(name), count, None) for name, count in report.dwell.items()],
                    170,
                ),
                "Visits by how long the face was in view.",
            ),
        ]
    parts += ["<h2>Tables</h2>", *(_table(sheet) for sheet in (days, hours, _short(report)))]
    parts += ['<div class="notes"><h2>What this cannot know</h2><ul>']
    parts += [f"<li>{escape(sentence)}</li>" for sentence in CANNOT_KNOW]
    parts += ["</ul></div>", f"<footer>{_footer(report, notes)}</footer>"]
    title = f"Visits {report.first_day} to {report.last_day}"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _per_hour(week: Traffic, hour: int) -> float | None:
    """Return the mean: two weeks seldom have as many hours of each hour of the day."""
    counted = week.hours_by_hour.get(hour)
    return week.by_hour.get(hour, 0.0) / counted if counted else None


def _hours(*weeks: Traffic) -> list[int]:
    """Return the hours of the day that were counted or withheld in one of the weeks."""
    return [
        hour
        for hour in range(24)
        if any(hour in week.by_hour or hour in week.withheld for week in weeks)
    ]


def _most(sheet: ReportTable) -> float:
    numbers = (cell for row in sheet.rows for cell in row if cell is not None)
    return max((cell for cell in numbers if not isinstance(cell, str)), default=0)


def _short(report: Report) -> ReportTable:
    """Return the shares as a table for people."""
    return ReportTable(
        "Shares of the visits",
        ("Attribute", "Of visits", "Counted", "Corrected"),
        [
            (
                plain_name(one.name),
                one.total,
                percent(one.raw),
                percent(one.corrected) if one.corrected else None,
            )
            for one in report.shares
        ],
    )


def _footer(report: Report, notes: Notes) -> str:
    sentences = []
    if notes.min_group:
        sentences.append(f"No number stands for fewer than {notes.min_group} visits.")
    if report.week.withheld_hours:
        sentences.append(
            f"{report.week.withheld_hours:.1f} hours had too few visits, which were withheld."
        )
    sentences.append("Merged times are spread evenly over their hours.")
    if notes.model:
        sentences.append(f"Error rates: those of the model {escape(notes.model)} on test photos.")
    if notes.interruptions:
        times = "once" if notes.interruptions == 1 else f"{notes.interruptions} times"
        sentences.append(
            f"The camera was cut off {times}; visits that waited for their group then are lost."
        )
    if notes.damaged:
        sentences.append(f"{notes.damaged} damaged lines of the files were left out.")
    if notes.epsilon:
        sentences.append(
            f"Noise was added to every number (differential privacy, epsilon {notes.epsilon:g}): "
            "this report raises the odds of a guess that a visit took place by a factor of "
            f"{math.exp(notes.epsilon):,.3g} at most. The intervals do not include this noise."
        )
    return " ".join(sentences)


def _figure(svg: str, caption: str) -> str:
    return f'<figure><div class="chart">{svg}</div><figcaption>{caption}</figcaption></figure>'


def _key(kind: str, words: str) -> str:
    return f'<span class="keys"><span class="key {kind}"></span>{words}</span>'


def _table(sheet: ReportTable, most: float = 0) -> str:
    """Return a table; most: the number that has the full shade, 0: no cell is shaded."""
    if not sheet.rows:
        return ""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in sheet.columns)
    body = "".join(
        "<tr>" + "".join(_cell(value, most) for value in row) + "</tr>" for row in sheet.rows
    )
    return (
        f'<table><caption class="soft">{escape(sheet.title)}</caption><thead><tr>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table>"
    )


def _cell(value: str | float | None, most: float) -> str:
    if value is None:
        return "<td>-</td>"
    if isinstance(value, str):
        return f"<td>{escape(value)}</td>"
    shade = f' class="heat" style="--share:{value / most:.2f}"' if most else ""
    return f"<td{shade}>{value:,}</td>"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _whole(
    counts: Mapping[Any, float], key: Slot, traffic: Traffic, min_group: int
) -> int | str | None:
    """Return the visits of a time; a merged or withheld group's share is no number."""
    count = counts.get(key, 0.0)
    if (count or key in traffic.withheld) and round(count) < min_group:
        return f"< {min_group}"
    return round(count) if key in counts else None


def _percents(found: Interval | None) -> tuple[float | None, float | None, float | None]:
    if found is None:
        return None, None, None
    low, high = (round(100 * value, 1) for value in (found.low, found.high))
    return round(100 * found.value, 1), low, high
