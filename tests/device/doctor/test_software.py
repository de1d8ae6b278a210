"""What is installed: Python, packages, runtime, settings."""

import numpy as np
import pytest

from device.doctor.check_result import Check, CheckResult, run_check
from device.doctor.checks import software
from device.errors import ModelError
from device.resources import install_hint
from tests.device.doctor.made_up import changed, having, raises


@pytest.mark.parametrize(
    ("python", "status"),
    [((3, 11, 2), "ok"), ((3, 14, 0), "ok"), ((3, 15, 0), "warning"), ((3, 10, 9), "failure")],
)
def test_python(system, python, status):
    result = software.python(changed(system, python=python))
    assert result.status == status and ".".join(map(str, python)) in result.message
    assert bool(result.fix) == (status != "ok")


def test_packages_are_those_of_the_requirements(system):
    result = software.packages(system)
    assert result.status == "ok" and f"numpy {np.__version__}" in result.message
    other = software.packages(changed(system, version=having(numpy="1.26.4")))
    assert other.status == "warning" and "numpy 1.26.4 (need " in other.message
    early = software.packages(changed(system, version=having(numpy="2.5.0rc1")))
    assert early.status == "ok"  # a release candidate of a tested version
    none = software.packages(changed(system, version=having(pillow=None, numpy="1.26.4")))
    assert none == CheckResult("failure", "not installed: pillow", install_hint())


def test_encryption_names_what_is_used_and_what_is_not(system, monkeypatch):
    result = software.encryption(changed(system, bundled_tls="1.1.1k"))
    assert result.status == "ok" and "(Python's) for https" in result.message
    assert "OpenSSL 1.1.1k in OpenCV" in result.message and "not used" in result.message
    assert "OpenCV" not in software.encryption(changed(system, bundled_tls="")).message
    monkeypatch.setattr("ssl.OPENSSL_VERSION_INFO", (1, 1, 1, 11, 15))
    assert software.encryption(system).status == "warning"


def test_runtime(system):
    assert software.runtime(system).status == "ok"
    assert software.runtime(system).message.startswith("ai-edge-litert 2.")
    unloadable = changed(
        system, version=having(ai_edge_litert="2.3.0"), runtime=lambda: "tflite-runtime 2.14.0"
    )
    result = software.runtime(unloadable)
    assert result.status == "warning" and "ai-edge-litert 2.3.0 does not load" in result.message
    old = having(ai_edge_litert=None, tflite_runtime="2.14.0", numpy="2.4.6")
    result = software.runtime(changed(system, version=old))
    assert result.status == "failure"
    assert result.message == "tflite-runtime 2.14.0 crashes under NumPy 2.4.6"
    paired = having(ai_edge_litert=None, tflite_runtime="2.14.0", numpy="1.26.4")
    pi = changed(system, version=paired, runtime=lambda: "tflite-runtime 2.14.0")
    assert software.runtime(pi) == CheckResult("ok", "tflite-runtime 2.14.0, NumPy 1.26.4")
    none = changed(system, runtime=raises(ModelError("no TFLite runtime found", "pip install x")))
    result = run_check(Check("runtime", lambda: software.runtime(none)))
    assert result == CheckResult("failure", "no TFLite runtime found", "pip install x")


def test_a_misspelt_setting_is_named(tmp_path):
    file = tmp_path / "facet.toml"
    assert software.settings_file(None).status == "ok"
    file.write_text("[camera]\nwidth = 320\n")
    assert software.settings_file(file) == CheckResult("ok", str(file))
    for text, message in [
        ("[camera]\nwdith = 320\n", "unknown setting wdith"),
        ("[camera", "cannot read the settings file"),
    ]:
        file.write_text(text)
        result = run_check(Check("settings", lambda: software.settings_file(file)))
        assert result.status == "failure" and message in result.message and result.fix
    assert (
        "no settings file"
        in run_check(
            Check("settings", lambda: software.settings_file(tmp_path / "none.toml"))
        ).message
    )
