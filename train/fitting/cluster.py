"""Train on several GPUs of a computer, or on several computers.

    python -m train.fit --distribute gpus ...        # all GPUs of this computer
    TF_CONFIG='{"cluster": {"worker": ["10.0.0.1:12345", "10.0.0.2:12345"]},
                "task": {"type": "worker", "index": 0}}' \\
        python -m train.fit --distribute workers ... # on each computer, with its own index

Every step's batch is shared between the replicas, so a run has the same steps however many there
are; only BatchNorm sees smaller batches. --data and --out must be reachable, at the same path, from
every worker. Worker 0 writes. When a worker is lost the others end too: start all again with
--resume, and they go on from the last finished epoch.
"""

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from device.errors import FacetError, UsageError
from train.engine import keras
from train.fitting.settings import DISTRIBUTIONS

ONE, GPUS, WORKERS = DISTRIBUTIONS
PATIENCE_S = 600.0  # for what another worker writes


class Cluster:
    """Which replicas train, and which of them this process is."""

    def __init__(self, distribute: str = ONE):
        """Join the cluster; UsageError where there is none or Keras's engine has no such thing."""
        self.strategy: Any = None
        self.index, self.count = 0, 1
        if distribute == ONE:
            return
        if keras.backend.backend() != "tensorflow":
            raise UsageError(
                f"--distribute {distribute} needs TensorFlow, this is {keras.backend.backend()}",
                "Set KERAS_BACKEND=tensorflow",
            )
        import tensorflow as tf

        if distribute == GPUS:
            self.strategy = tf.distribute.MirroredStrategy()
            return
        self.index, self.count = _task()
        self.strategy = tf.distribute.MultiWorkerMirroredStrategy()

    @property
    def writes(self) -> bool:
        """Whether this process writes the run's folder."""
        return self.index == 0

    def scope(self):
        """Return the context in which models are built."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    @contextlib.contextmanager
    def guard(self):
        """Turn what TensorFlow raises when a worker is lost into a FacetError with its mend."""
        if self.count == 1:
            yield
            return
        import tensorflow as tf

        try:
            yield
        except tf.errors.OpError as error:
            reason = " ".join(str(error).split())[:160]
            raise FacetError(
                f"a worker was lost ({reason})", "Start all of them again with --resume"
            ) from error

    def awaited(self, path: Path) -> Path:
        """Return a file that the first worker writes once it is there; FacetError if it is not."""
        deadline = time.monotonic() + PATIENCE_S
        while not path.exists():
            if time.monotonic() > deadline:
                raise FacetError(
                    f"worker {self.index} does not see {path}, which worker 0 writes",
                    "Give an --out that all workers see",
                )
            time.sleep(0.2)
        return path

    def model(self, inputs, outputs) -> keras.Model:
        """Return a model that trains on all replicas; call it within `scope`."""
        kind = _WorkersModel if self.count > 1 else keras.Model
        return kind(inputs, outputs, name="facet")

    def distributed(self, batches: "Shareable") -> Any:
        """Return what Model.fit takes: the batches, or each worker's part of every batch."""
        if self.count == 1:
            return batches
        import tensorflow as tf

        replicas = self.strategy.num_replicas_in_sync
        here = replicas // self.count
        part = _Part(batches, here, self.index * here, replicas)

        def local(_) -> Any:
            signature = [tf.TensorSpec((None, *one.shape[1:]), one.dtype) for one in part(0)]

            def read(number):
                arrays = tf.numpy_function(part, [number], [one.dtype for one in signature])
                for array, spec in zip(arrays, signature, strict=True):
                    array.set_shape(spec.shape)
                return tuple(arrays)

            numbers = tf.data.Dataset.range(len(batches) * here)
            return numbers.map(read, num_parallel_calls=2).prefetch(4)

        return self.strategy.distribute_datasets_from_function(local)


def leads(distribute: str) -> bool:
    """Return whether this process writes the run's folder: all do but workers beside the first.

    Raises UsageError where TF_CONFIG tells no worker.
    """
    return distribute != WORKERS or _task()[0] == 0


def _task() -> tuple[int, int]:
    """Return this worker's index and the number of workers that TF_CONFIG tells."""
    try:
        config = json.loads(os.environ["TF_CONFIG"])
        workers, index = config["cluster"]["worker"], int(config["task"]["index"])
        if config["task"]["type"] != "worker" or not 0 <= index < len(workers):
            raise ValueError(f"no worker {index} of {len(workers)}")
    except (KeyError, TypeError, ValueError) as error:
        reason = "is not set" if "TF_CONFIG" not in os.environ else f"tells no worker: {error}"
        raise UsageError(
            f"--distribute workers: TF_CONFIG {reason}", "See: python -c 'help(\"train.cluster\")'"
        ) from None
    return index, len(workers)


class Shareable(Protocol):
    """What `Cluster.distributed` needs of batches: a length, and arrays by index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]: ...


class _Part:
    """One replica's rows of a batch; never none, or the mean loss would be no number."""

    def __init__(self, batches: Shareable, here: int, first: int, replicas: int):
        self._batches, self._here, self._first, self._replicas = batches, here, first, replicas

    def __call__(self, number) -> tuple[np.ndarray, ...]:
        """Return piece `number` of this worker: its replicas take turns."""
        step, replica = divmod(int(number), self._here)
        arrays = self._batches[step]
        rows = len(arrays[0])
        mine = np.arange(self._first + replica, max(rows, self._replicas), self._replicas) % rows
        return tuple(array[mine] for array in arrays)


class _WorkersModel(keras.Model):
    """Keras 3.15 does not train on several workers: it reduces batches as if they were one tensor,
    and scalars of the log along an axis that they do not have. Both are put right here.
    """

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        strategy = self.distribute_strategy
        for _, _, steps in iterator or ():
            data_batch = keras.tree.map_structure(
                lambda value: strategy.experimental_local_results(value)[0], next(steps)
            )
            break
        with strategy.scope():
            self._symbolic_build(data_batch=data_batch)

    def train_step(self, *args):
        return _with_an_axis(super().train_step(*args))

    def test_step(self, *args):
        return _with_an_axis(super().test_step(*args))


def _with_an_axis(logs: dict[str, Any]) -> dict[str, Any]:
    return {name: keras.ops.reshape(value, (1,)) for name, value in logs.items()}
