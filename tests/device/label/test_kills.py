"""Ten kills at random moments, of a worker or of the whole run: no photo is lost or doubled."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.device.label.conftest import rows_of, run, spawned, start

pytest.importorskip("pyarrow", reason="no pyarrow (requirements-label.txt)")

KILLS = 10
LIMIT_S = 400.0  # of all ten; 60 s on a quiet computer


def moment(rng: random.Random, process: subprocess.Popen, out: Path, limit_s: float) -> bool:
    """Wait for a random moment of a run; False if the run is done, or the time is up."""
    shards = len(list(out.glob("*.parquet"))) + rng.choice([0, 0, 1, 2])
    while len(list(out.glob("*.parquet"))) < shards or not spawned(process.pid):
        if process.poll() is not None or time.monotonic() > limit_s:
            return False
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 1.5))
    return process.poll() is None


def end(rng: random.Random, process: subprocess.Popen) -> str:
    """Kill one of a run's workers, or the run."""
    workers = spawned(process.pid)
    if workers and rng.random() < 0.5:
        try:
            os.kill(rng.choice(workers), signal.SIGKILL)
        except ProcessLookupError:
            return "missed"
        return "worker"
    process.kill()
    process.communicate()
    return "run"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_ten_kills_at_random_moments_lose_and_double_nothing(archive, tmp_path, seed):
    rng = random.Random(seed)
    out = tmp_path / "out"
    words = (archive, "--out", out, "--workers", 2, "--shard-size", 1)
    killed: Counter[str] = Counter()
    limit_s = time.monotonic() + LIMIT_S
    process = start(*words)
    while killed["worker"] + killed["run"] < KILLS:
        assert time.monotonic() < limit_s, f"only {killed} in {LIMIT_S:.0f} s"
        if process.poll() is not None:
            _, errors = process.communicate()
            assert process.returncode in (0, -signal.SIGKILL), errors
            process = start(*words)
        if moment(rng, process, out, limit_s):
            killed[end(rng, process)] += 1
            done = len(list(out.glob("*.parquet")))
            if done > 30:  # so that the later kills, too, are in the middle of work
                for file in rng.sample(sorted(out.glob("*.parquet")), 20):
                    file.unlink()
    process.kill()
    process.communicate()
    last = run(*words)
    assert last.returncode == 0, last.stderr
    whole = run(archive, "--out", tmp_path / "whole", "--workers", 2)
    assert whole.returncode == 0, whole.stderr
    rows = rows_of(out)
    assert rows == rows_of(tmp_path / "whole")
    photos = sorted(map(str, (archive / "a").iterdir()))
    assert sorted(row["path"] for row in rows) == photos  # each has one face, or a reason
    assert not [file.name for file in out.iterdir() if file.name.endswith(".at")]
    print(f"{dict(killed)}: {len(rows)} rows of {len(photos)} photos")
