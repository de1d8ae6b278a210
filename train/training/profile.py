"""Measure how long a training step waits for its photos: train.fit --profile.

Batches are prepared ahead by as many workers as in training, while the model learns from the
previous one; the time that a step waits is the input pipeline's share. Near 0 the model is the
bottleneck; above 0.05 more workers, smaller photos or a packed copy would help.
"""

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from train.data.split import Split
from train.network.build import freeze, set_precision
from train.training.config import FROM_SCRATCH, FitSettings
from train.training.phases import optimizer, phases
from train.training.trainer import build_network, training_batches

WARM_UP = 5  # uncounted steps: tracing, and filling the queue
MAX_WAIT_SHARE = 0.05


@dataclass(frozen=True)
class Profile:
    """Means over the measured steps, seconds."""

    steps: int
    wait_s: float  # for a batch
    step_s: float  # wait and training
    prepare_s: float  # one batch, in its worker

    @property
    def share(self) -> float:
        """Return the share of a step that is waiting, 0..1."""
        return self.wait_s / self.step_s

    def __str__(self) -> str:
        limit = "the model" if self.share <= MAX_WAIT_SHARE else "the input pipeline"
        return (
            f"{self.steps} steps of {1000 * self.step_s:.0f} ms: waiting for photos "
            f"{100 * self.share:.1f} % ({limit} is the bottleneck); preparing a batch takes "
            f"{1000 * self.prepare_s:.0f} ms, in parallel"
        )


def measure_input_wait(train: Split, settings: FitSettings, steps: int) -> Profile:
    """Train a model with these settings for some steps and return how long they waited.

    Trainable layers and optimizer are those of the run's last phase. Writes nothing.
    """
    (*_, phase) = phases(settings)
    model = build_network(settings, len(train.attributes), FROM_SCRATCH)
    set_precision(model, settings.precision)
    freeze(model, phase.unfreeze)
    model.compile(optimizer(phase, settings, steps), loss="binary_crossentropy")
    batches = training_batches(train, settings)
    prepare_s: list[float] = []

    def prepare(number: int):
        start = time.perf_counter()
        batch = batches[number % len(batches)]
        prepare_s.append(time.perf_counter() - start)
        return batch

    waits, totals = [], []
    with ThreadPoolExecutor(batches.workers) as pool:
        queue = deque(pool.submit(prepare, number) for number in range(batches.max_queue_size))
        for number in range(steps + WARM_UP):
            start = time.perf_counter()
            crops, labels = queue.popleft().result()
            received = time.perf_counter()
            queue.append(pool.submit(prepare, number + batches.max_queue_size))
            model.train_on_batch(crops, labels)
            if number >= WARM_UP:
                waits.append(received - start)
                totals.append(time.perf_counter() - start)
    return Profile(steps, sum(waits) / steps, sum(totals) / steps, sum(prepare_s) / len(prepare_s))
