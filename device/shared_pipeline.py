"""Analyze the frames of several cameras with one set of networks: an iterator of results.

Each camera has a pipeline of its own: tracks, smoothed probabilities, frame budget. The networks
are the pipelines' in turns, so one thread analyzes all frames.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from .camera import Camera
from .camera.feeds import Feeds
from .models import Models
from .pipeline import Pipeline, build_pipeline
from .settings import Settings
from .stopwatch import Totals
from .types import Result


class SharedPipeline:
    """cameras -> faces -> results, until all cameras have ended; iterate it once, from one thread.

    pipelines: one for each camera. max_frames: of all cameras together, 0: never ends by itself.
    stopping: as of Pipeline. The cameras are entered and left by their owner.
    """

    def __init__(
        self,
        pipelines: Sequence[Pipeline],
        max_frames: int = 0,
        stopping: Callable[[], bool] = lambda: False,
    ):
        self.pipelines = pipelines
        self._max_frames, self._stopping = max_frames, stopping
        self._feeds = Feeds([pipeline.camera for pipeline in pipelines], stopping)
        self.feeds = self._feeds.feeds

    @property
    def totals(self) -> Totals:
        """The sums of all cameras."""
        totals = [pipeline.totals for pipeline in self.pipelines]
        return Totals(
            sum(one.frames for one in totals),
            sum(one.faces for one in totals),
            max((one.seconds for one in totals), default=0.0),
        )

    def __iter__(self) -> Iterator[Result]:
        started = time.perf_counter()
        with self._feeds as feeds:
            for number, frame in feeds:
                pipeline = self.pipelines[number]
                pipeline.stopwatch.start()
                yield pipeline.analyze(frame)
                pipeline.stopwatch.lap("outputs")
                pipeline.stopwatch.frame_done()
                pipeline.totals.seconds = time.perf_counter() - started
                if self._stopping() or self.totals.frames == self._max_frames:
                    return


def build_shared_pipeline(
    settings: Settings,
    models: Models,
    cameras: Sequence[Camera],
    shown: Sequence[str] | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> SharedPipeline:
    """Return the pipeline of cameras, videos among them, no photos; shown: as of build_pipeline.

    A live camera's frame budget is its share of the time: a half of it with two cameras.
    """
    share = 1 / len(cameras)
    pipelines = [
        build_pipeline(settings, models, camera, shown, stopping, share=share) for camera in cameras
    ]
    return SharedPipeline(pipelines, settings.outputs.max_frames, stopping)
