"""Recognition, if it is enabled."""

import numpy as np
import pytest

from device.doctor.check_result import Check, CheckResult, run_check
from device.doctor.checks import checks
from tests.device.doctor.made_up import NOW, with_settings


def test_people_are_checked_only_if_recognition_is_enabled(system, tmp_path):
    names = [
        [check.name for check in checks(system, None, settings)] for settings in _settings(tmp_path)
    ]
    assert "people" not in names[0] and "people" in names[1]


def test_enrolled_people(tmp_path):
    pytest.importorskip("dlib", reason="no dlib: pip install -r requirements-people.txt")
    from device.doctor.checks.people import enrolled
    from device.recognition.store import EnrolledPerson, write_people

    _, settings = _settings(tmp_path)
    file = settings.people.file
    none = enrolled(settings)
    assert none.status == "warning" and none.fix.endswith(f"--camera 0 --file {file}")
    write_people(file, [EnrolledPerson("Ada", NOW, np.zeros((1, 128), np.float32))])
    assert enrolled(settings) == CheckResult("ok", f"1 enrolled in {file}")
    file.chmod(0o644)
    assert enrolled(settings) == CheckResult(
        "warning", f"other users may read {file}", f"chmod 600 {file}"
    )
    file.write_text("torn")
    torn = run_check(Check("people", lambda: enrolled(settings)))
    assert torn.status == "failure" and "is damaged" in torn.message and "remove --all" in torn.fix


def _settings(folder):
    people = {"file": str(folder / "people.json"), "enabled": True}
    return with_settings(), with_settings(people=people)
