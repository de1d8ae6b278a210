"""What each worker of a Dask cluster does before its first shard."""

from distributed import Worker, WorkerPlugin

from .worker import Job, prepare


class LoadModels(WorkerPlugin):
    """Checks the model and sets the threads of a worker, once."""

    name = "facet-label"

    def __init__(self, job: Job):
        self.job = job

    def setup(self, worker: Worker) -> None:
        prepare(self.job)
