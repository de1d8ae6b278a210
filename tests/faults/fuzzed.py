"""Spoil files, and check that Facet reads each one or reports in one line what is wrong."""

import copy
import json
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as effort
from hypothesis import strategies as st

from device.errors import FacetError
from tests.faults.fault import Bench, Outcome
from tests.faults.victim import ROOT

CARD = ROOT / "models" / "attributes.json"
NOTHING_BUT = "a FacetError of one line or none; no other exception, no warning"


def fuzz(bench: Bench, strategy: st.SearchStrategy, check: Callable[[Any], bool]) -> Outcome:
    """Call `check`, which returns whether Facet accepted the file, with so many cases."""
    taken: list[bool] = []

    @seed(bench.rng.randrange(2**32))
    @effort(
        max_examples=bench.trials,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def run(case: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                taken.append(check(case))
            except FacetError as error:
                assert "\n" not in str(error) and str(error)
                taken.append(False)

    try:
        run()
    except Exception as error:
        while isinstance(error, ExceptionGroup):  # more than one way to fail
            error = error.exceptions[0]
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        traceback.print_exc()
        return Outcome(NOTHING_BUT, f"{reason} ({Path(place.filename).name}:{place.lineno})", False)
    return Outcome(
        NOTHING_BUT,
        f"{len(taken)} files: {sum(taken)} taken, {len(taken) - sum(taken)} refused in one line",
        len(taken) >= bench.trials,
    )


# Bytes that were spoiled

SPOIL = st.tuples(
    st.sampled_from(["cut", "zeros", "insert", "delete", "repeat", "flip"]),
    st.floats(0, 1),
    st.integers(1, 300),
    st.binary(max_size=40),
)


def _spoiled(content: bytes, spoils: list[tuple[str, float, int, bytes]]) -> bytes:
    for how, place, count, extra in spoils:
        at = int(place * len(content))
        before, part, after = content[:at], content[at : at + count], content[at + count :]
        content = {
            "cut": before,
            "zeros": before + bytes(len(part)) + after,
            "insert": before + extra + part + after,
            "delete": before + after,
            "repeat": before + part + part + after,
            "flip": before + bytes(255 - one for one in part[:1]) + part[1:] + after,
        }[how]
    return content


def spoil(whole_files: st.SearchStrategy) -> st.SearchStrategy:
    """Strategy of files: sound ones, spoiled up to four times, and now and then anything."""
    spoiled = st.builds(_spoiled, whole_files, st.lists(SPOIL, max_size=4))
    return st.one_of(spoiled, spoiled, spoiled, st.binary(max_size=400))


# JSON

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
NUMBERS = st.sampled_from([0, -1, 1e308, -1e308, 1e-320, 2**63, 10**400, float("nan"), "1", None])


def places_of(record: Any, so_far: tuple = ()) -> list[tuple]:
    """Return the way to every value in a JSON record."""
    if isinstance(record, dict):
        pairs = record.items()
    elif isinstance(record, list):
        pairs = enumerate(record[:2])
    else:
        return []
    return [way for k, v in pairs for way in ((*so_far, k), *places_of(v, (*so_far, k)))]


def changed(record: Any, changes: list[tuple[tuple, Any]]) -> bytes:
    record = copy.deepcopy(record)
    for way, value in changes:
        inner = record
        try:
            for step in way[:-1]:
                inner = inner[step]
            if value == "delete":
                del inner[way[-1]]
            else:
                inner[way[-1]] = value
        except (TypeError, KeyError, IndexError):  # an earlier change has taken it away
            continue
    return json.dumps(record).encode()
