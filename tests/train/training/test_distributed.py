"""Several replicas and several workers: the same result as one, and a worker that dies."""

import csv
import json
import os
import shlex
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from device.errors import UsageError
from tests.conftest import ROOT, make_celeba
from tests.train.conftest import execution
from train import fit
from train.keras_import import keras
from train.training.distributed import SETUP_HINT, Cluster, ReplicaShard, is_chief
from train.training.run_dir import read_settings

WORKERS, EPOCHS = 2, 12


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_celeba(tmp_path_factory.mktemp("data") / "celeba", train=64, val=16, test=8)


def flags_of(data, run, *more):
    return [
        *("--data", str(data), "--out", str(run), "--recipe", "smile-simple-cnn", "--limit", "48"),
        # Nothing is drawn by chance: the base ends before its first dropout.
        *("--input", "32x40", "--last-layer", "conv1", "--pooling", "average", "--dropout", "0"),
        *("--epochs", str(EPOCHS), "--batch", "8", "--optimizer", "sgd"),
        *("--learning-rate", "0.02", *more),
    ]


def start(index, ports, flags):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    config = {"cluster": cluster, "task": {"type": "worker", "index": index}}
    return subprocess.Popen(
        [sys.executable, "-m", "train.fit", *flags, "--distribute", "workers"],
        cwd=ROOT,
        env=os.environ | {"TF_CONFIG": json.dumps(config), "CUDA_VISIBLE_DEVICES": "-1"},
        stderr=subprocess.PIPE,
        text=True,
    )


def free_ports():
    sockets = [socket.socket() for _ in range(WORKERS)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def rows(path):
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_two_workers_give_what_one_gives_and_go_on_after_one_is_killed(data, tmp_path):
    with execution(eager=False):
        fit.main(flags_of(data, tmp_path / "one"))
    run, ports = tmp_path / "two", free_ports()
    workers = [start(index, ports, flags_of(data, run)) for index in range(WORKERS)]
    try:
        deadline = time.monotonic() + 240
        while not rows(run / "times.csv") and time.monotonic() < deadline:
            time.sleep(0.05)
        workers[1].kill()
        stderr = workers[0].communicate(timeout=120)[1]
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    assert 1 <= len(rows(run / "history.csv")) < EPOCHS
    assert workers[0].returncode == 1, stderr
    assert "a worker was lost" in stderr and "--resume" in stderr
    ports = free_ports()
    again = [start(index, ports, flags_of(data, run, "--resume")) for index in range(WORKERS)]
    for worker in again:
        stderr = worker.communicate(timeout=240)[1]
        assert worker.returncode == 0, stderr
    epochs = [int(row["epoch"]) for row in rows(run / "history.csv")]
    # At most the epoch that was cut off stands there twice.
    assert sorted(set(epochs)) == list(range(EPOCHS)) and len(epochs) <= EPOCHS + 1
    assert read_settings(run).distribute == "workers"
    # The same photos in the same steps: the loss falls from 0.7 to 0.03 along the same way.
    one, two = (
        {int(row["epoch"]): float(row["val_loss"]) for row in rows(folder / "history.csv")}
        for folder in (tmp_path / "one", run)
    )
    assert two == pytest.approx(one, abs=0.05) and two[EPOCHS - 1] < 0.1 < 0.5 < two[0]
    model = keras.models.load_model(run / "model.keras", compile=False)
    assert model.output_shape == (None, 1)


class Numbers:
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return np.arange(5), np.arange(5) * 10


@pytest.mark.parametrize("replicas, here", [(2, 1), (4, 2), (8, 4)])
def test_every_row_of_a_batch_is_some_replicas_and_none_has_nothing(replicas, here):
    parts = [
        ReplicaShard(Numbers(), here, worker * here, replicas)(replica)
        for worker in range(replicas // here)
        for replica in range(here)
    ]
    assert len(parts) == replicas and all(len(crops) for crops, _ in parts)
    assert {int(one) for crops, _ in parts for one in crops} == set(range(5))
    for crops, labels in parts:
        np.testing.assert_array_equal(crops * 10, labels)


@pytest.mark.slow
@pytest.mark.usefixtures("compiled")
def test_gpus_of_this_computer(data, tmp_path):
    # Without a GPU, the strategy has one replica: the CPU.
    fit.main(flags_of(data, tmp_path / "r", "--distribute", "gpus", "--epochs", "1"))
    assert len(rows(tmp_path / "r" / "history.csv")) == 1


@pytest.mark.parametrize(
    "config, message",
    [
        (None, "TF_CONFIG is not set"),
        ("{", "TF_CONFIG names no worker"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "no worker 1"),
    ],
)
def test_a_cluster_that_is_none(monkeypatch, config, message):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config:
        monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(UsageError, match=message):
        Cluster("workers")


def test_the_example_of_a_cluster_is_one(monkeypatch):
    command, assignment = shlex.split(SETUP_HINT)
    assert command == "export"
    name, _, value = assignment.partition("=")
    monkeypatch.setenv(name, value)
    assert is_chief("workers")
