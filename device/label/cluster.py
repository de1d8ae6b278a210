"""Run shards on a Dask cluster: a task a shard, and the networks loaded once per worker.

Few tasks are in the scheduler at a time, so that a million shards do not fill its memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from ..errors import FacetError, UsageError, one_line
from ..log import log
from ..resources import install_hint
from .shards import Shard
from .table import Counts
from .worker import Assignment, label_shard

AHEAD = 4  # tasks per worker that run or wait
RETRIES = 2  # of a task that raises, by the scheduler
KILLED = 10  # times that a shard may lose so many workers that Dask gives it up
CONNECT_S = 10.0

Done = Callable[[Counts], None]


def run_on(
    address: str, work: Assignment, shards: Iterable[Shard], workers: int, done: Done
) -> None:
    """Label shards on the cluster of a scheduler, or with "local" on one that is made for it.

    Raises UsageError if Dask is missing or nobody answers, what a shard raises, and FacetError if
    the scheduler is lost or workers keep ending.
    """
    with _client(address, workers) as client:
        _load_models(client, work)
        _run_tasks(client, work, iter(shards), done)


@contextlib.contextmanager
def _client(address: str, workers: int) -> Iterator[Any]:
    distributed = dask()
    with contextlib.ExitStack() as stack:
        if address == "local":
            from dask import config

            # Without a dashboard nobody sees the stacks that workers would sample a hundred times
            # a second.
            with config.set({"distributed.worker.profile.enabled": False}):
                cluster = distributed.LocalCluster(
                    n_workers=workers, threads_per_worker=1, dashboard_address=None
                )
            address = stack.enter_context(cluster).scheduler_address
        _require_scheduler(address)
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
        yield stack.enter_context(client)


def _require_scheduler(address: str) -> None:
    """Raise UsageError if no scheduler answers at an address.

    Asked before there is a Dask client: one that cannot connect waits for itself when its memory is
    freed, 20 s at the end of the program, or forever while another client begins.
    """
    from distributed.comm.core import connect
    from distributed.security import Security

    async def attempt() -> None:
        options = Security().get_connection_args("client")  # of TLS, as the client's own
        await (await connect(address, timeout=CONNECT_S, **options)).close()

    try:
        asyncio.run(attempt())
    except Exception as error:  # OSError, ValueError, AssertionError (of a port) ...
        raise UsageError(
            f"no Dask scheduler answers at {address}: {one_line(error)}",
            "dask scheduler on that computer, or --cluster local",
        ) from error


def dask() -> Any:
    """Return the module distributed; UsageError if it is not installed."""
    try:
        import distributed
    except ImportError:
        raise UsageError(
            "--cluster needs the package distributed", install_hint("cluster")
        ) from None
    # A lost scheduler is one line of ours, not the tracebacks of its tasks.
    for name in ("distributed", "distributed.client", "distributed.core", "asyncio", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return distributed


def _load_models(client: Any, work: Assignment) -> None:
    """Prepare the workers that are there, and each that comes later; raises ModelError."""
    from .cluster_plugin import LoadModels

    try:
        client.register_plugin(LoadModels(work))
    except FacetError:
        raise
    except Exception as error:  # a worker without this package, or with another version
        raise FacetError(
            f"a worker cannot run Facet: {one_line(error)}",
            "the same Facet and packages on all workers",
        ) from error


def _run_tasks(client: Any, work: Assignment, shards: Iterator[Shard], done: Done) -> None:
    distributed = dask()
    lost: Counter[int] = Counter()
    running: dict[Any, Shard] = {}

    def submit(shard: Shard) -> Any:
        # Impure, or Dask would hand out the result of an earlier run without its file.
        future = client.submit(label_shard, work, shard, pure=False, retries=RETRIES)
        running[future] = shard
        return future

    workers = len(client.scheduler_info(n_workers=-1)["workers"])
    if not workers:
        address = client.scheduler.address
        log.info(f"{address} has no workers yet. Try: dask worker {address} on each computer")
    ahead = AHEAD * max(1, workers)
    begun = [submit(shard) for shard in islice(shards, ahead)]
    finished = distributed.as_completed(begun, loop=client.loop)
    for future in finished:
        shard = running.pop(future)
        try:
            counts = future.result()
        except distributed.KilledWorker:
            lost[shard.number] += 1
            if lost[shard.number] >= KILLED:
                raise FacetError(
                    f"workers keep ending with {shard.file}, probably for their memory",
                    "workers with more memory; the same command goes on",
                ) from None
            log.info(f"{shard.file} lost its workers and is done again")
            finished.add(submit(shard))
        except FacetError:
            raise
        except (distributed.CancelledError, distributed.comm.CommClosedError, OSError) as error:
            raise FacetError(
                f"lost the scheduler: {one_line(error)}",
                "start the scheduler again; the same command goes on",
            ) from error
        else:
            done(counts)
            for following in islice(shards, 1):
                finished.add(submit(following))
