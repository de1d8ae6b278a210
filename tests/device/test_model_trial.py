"""An untrusted model is tried in a process of its own, once, and its crash is one line."""

import hashlib
import json
import os
import signal
import stat
import subprocess

import numpy as np
import pytest

from device import model_trial
from device.attributes import model_card
from device.attributes.classifier import Classifier
from device.errors import ModelError
from device.faces.yunet import YuNet
from device.model_trial import SHIPPED, require_loadable, trial, verdict_file
from device.tflite import Network, runtime_name
from tests.conftest import CARD, ROOT

CONTENT = (ROOT / "models" / "attributes-small.tflite").read_bytes()
OTHER = CONTENT + bytes(16)  # loads as well, and is not shipped


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "facet" / "models.json"


@pytest.fixture
def child(monkeypatch):
    """What the process that tries a model answers; and how often it was started."""
    answers = []

    def run(command, **_):
        answer = answers[-1]
        answers.insert(0, answer)
        if isinstance(answer, Exception):
            raise answer
        return subprocess.CompletedProcess(command, *answer)

    monkeypatch.setattr(model_trial.subprocess, "run", run)
    return answers


def starts(child):
    return len(child) - 1


def load(content=OTHER):
    digest = hashlib.sha256(content).hexdigest()
    require_loadable(content, digest, "m.tflite", "another model", 1, True)


def test_the_shipped_models_are_known_and_not_tried(child):
    """A model that was trained anew needs its hash in SHIPPED, or its first start is slower."""
    cards = (ROOT / "models").glob("*.json")
    assert {json.loads(card.read_text())["sha256"] for card in cards} == SHIPPED
    Classifier(CARD)
    load(CONTENT)
    assert starts(child) == -1


def test_a_good_model_is_tried_once(cache, monkeypatch):
    load()
    (verdict,) = json.loads(cache.read_text()).values()
    assert verdict == "" and stat.S_IMODE(cache.stat().st_mode) == 0o600
    monkeypatch.setattr(model_trial.subprocess, "run", pytest.fail)
    load()


def test_a_corrupt_model_is_one_line():
    with pytest.raises(ModelError, match=r"^m.tflite is not a model that .* can run") as error:
        load(CONTENT[:5000])
    assert error.value.exit_code == 4 and error.value.hint == "another model"
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "answer, message, remembered",
    [
        ((-signal.SIGABRT, b"", b"abort"), r"crashes what runs it \(SIGABRT\)", True),
        ((-signal.SIGSEGV, b"", b""), r"crashes what runs it \(SIGSEGV\)", True),
        ((-signal.SIGKILL, b"", b""), r"crashes what runs it \(SIGKILL\)", False),
        ((0, b'["is bad"]', b""), "m.tflite is bad", True),
        ((1, b"", b"no\nmodule"), "cannot be tried: no module", False),
        ((0, b"[]", b""), "cannot be tried: no answer", False),
        (subprocess.TimeoutExpired("x", 1), "does not end within 60 s", False),
        (OSError(11, "Resource temporarily unavailable"), "cannot be tried: Resource", False),
    ],
)
def test_how_the_process_ends_is_the_verdict(child, answer, message, remembered):
    child.append(answer)
    for _ in range(2):
        with pytest.raises(ModelError, match=message):
            load()
    assert starts(child) == (1 if remembered else 2)


def test_another_runtime_or_other_kernels_are_another_verdict(child):
    child.append((0, b'[""]', b""))
    load()
    require_loadable(OTHER, hashlib.sha256(OTHER).hexdigest(), "m.tflite", "", 1, False)
    load()
    assert starts(child) == 2


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}', "[" * 100_000])
def test_a_broken_memory_of_verdicts_is_begun_anew(cache, child, content):
    cache.parent.mkdir()
    cache.write_text(content)
    child.append((0, b'[""]', b""))
    load(), load()
    assert starts(child) == 1 and json.loads(cache.read_text())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file to another user")
def test_verdicts_of_another_user_are_not_trusted(cache, child):
    child.append((0, b'[""]', b""))
    load()
    os.chown(cache, 12345, 12345)
    load()
    assert starts(child) == 2


def test_a_model_whose_outputs_are_no_numbers_is_refused(monkeypatch):
    monkeypatch.setattr(Network, "run", lambda self, batch: [np.array([[0.5, np.nan]])])
    assert trial(CONTENT, 1, True) == "gives outputs that are no numbers"


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "link to a folder", "too large"])
def test_a_network_that_is_no_file_is_one_line(tmp_path, monkeypatch, kind):
    card = tmp_path / "attributes.json"
    card.write_bytes(CARD.read_bytes())
    path = card.with_suffix(".tflite")
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "link to a folder":
            path.symlink_to("/")
        case "too large":
            monkeypatch.setattr(model_card, "MAX_MODEL", 1000)
            path.write_bytes(CONTENT)
    with pytest.raises(ModelError, match=r"attributes.tflite cannot be read: it ") as error:
        Classifier(card)
    assert "\n" not in str(error.value)


def test_what_is_loaded_is_what_was_hashed(tmp_path, monkeypatch):
    """A file that is replaced after it was read changes nothing."""
    card = tmp_path / "attributes.json"
    card.write_bytes(CARD.read_bytes())
    path = card.with_suffix(".tflite")
    path.write_bytes(CARD.with_suffix(".tflite").read_bytes())
    before = model_card.read_file

    def read_then_replace(path, limit):
        content = before(path, limit)
        path.write_bytes(b"another network")
        return content

    monkeypatch.setattr(model_card, "read_file", read_then_replace)
    assert Classifier(card).network.input_shape == (1, 180, 144, 3)


def test_without_a_place_for_verdicts_each_start_tries(child, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    child.append((0, b'[""]', b""))
    load(), load()
    assert starts(child) == 2 and verdict_file().parts[-2:] == ("facet", "models.json")


@pytest.mark.skipif(
    runtime_name() != "ai-edge-litert 2.3.0", reason="another runtime may refuse it"
)
def test_a_byte_that_aborts_the_runtime_is_one_line():
    hostile = bytearray(CONTENT)
    hostile[885_599] = 110
    with pytest.raises(ModelError, match=r"m.tflite crashes what runs it \(SIGABRT\)"):
        load(bytes(hostile))


@pytest.mark.parametrize("size", [0, 1, 8, 1000, len(CONTENT) // 2])
def test_a_trial_never_raises(size):
    assert "is not a model" in trial(CONTENT[:size], 1, True)


@pytest.mark.parametrize("content", [b"", b"no network", bytes(1000)])
def test_a_corrupt_onnx_file_is_one_line(tmp_path, content):
    path = tmp_path / "yunet.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"yunet.onnx is not a YuNet network") as error:
        YuNet(path)
    assert "\n" not in str(error.value)


def test_an_onnx_file_that_crashes_opencv_is_one_line(tmp_path, child):
    path = tmp_path / "yunet.onnx"
    path.write_bytes(b"x")
    child.append((-signal.SIGSEGV, b"", b""))
    for _ in range(2):
        with pytest.raises(ModelError, match=r"yunet.onnx crashes what runs it \(SIGSEGV\)"):
            YuNet(path)
    assert starts(child) == 1
