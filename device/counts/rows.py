"""The rows of a counts file: each says how many visits there were of one kind in one time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..rowlog import line, timestamp

COLUMNS = ("end", "start", "source", "kind", "name", "value", "visits")
HEADER = line(COLUMNS)

# CountRow.kind
RUN = "run"  # name BEGIN, with the settings as value, or END: a run without END was cut off
VISITS = "visits"  # whose face was seen well enough to classify it
REFUSED = "refused"  # whose face never was
ATTRIBUTE = "attribute"  # name: the attribute, or several, joined by "+"; value: YES or NO of each
DWELL = "dwell"  # value: from and to, s, such as "2..5"; the last, "300..", has no end
BEGIN, END = "begin", "end"
YES, NO = "yes", "no"
JOINT = "+"


# Of a row that is read: beyond them, the file is damaged.
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
LONGEST = timedelta(days=3660)  # a table of a rare attribute may wait for years


@dataclass(frozen=True, slots=True)
class CountRow:
    """One row: the visits that ended between two times, UTC.

    Those of ATTRIBUTE and DWELL are about the VISITS that were written for this time, without what
    was withheld.
    """

    end: datetime
    start: datetime
    source: str
    """Name of the camera."""
    kind: str
    name: str = ""
    value: str = ""
    visits: int | None = None
    """None: fewer than min_group, which were withheld."""

    def line(self) -> bytes:
        """Return the row as a line of the file."""
        number = "" if self.visits is None else str(self.visits)
        times = timestamp(self.end), timestamp(self.start)
        return line([*times, self.source, self.kind, self.name, self.value, number])


def parse_row(values: Mapping[str, str]) -> CountRow:
    """Return a row from its text by column; ValueError or KeyError for what is none."""
    end, start = (datetime.fromisoformat(values[key].rstrip("?")) for key in ("end", "start"))
    if end.tzinfo is None or start.tzinfo is None:
        raise ValueError("a time without its zone")
    if not (FIRST <= start <= end <= LAST and end - start <= LONGEST):
        raise ValueError(f"the times {values['start']} to {values['end']}")
    text = values["visits"]
    if text and not (text.isascii() and text.isdigit() and len(text) < 12):
        raise ValueError(f"{text} visits")
    if values["kind"] not in (RUN, VISITS, REFUSED, ATTRIBUTE, DWELL):
        raise ValueError(f"the kind {values['kind']}")
    return CountRow(
        end,
        start,
        values["source"],
        values["kind"],
        values["name"],
        values["value"],
        int(text) if text else None,
    )
