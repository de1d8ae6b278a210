"""The process that computes embeddings: the same numbers, from any package name, and its end."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from device.errors import FacetError, Stopped
from device.faces.blazeface import BlazeFace
from device.recognition import embedding_process
from device.recognition.embedding_process import EmbeddingProcess
from device.recognition.face_crop import face_crop
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def crop(astronaut, dlib):
    (face,) = BlazeFace().detect(astronaut)
    return face_crop(astronaut, face.landmarks)


def test_it_computes_what_the_network_does(crop):
    from device.recognition.embedding import Embedder

    with EmbeddingProcess() as process:
        assert process.result(wait=False) is None and not process.busy
        process.submit(crop)
        assert process.busy
        embedding = process.result(wait=True)
        assert not process.busy
        np.testing.assert_array_equal(embedding, Embedder().embed(crop))
        child = process._process
    assert child.returncode == 0


def test_its_death_is_raised_by_the_next_result(crop):
    with EmbeddingProcess() as process:
        process._process.kill()
        process.submit(crop)
        with pytest.raises(FacetError, match="recognition process exited with code -9"):
            process.result(wait=True)


def test_a_death_that_nobody_asked_about_is_raised_at_the_end(crop):
    with pytest.raises(FacetError, match="exited with code -9"), EmbeddingProcess() as process:
        process._process.kill()
        process.submit(crop)
        assert process._worker.done.wait(10)


@pytest.mark.parametrize("wait", [True, False])
def test_one_that_hangs_is_killed_in_limited_time(crop, monkeypatch, wait):
    monkeypatch.setattr(embedding_process, "CLOSE_S", 0.3)
    monkeypatch.setattr(embedding_process, "RESULT_S", 0.2)
    with EmbeddingProcess() as process:
        process._process.send_signal(signal.SIGSTOP)
        process.submit(crop)
        with pytest.raises(FacetError, match="no embedding within"):
            while process.result(wait) is None:
                time.sleep(0.01)
        child = process._process
    assert child.returncode == -9


def test_a_pause_of_this_process_is_not_its_fault(crop, monkeypatch):
    """SIGSTOP or a frozen control group stops both: the wait is counted in polls."""
    monkeypatch.setattr(embedding_process, "RESULT_S", 1.5)
    with EmbeddingProcess() as process:
        process.submit(crop)
        process._polled_s -= 3600  # an hour passed between two frames
        assert process.result(wait=True) is not None


def test_a_start_that_hangs_is_ended(tmp_path, monkeypatch):
    (tmp_path / "dlib.py").write_text("import time; time.sleep(60)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(embedding_process, "START_S", 0.5)
    with pytest.raises(FacetError, match="exited with code -9"):
        EmbeddingProcess().__enter__()


def test_a_dlib_that_does_not_load_is_raised_at_once(tmp_path, monkeypatch):
    (tmp_path / "dlib.py").write_text("raise ImportError('no dlib')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(FacetError, match="needs dlib, which is not installed") as error:
        EmbeddingProcess().__enter__()
    assert error.value.exit_code == 2 and error.value.hint.startswith("pip install")


def test_one_that_fails_with_a_traceback_quotes_its_end(tmp_path, monkeypatch):
    (tmp_path / "dlib.py").write_text("raise RuntimeError('bad build')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(FacetError, match=r"exited with code 1: .*RuntimeError: bad build"):
        EmbeddingProcess().__enter__()


def test_a_stop_ends_the_start(tmp_path, monkeypatch):
    (tmp_path / "dlib.py").write_text("import time; time.sleep(60)\n")
    monkeypatch.syspath_prepend(tmp_path)
    process = EmbeddingProcess(stopping=lambda: True)
    with pytest.raises(Stopped, match="stopped while the recognition process starts"):
        process.__enter__()
    assert process._process.returncode == -signal.SIGKILL


def test_the_kernel_ends_it_before_the_pipeline(dlib):
    own = int(Path("/proc/self/oom_score_adj").read_text())
    with EmbeddingProcess() as process:
        score = int(Path(f"/proc/{process._process.pid}/oom_score_adj").read_text())
    assert score == min(1000, own + embedding_process.OOM_SCORE)


@pytest.mark.parametrize("package", ["device", "facet"])
def test_it_starts_from_a_checkout_and_from_the_wheel_in_any_folder(dlib, tmp_path, package):
    """The wheel's package is called facet, and nothing is found by the working directory."""
    (tmp_path / package).symlink_to(ROOT / "device")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import numpy as np\n"
        f"from {package}.recognition.embedding_process import EmbeddingProcess\n"
        "with EmbeddingProcess() as process:\n"
        "    process.submit(np.zeros((150, 150, 3), np.uint8))\n"
        "    print(process.result(wait=True).shape, process._process.args[-1])\n"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=elsewhere, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == f"(128,) {package}.recognition.embedding_process\n", done.stderr
