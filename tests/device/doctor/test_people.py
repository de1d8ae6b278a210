"""Known people, where they are asked for."""

import numpy as np
import pytest

from device.doctor.checks import checks
from device.doctor.finding import Check, Finding, examine
from tests.device.doctor.made_up import NOW, with_settings


def test_known_people_are_looked_at_only_where_they_are_asked_for(machine, tmp_path):
    names = [
        [one.name for one in checks(machine, None, settings)] for settings in _asking(tmp_path)
    ]
    assert "people" not in names[0] and "people" in names[1]


def test_known_people(tmp_path):
    pytest.importorskip("dlib", reason="no dlib: pip install -r requirements-people.txt")
    from device.doctor.checks.people import known
    from device.people.file import Known, write_people

    _, settings = _asking(tmp_path)
    file = settings.people.file
    none = known(settings)
    assert none.status == "warning" and none.mend.endswith(f"--camera 0 --file {file}")
    write_people(file, [Known("Ada", NOW, np.zeros((1, 128), np.float32))])
    assert known(settings) == Finding("ok", f"1 known in {file}")
    file.chmod(0o644)
    assert known(settings) == Finding(
        "warning", f"others may read {file}", f"Run: chmod 600 {file}"
    )
    file.write_text("torn")
    torn = examine(Check("people", lambda: known(settings)))
    assert torn.status == "failure" and "is damaged" in torn.found and "remove --all" in torn.mend


def _asking(folder):
    people = {"file": str(folder / "people.json"), "recognise": True}
    return with_settings(), with_settings(people=people)
