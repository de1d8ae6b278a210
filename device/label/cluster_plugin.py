"""What each worker of a Dask cluster does before its first shard."""

from distributed import Worker, WorkerPlugin

from .worker import Assignment, prepare


class LoadModels(WorkerPlugin):
    """Checks the model and sets the threads of a worker, once."""

    name = "facet-label"

    def __init__(self, work: Assignment):
        self.work = work

    def setup(self, worker: Worker) -> None:
        prepare(self.work)
