"""Measure how long a step waits for its photos: train.fit --profile.

Batches are prepared ahead by as many workers as in training, while the model learns from the one
before; what a step then waits for the next is the input pipeline's share. At or near 0 the model
sets the pace; beyond 0.05 more workers, smaller photos or a packed copy pay.
"""

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from train.celeba import Split
from train.fitting.loop import network, training_batches
from train.fitting.phases import optimizer, phases
from train.fitting.settings import FROM_SCRATCH, FitSettings
from train.network.models import freeze, set_precision

WARM_UP = 5  # steps not counted: tracing, and the queue that fills
ALLOWED = 0.05


@dataclass(frozen=True)
class Profile:
    """Means over the steps measured, seconds."""

    steps: int
    wait_s: float  # that the model waited for a batch
    step_s: float  # wait and learning
    prepare_s: float  # of one batch, in its worker

    @property
    def share(self) -> float:
        """Return the part of a step that is waiting, 0..1."""
        return self.wait_s / self.step_s

    def __str__(self) -> str:
        verdict = "the model sets the pace" if self.share <= ALLOWED else "the photos set the pace"
        return (
            f"{self.steps} steps of {1000 * self.step_s:.0f} ms: waiting for photos "
            f"{100 * self.share:.1f} % ({verdict}); a batch takes {1000 * self.prepare_s:.0f} ms "
            "to prepare, beside the model"
        )


def profiled(train: Split, settings: FitSettings, steps: int) -> Profile:
    """Train a model of these settings for some steps and return how long each waited.

    What learns and with which optimizer is as in the run's last phase; nothing is kept.
    """
    (*_, phase) = phases(settings)
    model = network(settings, len(train.attributes), FROM_SCRATCH)
    set_precision(model, settings.precision)
    freeze(model, phase.unfreeze)
    model.compile(optimizer(phase, settings, steps), loss="binary_crossentropy")
    batches = training_batches(train, settings)
    spent: list[float] = []

    def prepared(number: int):
        start = time.perf_counter()
        batch = batches[number % len(batches)]
        spent.append(time.perf_counter() - start)
        return batch

    waits, wholes = [], []
    with ThreadPoolExecutor(batches.workers) as pool:
        ahead = deque(pool.submit(prepared, number) for number in range(batches.max_queue_size))
        for number in range(steps + WARM_UP):
            start = time.perf_counter()
            crops, labels = ahead.popleft().result()
            got = time.perf_counter()
            ahead.append(pool.submit(prepared, number + batches.max_queue_size))
            model.train_on_batch(crops, labels)
            if number >= WARM_UP:
                waits.append(got - start)
                wholes.append(time.perf_counter() - start)
    return Profile(steps, sum(waits) / steps, sum(wholes) / steps, sum(spent) / len(spent))
