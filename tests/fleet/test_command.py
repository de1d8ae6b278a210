"""`python -m device.fleet`: wrong usage is one line and an exit code."""

import subprocess
import sys

import pytest

from .programs import ROOT, IngestProcess, free_port, wait_until

INGEST = ["ingest", "--broker", "localhost"]


def fleet(*words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "device.fleet", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "arguments are required"),
        (["ingest"], 2, "--broker"),
        (["ingets"], 2, "Try: ingest"),
        (["ingest", "--broker", "a b"], 2, "no address"),
        (["ingest", "--broker", "localhost:99999"], 2, "no address"),
        ([*INGEST, "--batch", "0"], 2, "need 1 to 8000"),
        ([*INGEST, "--batch", "many"], 2, "need a whole number"),
        ([*INGEST, "--wait-s", "nan"], 2, "need 0 to 60"),
        ([*INGEST, "--client-id", "a/b"], 2, "--client-id"),
        ([*INGEST, "--password-file", "x"], 2, "without --user"),
        ([*INGEST, "--user", "a", "--password-file", "/nonexistent"], 3, "--password-file that"),
        ([*INGEST, "--ca-file", "/dev/null"], 2, "--ca-file with"),
        ([*INGEST, "--database", "nonsense"], 2, "no address of a PostgreSQL server"),
        (["setup", "--database", "host=127.0.0.1 port=1"], 1, "Connection refused"),
        (["versions", "--database", "host=127.0.0.1 port=1"], 1, "Connection refused"),
    ],
)
def test_wrong_usage_is_one_line(words, code, message):
    done = fleet(*words)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("facet: ")


def test_help_has_examples_and_exit_codes():
    done = fleet("--help")
    assert done.returncode == 0
    assert "Exit codes" in done.stdout and "python -m device.fleet ingest" in done.stdout


def test_the_help_loads_neither_client():
    code = (
        "import sys, device.cli.fleet as f; f.parser();"
        "print([n for n in ('psycopg', 'paho', 'numpy', 'cv2') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_role_that_is_not_there_is_one_line(database):
    done = fleet("setup", "--database", database.dsn, "--reader", 'nobody"; DROP TABLE visits')
    assert done.returncode == 1 and "does not exist" in done.stderr


def test_another_programs_table_is_refused(server):
    server.ask("CREATE DATABASE other")
    other = f"{server.server} dbname=other"
    import psycopg

    with psycopg.connect(other, autocommit=True) as connection:
        connection.execute("CREATE TABLE visits (patient TEXT)")
    done = fleet("setup", "--database", other)
    assert done.returncode == 2 and "not Facet's" in done.stderr


def test_versions_are_counted(database):
    database.ask(
        "INSERT INTO cameras (camera, online, version, model, heard) VALUES "
        "('a', true, '0.1.0', 'm1', now()), ('b', false, '0.1.0', 'm1', now()), "
        "('c', true, '0.2.0', 'm2', now())"
    )
    done = fleet("versions", "--database", database.dsn)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert lines == [
        ["version", "model", "cameras", "online"],
        ["0.1.0", "m1", "2", "1"],
        ["0.2.0", "m2", "1", "1"],
    ]


def test_it_waits_for_broker_and_database_and_ends_in_order(keys, tmp_path):
    dsn = f"host=127.0.0.1 port={free_port()} user=facet dbname=facet"
    ingest = IngestProcess(tmp_path, keys, free_port(), dsn)
    super(IngestProcess, ingest).start()
    wait_until(
        lambda: "cannot reach the broker" in ingest.log.read_text(), "a line about the broker"
    )
    assert ingest.stop() == 0
    text = ingest.log.read_text()
    assert text.count("cannot reach the broker") == 1 and text.count("Connection refused") >= 2
    assert "Traceback" not in text
