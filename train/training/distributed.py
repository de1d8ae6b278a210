"""Train on several GPUs of a computer, or on several computers.

    python -m train.fit --distribute gpus ...        # all GPUs of this computer
    TF_CONFIG='{"cluster": {"worker": ["10.0.0.1:12345", "10.0.0.2:12345"]},
                "task": {"type": "worker", "index": 0}}' \\
        python -m train.fit --distribute workers ... # on each computer, with its own index

Every step's batch is shared between the replicas, so a run has the same steps however many there
are; only BatchNorm sees smaller batches. --data and --out must be reachable, at the same path, from
every worker. Worker 0, the chief, writes. When a worker is lost the others exit too: restart all of
them with --resume, and they continue from the last finished epoch.
"""

import contextlib
import os
import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from device.errors import FacetError, UsageError, one_line
from device.files import parse_json
from train.keras_import import keras
from train.training.config import DISTRIBUTIONS

NONE, GPUS, WORKERS = DISTRIBUTIONS
CHIEF_TIMEOUT_S = 600.0  # for a file that the chief writes
CLUSTER = '{"worker": ["10.0.0.1:12345", "10.0.0.2:12345"]}'
TASK = '{"type": "worker", "index": 0}'
SETUP_HINT = f"""export TF_CONFIG='{{"cluster": {CLUSTER}, "task": {TASK}}}'"""


class Cluster:
    """The replicas that train, and the place of this process among the workers."""

    def __init__(self, distribute: str = NONE):
        """Join the cluster; UsageError without one, or if Keras's backend is not TensorFlow."""
        self.strategy: Any = None
        self.index, self.count = 0, 1
        if distribute == NONE:
            return
        if keras.backend.backend() != "tensorflow":
            raise UsageError(
                f"--distribute {distribute} needs TensorFlow, this is {keras.backend.backend()}",
                "KERAS_BACKEND=tensorflow",
            )
        import tensorflow as tf

        if distribute == GPUS:
            self.strategy = tf.distribute.MirroredStrategy()
            return
        self.index, self.count = _task()
        self.strategy = tf.distribute.MultiWorkerMirroredStrategy()

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run's folder."""
        return self.index == 0

    def check_same_photos(self, fingerprint: str) -> None:
        """Raise UsageError, on every worker, if their photos differ: their steps would not match.

        fingerprint: hexadecimal digits, from `train.data.split.fingerprint`.
        """
        if self.count == 1:
            return
        import tensorflow as tf

        number = int(fingerprint[:11], 16)  # 44 bits: float64 is exact up to 53

        @tf.function
        def mean():
            replica = tf.distribute.get_replica_context()
            return replica.all_reduce(tf.distribute.ReduceOp.MEAN, tf.constant(number, tf.float64))

        (mean_number, *_) = self.strategy.experimental_local_results(self.strategy.run(mean))
        if float(mean_number) != number:
            raise UsageError(
                "the workers see different photos or labels",
                "the same --data, on a disk that all of them share",
            )

    def scope(self):
        """Return the context in which models must be built."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    @contextlib.contextmanager
    def translate_errors(self):
        """Raise a FacetError for the errors of TensorFlow that mean a lost worker."""
        if self.count == 1:
            yield
            return
        import tensorflow as tf

        try:
            yield
        except tf.errors.OpError as error:
            raise FacetError(
                f"a worker was lost ({one_line(error)})", "restart all workers with --resume"
            ) from error

    def wait_for(self, path: Path) -> Path:
        """Return the path of a file that the chief writes, once it exists; FacetError if late."""
        deadline = time.monotonic() + CHIEF_TIMEOUT_S
        while not path.exists():
            if time.monotonic() > deadline:
                raise FacetError(
                    f"worker {self.index} does not see {path}, which worker 0 writes",
                    "an --out that all workers see",
                )
            time.sleep(0.2)
        return path

    def model(self, inputs, outputs) -> keras.Model:
        """Return a model that trains on all replicas; call it within `scope`."""
        kind = _WorkersModel if self.count > 1 else keras.Model
        return kind(inputs, outputs, name="facet")

    def shard(self, batches: "IndexedBatches") -> Any:
        """Return input for Model.fit: the batches, or each worker's shard of every batch."""
        if self.count == 1:
            return batches
        import tensorflow as tf

        replicas = self.strategy.num_replicas_in_sync
        local_replicas = replicas // self.count
        shard = ReplicaShard(batches, local_replicas, self.index * local_replicas, replicas)

        def local_dataset(_) -> Any:
            specs = [tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in shard(0)]

            def read(number):
                arrays = tf.numpy_function(shard, [number], [spec.dtype for spec in specs])
                for array, spec in zip(arrays, specs, strict=True):
                    array.set_shape(spec.shape)
                return tuple(arrays)

            numbers = tf.data.Dataset.range(len(batches) * local_replicas)
            return numbers.map(read, num_parallel_calls=2).prefetch(4)

        return self.strategy.distribute_datasets_from_function(local_dataset)


def is_chief(distribute: str) -> bool:
    """Return whether this process writes the run's folder: false for workers other than 0.

    Raises UsageError if TF_CONFIG names no worker.
    """
    return distribute != WORKERS or _task()[0] == 0


def _task() -> tuple[int, int]:
    """Return this worker's index and the number of workers in TF_CONFIG."""
    try:
        config = parse_json(os.environ["TF_CONFIG"])
        workers, index = config["cluster"]["worker"], int(config["task"]["index"])
        if config["task"]["type"] != "worker" or not 0 <= index < len(workers):
            raise ValueError(f"no worker {index} of {len(workers)}")
    except (KeyError, TypeError, ValueError) as error:
        reason = "is not set" if "TF_CONFIG" not in os.environ else f"names no worker: {error}"
        raise UsageError(f"--distribute workers: TF_CONFIG {reason}", SETUP_HINT) from None
    return index, len(workers)


class IndexedBatches(Protocol):
    """Batches for `Cluster.shard`: a length, and arrays by index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]: ...


class ReplicaShard:
    """The rows of a batch for each of a worker's replicas.

    A replica never has 0 rows: its mean loss would be NaN. local: replicas of this worker; first:
    number of its first replica; replicas: of all workers.
    """

    def __init__(self, batches: IndexedBatches, local: int, first: int, replicas: int):
        self._batches, self._local, self._first, self._replicas = batches, local, first, replicas

    def __call__(self, number) -> tuple[np.ndarray, ...]:
        """Return shard `number` of this worker; its replicas alternate."""
        step, replica = divmod(int(number), self._local)
        arrays = self._batches[step]
        count = len(arrays[0])
        rows = np.arange(self._first + replica, max(count, self._replicas), self._replicas) % count
        return tuple(array[rows] for array in arrays)


class _WorkersModel(keras.Model):
    """A model that trains on several workers with Keras 3.15.

    Keras reduces per-replica batches as if they were one tensor, and scalars of the log along an
    axis that they do not have. This class corrects both.
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
