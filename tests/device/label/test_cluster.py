"""A real Dask scheduler and workers of their own processes on this computer."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from device.errors import ModelError, UsageError
from device.label.cluster import run_on
from device.label.shards import Shard
from device.label.worker import Assignment
from device.settings import Settings
from tests.conftest import ROOT
from tests.device.label.conftest import rows_of, run, start

pytest.importorskip("pyarrow", reason="no pyarrow (requirements-label.txt)")
pytest.importorskip("distributed", reason="no distributed (requirements-cluster.txt)")

# Quick to notice what is gone, so that the tests are.
QUICK = {
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
}


class Cluster:
    """A scheduler and two workers under nannies, which replace a worker that ends."""

    def __init__(self, port: int = 0):
        self.port = port or _free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self._env = {**os.environ, **QUICK}
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard"
        )
        self._await_port()
        self.workers = [
            self._start("worker", self.address, "--nthreads", "1", "--no-dashboard")
            for _ in range(2)
        ]

    def _start(self, *words: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=ROOT, env=self._env, stdout=quiet, stderr=quiet)

    def _await_port(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError("the scheduler does not answer")

    def labelling(self) -> list[int]:
        """Return the processes under the nannies."""
        nannies = {worker.pid for worker in self.workers}
        return [pid for pid, parent, line in _processes() if parent in nannies and "spawn" in line]

    def close(self) -> None:
        """End everything, the nannies first, which would start workers again."""
        inner = self.labelling()
        for process in [*self.workers, self.scheduler]:
            process.kill()
            process.wait()
        for pid in inner:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _processes() -> list[tuple[int, int, str]]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat, open(f"/proc/{entry}/cmdline") as line:
                    parent = int(stat.read().rpartition(")")[2].split()[1])
                    found.append((int(entry), parent, line.read()))
            except OSError:
                continue
    return found


@pytest.fixture
def cluster():
    with Cluster() as running:
        yield running


@pytest.fixture(scope="module")
def local_rows(archive, tmp_path_factory):
    """The rows that processes of this computer write."""
    out = tmp_path_factory.mktemp("local") / "out"
    done = run(archive, "--out", out, "--workers", 1, "--shard-size", 20)
    assert done.returncode == 0, done.stderr
    return rows_of(out)


def test_a_cluster_writes_the_same_rows(archive, cluster, local_rows, tmp_path):
    out = tmp_path / "out"
    done = run(archive, "--out", out, "--shard-size", 4, "--cluster", cluster.address)
    assert done.returncode == 0, done.stderr
    assert "40 faces, 40 classified" in done.stdout
    assert rows_of(out) == local_rows


@pytest.mark.slow
def test_a_cluster_of_its_own_writes_the_same_rows(archive, local_rows, tmp_path):
    out = tmp_path / "out"
    words = ("--shard-size", 8, "--cluster", "local", "--workers", 2)
    done = run(archive, "--out", out, *words)
    assert done.returncode == 0, done.stderr
    assert rows_of(out) == local_rows
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_workers_killed_at_random_lose_and_double_nothing(archive, cluster, local_rows, tmp_path):
    out = tmp_path / "out"
    process = start(archive, "--out", out, "--shard-size", 2, "--cluster", cluster.address)
    killed = 0
    deadline = time.monotonic() + 150
    while process.poll() is None and killed < 10 and time.monotonic() < deadline:
        shards = len(list(out.glob("*.parquet"))) if out.exists() else 0
        if shards >= 2 * killed + 1 and (workers := cluster.labelling()):
            os.kill(workers[killed % len(workers)], signal.SIGKILL)
            killed += 1
        time.sleep(0.05)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert killed >= 3
    # A photo at which three processes ended is taken for the cause: chance may hit one so.
    blamed = {row["path"] for row in rows_of(out) if "ended while" in (row["reason"] or "")}
    assert len(blamed) <= killed // 3
    assert _without(blamed, rows_of(out)) == _without(blamed, local_rows)


def _without(paths, rows):
    return [row for row in rows if row["path"] not in paths]


@pytest.mark.slow
def test_a_lost_client_goes_on(archive, cluster, local_rows, tmp_path):
    out = tmp_path / "out"
    words = (archive, "--out", out, "--shard-size", 2, "--cluster", cluster.address)
    client = start(*words)
    _await_files(client, out, 3)
    client.kill()
    client.communicate()
    done = run(*words)
    assert done.returncode == 0, done.stderr
    assert "of them are done" in done.stderr
    assert rows_of(out) == local_rows


@pytest.mark.slow
def test_a_lost_scheduler_ends_the_command_and_it_goes_on(archive, local_rows, tmp_path):
    out = tmp_path / "out"
    with Cluster() as cluster:
        words = (archive, "--out", out, "--shard-size", 2, "--cluster", cluster.address)
        client = start(*words)
        _await_files(client, out, 3)
        cluster.scheduler.kill()
        _, errors = client.communicate(timeout=120)
        port = cluster.port
    assert client.returncode == 1, errors
    assert "lost the scheduler" in errors and "the same command goes on" in errors
    assert "Traceback" not in errors
    with Cluster(port):
        done = run(*words)
    assert done.returncode == 0, done.stderr
    assert rows_of(out) == local_rows


def _await_files(process: subprocess.Popen, out, count: int) -> None:
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if out.exists() and len(list(out.glob("*.parquet"))) >= count:
            return
        time.sleep(0.05)
    raise AssertionError("the run wrote too little")


@pytest.mark.parametrize("port", [None, 99999])
def test_an_address_where_nobody_answers_is_wrong_usage(monkeypatch, tmp_path, port):
    monkeypatch.setattr("device.label.cluster.CONNECT_S", 0.5)
    address = f"tcp://127.0.0.1:{port or _free_port()}"
    work = Assignment(str(tmp_path), Settings(), "0" * 64, ("Smiling",), (), 1.0, "run")
    with pytest.raises(UsageError, match=f"no Dask scheduler answers at {address}"):
        run_on(address, work, [], 1, lambda _: None)


@pytest.mark.parametrize(
    "address", ["tcp://", pytest.param("foo://127.0.0.1:1", marks=pytest.mark.slow)]
)
def test_an_address_that_is_none_is_wrong_usage(address, archive, tmp_path):
    done = run(archive, "--out", tmp_path / "out", "--cluster", address)
    assert done.returncode == 2
    assert "no Dask scheduler answers" in done.stderr and "Traceback" not in done.stderr


def test_another_model_on_a_worker_is_refused(cluster, tmp_path):
    work = Assignment(str(tmp_path), Settings(), "0" * 64, ("Smiling",), (), 1.0, "run")
    with pytest.raises(ModelError, match=r"has the model .*, the run 000000000000"):
        run_on(cluster.address, work, [Shard(0, ("/a.jpg",))], 1, lambda _: None)
