"""What is installed: Python, packages, runtime, settings."""

import numpy as np
import pytest

from device.doctor.check_result import Check, CheckResult, examine
from device.doctor.checks import software
from device.errors import ModelError
from tests.device.doctor.made_up import changed, having, raises


@pytest.mark.parametrize(
    ("python", "status"),
    [((3, 11, 2), "ok"), ((3, 14, 0), "ok"), ((3, 15, 0), "warning"), ((3, 10, 9), "failure")],
)
def test_python(machine, python, status):
    finding = software.python(changed(machine, python=python))
    assert finding.status == status and ".".join(map(str, python)) in finding.message
    assert bool(finding.fix) == (status != "ok")


def test_packages_are_those_of_the_requirements(machine):
    finding = software.packages(machine)
    assert finding.status == "ok" and f"numpy {np.__version__}" in finding.message
    other = software.packages(changed(machine, version=having(numpy="1.26.4")))
    assert other.status == "warning" and "numpy 1.26.4 (need " in other.message
    early = software.packages(changed(machine, version=having(numpy="2.5.0rc1")))
    assert early.status == "ok"  # a release candidate of a tested version
    none = software.packages(changed(machine, version=having(pillow=None, numpy="1.26.4")))
    assert none == CheckResult("failure", "not installed: pillow", software.INSTALL)


def test_runtime(machine):
    assert software.runtime(machine).status == "ok"
    assert software.runtime(machine).message.startswith("ai-edge-litert 2.")
    unloadable = changed(
        machine, version=having(ai_edge_litert="2.3.0"), runtime=lambda: "tflite-runtime 2.14.0"
    )
    finding = software.runtime(unloadable)
    assert finding.status == "warning" and "ai-edge-litert 2.3.0 does not load" in finding.message
    old = having(ai_edge_litert=None, tflite_runtime="2.14.0", numpy="2.4.6")
    finding = software.runtime(changed(machine, version=old))
    assert finding.status == "failure"
    assert finding.message == "tflite-runtime 2.14.0 crashes under NumPy 2.4.6"
    paired = having(ai_edge_litert=None, tflite_runtime="2.14.0", numpy="1.26.4")
    pi = changed(machine, version=paired, runtime=lambda: "tflite-runtime 2.14.0")
    assert software.runtime(pi) == CheckResult("ok", "tflite-runtime 2.14.0, NumPy 1.26.4")
    none = changed(machine, runtime=raises(ModelError("no TFLite runtime found", "Run: pip")))
    finding = examine(Check("runtime", lambda: software.runtime(none)))
    assert finding == CheckResult("failure", "no TFLite runtime found", "Run: pip")


def test_a_misspelt_setting_is_named(tmp_path):
    file = tmp_path / "facet.toml"
    assert software.settings_file(None).status == "ok"
    file.write_text("[camera]\nwidth = 320\n")
    assert software.settings_file(file) == CheckResult("ok", str(file))
    for text, said in [
        ("[camera]\nwdith = 320\n", "unknown setting wdith"),
        ("[camera", "cannot read the settings file"),
    ]:
        file.write_text(text)
        finding = examine(Check("settings", lambda: software.settings_file(file)))
        assert finding.status == "failure" and said in finding.message and finding.fix
    assert (
        "no settings file"
        in examine(
            Check("settings", lambda: software.settings_file(tmp_path / "none.toml"))
        ).message
    )
