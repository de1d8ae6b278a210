"""Several cameras through one set of models: each as if it were alone."""

import threading

import numpy as np
import pytest

from device.frame_budget import FrameBudget
from device.models import Models
from device.outputs.csv_log import CsvLog
from device.outputs.visit_log import VisitLog
from device.pipeline import build_pipeline
from device.settings import OutputsSettings, RotationSettings, Settings
from device.shared_pipeline import build_shared_pipeline
from tests.device.test_pipeline import (
    FakeCamera,
    FakeClassifier,
    FakeDetector,
    FakeLiveCamera,
    WalkingDetector,
)

NAMES = FakeClassifier.card.names
THRESHOLDS = dict(zip(NAMES, FakeClassifier.thresholds.tolist(), strict=True))


class Film(FakeCamera):
    def __init__(self, name, levels):
        super().__init__(levels)
        self.name = name


class CountingClassifier(FakeClassifier):
    """Notes from which threads it is called."""

    def __init__(self):
        self.threads = set()

    def classify_face(self, frame_bgr, face, limits):
        self.threads.add(threading.get_ident())
        return super().classify_face(frame_bgr, face, limits)


def models(classifier=None):
    walking = WalkingDetector()
    return Models(walking, walking, FakeDetector(), classifier or FakeClassifier())


def films():
    """Two people in turn at walking speed, and a film of another length and content."""
    return [Film("a.mp4", [*range(1, 30), *range(29, 1, -1)]), Film("b.mp4", [5] * 20 + [0] * 20)]


def logged(results, folder, every_s):
    """Return the rows of the log and of the visits by source, without times."""
    folder.mkdir()
    with (
        CsvLog(folder / "a.csv", NAMES, every_s, RotationSettings()) as log,
        VisitLog(folder / "v.csv", NAMES, THRESHOLDS, 0.3, RotationSettings()) as visits,
    ):
        for result in results:
            log.write(result)
            visits.write(result)
    rows = {}
    for file, times in (("a.csv", 1), ("v.csv", 2)):
        for row in (folder / file).read_text().splitlines()[1:]:
            cells = row.split(",")[times:]
            rows.setdefault((file, cells[0]), []).append(cells)
    return rows


@pytest.mark.parametrize("every_s", [0.0, 0.5])
def test_the_rows_of_two_films_are_those_of_each_alone(tmp_path, every_s):
    settings = Settings()
    together = logged(
        build_shared_pipeline(settings, models(), films()), tmp_path / "both", every_s
    )
    alone = {}
    for film in films():
        pipeline = build_pipeline(settings, models(), film)
        alone |= logged(pipeline, tmp_path / film.name, every_s)
    assert together == alone and len(together) == 4
    assert all(rows for rows in together.values())


def test_one_thread_uses_the_models_and_the_sums_are_of_all_cameras():
    classifier = CountingClassifier()
    pipeline = build_shared_pipeline(Settings(), models(classifier), films())
    results = list(pipeline)
    assert classifier.threads == {threading.get_ident()}
    assert [one.totals.frames for one in pipeline.pipelines] == [57, 40]
    assert pipeline.totals.frames == len(results) == 97 and pipeline.totals.fps > 0
    assert pipeline.totals.faces == sum(len(result.faces) for result in results)


def test_ids_begin_at_1_for_each_camera():
    first = {}
    for frame, faces in build_shared_pipeline(Settings(), models(), films()):
        if faces:
            first.setdefault(frame.source, faces[0].id)
    assert first == {"a.mp4": 1, "b.mp4": 1}


def test_max_frames_is_of_all_cameras_together():
    settings = Settings(outputs=OutputsSettings(max_frames=7))
    assert len(list(build_shared_pipeline(settings, models(), films()))) == 7


def test_stopping_ends_the_run_after_the_frame():
    seen = []
    pipeline = build_shared_pipeline(Settings(), models(), films(), stopping=lambda: len(seen) == 3)
    for frame, _ in pipeline:
        seen.append(frame.index)
    assert len(seen) == 3


def test_a_live_camera_has_its_share_of_the_time():
    cameras = [FakeLiveCamera([90]), FakeLiveCamera([90]), Film("a.mp4", [90])]
    pipeline = build_shared_pipeline(Settings(), models(), cameras)
    budgets = [one._analyzer._budget for one in pipeline.pipelines]
    assert [budget.share for budget in budgets] == pytest.approx([1 / 3] * 3)
    assert [budget.live for budget in budgets] == [True, True, False]


def test_a_budget_of_a_half_ends_in_half_the_time(monkeypatch):
    now_s = [0.0]
    monkeypatch.setattr("device.frame_budget.time.perf_counter", lambda: now_s[0])
    half = FrameBudget(0.1, share=0.5)
    with half.measure("task"):
        now_s[0] += 0.04
    half.start_frame()
    assert half.has_time_for("task")  # 0.04 of 0.05 s
    now_s[0] += 0.02
    assert not half.has_time_for("task")  # 0.03 s are left


def test_a_live_result_has_an_age_and_a_films_has_none():
    cameras = [FakeLiveCamera([90]), Film("a.mp4", [90])]
    ages = {r.frame.source: r.age_s for r in build_shared_pipeline(Settings(), models(), cameras)}
    assert ages["a.mp4"] is None and ages["fake"] is not None
    assert np.isfinite(ages["fake"])
