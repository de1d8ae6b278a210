"""The README's figures go between their marks, from what the evaluations wrote."""

import json

import pytest

from device.errors import UsageError
from tests.conftest import ROOT
from train import figures


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def out(tmp_path):
    """A folder as the evaluations leave it."""
    points = [
        {"stress": stress, "found": found, "accuracy": 0.9, "naive": 0.8}
        for stress, found in ((0.0, 1.0), (30.0, 0.997))
    ]
    for name in figures.SWEEPS:
        write(tmp_path / "evaluate-test" / f"sweep-{name}.json", points)
    rule = {"state": "blurred", "limit": 0.1, "kept": 0.6}
    rules = [rule | {"kept_accuracy": 0.9, "refused_accuracy": 0.85}]
    write(tmp_path / "evaluate-test" / "coverage.json", rules)
    rows = [
        {"group": group, "attribute": "Male", "people": 10, "error": 0.1, "low": 0.0, "high": 0.2}
        for group in ("all", *figures.PEOPLE.values())
    ]
    write(tmp_path / "evaluate-test" / "groups.json", {"UTKFace": rows})
    for name in ("wild", "genki"):
        told = {"photos": 7, "found": 1.0, "told": 0.5, "accuracy": 0.91}
        write(tmp_path / f"evaluate-{name}" / "photos.json", told)
    for name in ("attributes", "attributes-small", "attributes-large"):
        write(tmp_path / f"bench-{name}.json", {"ms_per_face": 2.34})
    return tmp_path


def test_every_mark_of_the_readme_is_filled(out, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text((ROOT / "README.md").read_text())
    figures.main(["--out", str(out), "--readme", str(readme)])
    text = readme.read_text()
    assert "| tilt, degrees | 0 | 30 |\n|---|---|---|\n| found | 100 % | 99.7 % |" in text
    assert "| `blurred` | 0.1 | 60 % | 0.900 | 0.850 |" in text
    assert "women 10.0 % (0.0 to 20.0)" in text and "told in 50.0 %, 0.910 right" in text
    assert text.count("MB | 2.3 |") == 3
    figures.main(["--out", str(out), "--readme", str(readme)])
    assert readme.read_text() == text


def test_what_is_missing_is_named(out, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("no marks")
    with pytest.raises(UsageError, match="no <!-- models -->"):
        figures.main(["--out", str(out), "--readme", str(readme)])
    (out / "evaluate-test" / "coverage.json").unlink()
    with pytest.raises(UsageError, match=r"coverage\.json.*--help"):
        figures.main(["--out", str(out), "--readme", str(readme)])
