"""Add the noise of differential privacy to counts before a report is made of them.

By OpenDP, which is an extra of the computer where reports are made: 250 MB, never on the Pi. Each
visit is in one row of its kind and in one row of each table. So the budget epsilon is divided by
the number of kinds, and each row gets noise of the discrete Laplace distribution. Epsilon bounds
what a reader can learn about one visit: by seeing the report, the odds of a guess that it took
place, or did not, rise by a factor of e to the power epsilon at most: 1.1 for 0.1, 2.7 for 1, 148
for 5. Of a guess what it was like, such as when or with which attributes, they rise by that factor
twice at most: the visit leaves one row and enters another. A person with ten visits has ten times
the epsilon. The bound is for the numbers; which times were merged or withheld was decided by
min_group before, without noise.
"""

from collections.abc import Sequence
from dataclasses import replace

from ..errors import UsageError
from ..resources import install_hint
from .rows import ATTRIBUTE, RUN, CountRow

LEAST, MOST = 0.01, 20.0  # of epsilon


def with_noise(rows: Sequence[CountRow], epsilon: float) -> list[CountRow]:
    """Return the rows with noise; UsageError without OpenDP or for a wrong epsilon.

    Some are below 0 then. Were each cut off there, their sums would be too large.
    """
    if not LEAST <= epsilon <= MOST:
        raise UsageError(
            f"--epsilon {epsilon:g}, need {LEAST:g} to {MOST:g}", "--epsilon 1, less hides more"
        )
    try:
        import opendp.prelude as dp
    except ImportError as error:
        raise UsageError("--epsilon needs OpenDP", install_hint("private")) from error
    dp.enable_features("contrib")
    tables = {_table_of(row) for row in rows if row.visits is not None}
    space = dp.atom_domain(T=int), dp.absolute_distance(T=int)
    noisy = dp.m.make_laplace(*space, scale=len(tables) / epsilon)
    return [
        replace(row, visits=noisy(row.visits))
        if row.kind != RUN and row.visits is not None
        else row
        for row in rows
    ]


def _table_of(row: CountRow) -> tuple[str, str]:
    return row.kind, row.name if row.kind == ATTRIBUTE else ""
