"""A committed baseline, and the comparison with it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from device.errors import UsageError
from device.files import write_atomic

from .count import Figures

LIMIT_PERCENT = 3.0  # of growth
RENEW = "python -m tests.instructions --new-baseline, at the commit before the change"


@dataclass(frozen=True)
class Baseline:
    """What was counted, when (an ISO date), and with which versions: a program -> its version."""

    date: str
    versions: dict[str, str]
    figures: Figures

    def require(self, versions: dict[str, str]) -> None:
        """Raise UsageError unless it was counted with just these versions."""
        if versions != self.versions:
            theirs, ours = (
                ", ".join(f"{name} {one[name]}" for name in one if one[name] != other.get(name))
                for one, other in ((self.versions, versions), (versions, self.versions))
            )
            raise UsageError(f"the baseline is of {theirs or 'less'}; here is {ours}", RENEW)


@dataclass(frozen=True)
class Change:
    """A row of now beside the baseline's."""

    name: str
    before: int
    now: int

    @property
    def percent(self) -> float:
        """Growth over the baseline; negative for fewer instructions."""
        return 100 * (self.now - self.before) / self.before

    def __str__(self) -> str:
        return (
            f"{self.name:24}{self.before / 1e6:10.3f}{self.now / 1e6:10.3f}{self.percent:+9.2f} %"
        )


def changes(before: Figures, now: Figures) -> list[Change]:
    """Return every row of now; UsageError if the baseline has other rows."""
    if before.keys() != now.keys():
        other = ", ".join(sorted(before.keys() ^ now.keys()))
        raise UsageError(f"the baseline has other rows: {other}", RENEW)
    return [Change(name, before[name], number) for name, number in now.items()]


def verdict(found: list[Change]) -> tuple[int, str]:
    """Return the exit code, 1 if a row has grown by more than LIMIT_PERCENT, and a sentence."""
    grown = [change.name for change in found if change.percent > LIMIT_PERCENT]
    fewer = [change.name for change in found if change.percent < -LIMIT_PERCENT]
    limit = f"{LIMIT_PERCENT:g} %"
    if grown:
        return 1, f"more than {limit} above the baseline: {'; '.join(grown)}"
    if fewer:
        due = "a new one is due. Try: python -m tests.instructions --new-baseline --write"
        return 0, f"more than {limit} below the baseline: {'; '.join(fewer)}; {due}"
    return 0, f"within {limit} of the baseline"


def load(path: Path) -> Baseline:
    """Return a committed baseline."""
    return Baseline(**json.loads(path.read_text()))


def save(baseline: Baseline, path: Path) -> None:
    """Write it to be committed."""
    write_atomic(path, f"{json.dumps(asdict(baseline), indent=1)}\n".encode())
