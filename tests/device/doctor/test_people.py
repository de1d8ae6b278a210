"""Known people, where they are asked for."""

import numpy as np
import pytest

from device.doctor.check_result import Check, CheckResult, examine
from device.doctor.checks import checks
from tests.device.doctor.made_up import NOW, with_settings


def test_known_people_are_looked_at_only_where_they_are_asked_for(machine, tmp_path):
    names = [
        [one.name for one in checks(machine, None, settings)] for settings in _asking(tmp_path)
    ]
    assert "people" not in names[0] and "people" in names[1]


def test_known_people(tmp_path):
    pytest.importorskip("dlib", reason="no dlib: pip install -r requirements-people.txt")
    from device.doctor.checks.people import known
    from device.recognition.store import EnrolledPerson, write_people

    _, settings = _asking(tmp_path)
    file = settings.people.file
    none = known(settings)
    assert none.status == "warning" and none.fix.endswith(f"--camera 0 --file {file}")
    write_people(file, [EnrolledPerson("Ada", NOW, np.zeros((1, 128), np.float32))])
    assert known(settings) == CheckResult("ok", f"1 known in {file}")
    file.chmod(0o644)
    assert known(settings) == CheckResult(
        "warning", f"others may read {file}", f"Run: chmod 600 {file}"
    )
    file.write_text("torn")
    torn = examine(Check("people", lambda: known(settings)))
    assert torn.status == "failure" and "is damaged" in torn.message and "remove --all" in torn.fix


def _asking(folder):
    people = {"file": str(folder / "people.json"), "recognise": True}
    return with_settings(), with_settings(people=people)
