"""A small share of the quick faults, the others if slow; `make faults` inflicts them all."""

import os
import time

import pytest

from tests.faults.__main__ import main
from tests.faults.catalogue import FAULTS
from tests.faults.fault import Fault, Outcome
from tests.faults.lanes import Run, inflict
from tests.faults.mutants import MUTANTS, NOT_APPLIED
from tests.faults.report import MutantRow, Row, mutant_table, mutants_page, page, table

QUICK = [fault for fault in FAULTS if fault.few]
CHEAP = ("kill", "elsewhere", "csv", "cards", "people", "pictures")
LIMIT_S = 300.0  # on a machine that is busy with something else


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=fault.name, marks=[] if fault.name in CHEAP else pytest.mark.slow)
        for fault in QUICK
    ],
)
def test_survived(fault):
    outcome = inflict(Run(fault, fault.few, 1), time.monotonic() + LIMIT_S).outcome
    if outcome.passed is None:
        pytest.skip(outcome.seen)
    assert outcome.passed, f"expected {outcome.expected}; seen {outcome.seen}"


def test_the_table_says_what_failed_and_what_could_not_be_run():
    fault = Fault("one", "a fault", 5, 1, 1.0, "moments.kill_9")
    outcomes = [Outcome("no loss", "none", True), Outcome("a", "b", False), Outcome("", "c", None)]
    text = table([Row(fault, 5000, outcome, 2.4) for outcome in outcomes])
    verdicts = [line.split("|")[5].strip() for line in text.splitlines()]
    assert verdicts[0] == "verdict" and verdicts[2:] == ["passed", "FAILED", "not run here"]
    assert "| a fault | 5,000  | no loss" in text


def test_a_fault_that_is_not_done_in_time_has_failed():
    row = inflict(Run(QUICK[0], 5, 1), time.monotonic())
    assert row.outcome.passed is False and "time was up" in row.outcome.seen and row.took_s < 10


def test_the_command_fails_where_a_fault_did(capsys, tmp_path):
    page = tmp_path / "faults.md"
    flags = ["--only", "kill", "--seed", "7", "--minutes", "0", "--write", str(page)]
    assert main(flags) == 1
    printed = capsys.readouterr()
    assert "FAILED" in printed.out and "--only kill --seed 7" in printed.err
    assert "seed 7" in page.read_text() and "kill -9" in page.read_text()


def test_every_fault_has_a_mutant_and_every_mutant_a_fault():
    assert {mutant.fault for mutant in MUTANTS} == {fault.name for fault in FAULTS}
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert all(callable(fault.inflict) for fault in FAULTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_mutants_fit_the_product(mutant):
    """In a process of its own, which stays broken."""
    pid = os.fork()
    if pid == 0:
        try:
            mutant.apply()
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def outcomes(*outcomes):
    fault = Fault("kill", "a kill", 5, 1, 1.0, "moments.kill_9")
    return [
        MutantRow(MUTANTS[number], Row(fault, 5, outcome, 1.0))
        for number, outcome in enumerate(outcomes)
    ]


def test_a_check_that_passes_on_its_mutant_is_named():
    rows = outcomes(
        Outcome("a", "5 | lost", False),
        Outcome("a", "none lost", True),
        Outcome("a", f"ended: {NOT_APPLIED}", False),
        Outcome("a", "facet: internal error, please report it", False),
        Outcome("", "needs gcc", None),
    )
    verdicts = [line.split("|")[5].strip() for line in mutant_table(rows).splitlines()[2:]]
    assert verdicts == ["noticed", *["NOT NOTICED"] * 3, "not run here"]


def test_both_tables_stay_where_one_is_written_anew():
    one = Row(FAULTS[0], 5, Outcome("a", "b", True), 1.0)
    text = page([one], 1, "")
    both = mutants_page(outcomes(Outcome("a", "seen", False)), 2, text)
    assert both.startswith(text.rstrip()) and "seed 2" in both
    again = page([Row(FAULTS[1], 5, Outcome("c", "d", True), 1.0)], 3, both)
    assert again.count("| seed") == 0 and "late-rows" in again and "seed 3" in again
    assert FAULTS[0].title in again and FAULTS[1].title in again
    more = mutants_page(outcomes(Outcome("", "", True), Outcome("a", "x", False)), 4, again)
    assert "NOT NOTICED" in more and "torn-rows" in more and more.count(MUTANTS[0].breaks) == 1
