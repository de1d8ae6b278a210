"""The figures of the pages are filled in from the results of the evaluations."""

import json

import pytest

from device.errors import UsageError
from train.tools import readme_figures


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def out(tmp_path):
    """A folder with the results of the evaluations."""
    points = [
        {"severity": severity, "detected": detected, "accuracy": 0.9, "baseline": 0.8}
        for severity, detected in ((0.0, 1.0), (30.0, 0.997))
    ]
    for name in readme_figures.SWEEPS:
        write(tmp_path / "evaluate-test" / f"sweep-{name}.json", points)
    curve = {"state": "blurred", "limit": 0.1, "accepted": 0.6}
    curves = [curve | {"accepted_accuracy": 0.9, "rejected_accuracy": 0.85}]
    write(tmp_path / "evaluate-test" / "rejection.json", curves)
    for name in ("wild", "genki"):
        result = {"photos": 7, "detected": 1.0, "classified": 0.5, "accuracy": 0.91}
        write(tmp_path / f"evaluate-{name}" / "photos.json", result)
    for name in ("attributes", "attributes-small", "attributes-large"):
        write(tmp_path / f"bench-{name}.json", {"ms_per_face": 2.34})
    return tmp_path


def test_every_marker_of_the_pages_is_filled(out, tmp_path):
    pages = [tmp_path / "README.md", tmp_path / "models.md"]
    for page, source in zip(pages, readme_figures.PAGES, strict=True):
        page.write_text(source.read_text())
    options = ["--out", str(out), "--pages", *map(str, pages)]
    readme_figures.main(options)
    text = pages[1].read_text()
    assert "| tilt, degrees | 0 | 30 |\n|---|---|---|\n| found | 100 % | 99.7 % |" in text
    assert "| `blurred` | 0.1 | 60 % | 0.900 | 0.850 |" in text
    assert "classified in 50.0 %, accuracy 0.910" in text
    assert text.count("MB | 2.3 |") == pages[0].read_text().count("MB | 2.3 |") == 3
    readme_figures.main(options)
    assert pages[1].read_text() == text


def test_what_is_missing_is_named(out, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("no marks")
    with pytest.raises(UsageError, match="no page has <!-- models -->"):
        readme_figures.main(["--out", str(out), "--pages", str(readme)])
    (out / "evaluate-test" / "rejection.json").unlink()
    with pytest.raises(UsageError, match=r"rejection\.json.*--help"):
        readme_figures.main(["--out", str(out), "--pages", str(readme)])


def test_the_groups_of_the_pages_are_those_of_the_card():
    measured = json.loads((readme_figures.MODELS / "attributes.json").read_text())["measured"]
    parts = {
        "fairness": readme_figures.fairness_lines(measured),
        "limits": readme_figures.limits_line(measured),
    }
    for page, text in readme_figures.fill_pages(readme_figures.PAGES, parts).items():
        assert page.read_text() == text


def test_the_sentence_on_limits_has_the_worst_large_group():
    keys = ("group", "attribute", "people", "error", "low", "high")
    rows = [
        (group, name, people, error + more, 0.1, 0.5)
        for name, more in (("Male", 0.0), ("Young", 0.1))
        for group, people, error in (("all", 90, 0.1), ("old", 30, 0.3), ("few", 3, 0.5))
    ]
    groups = {"UTKFace": [dict(zip(keys, row, strict=True)) for row in rows]}
    (line,) = readme_figures.limits_line({"groups": groups})
    assert line == (
        "On UTKFace, `Young` is wrong for 40.0 % (10.0 to 50.0) of old, 20.0 % (10.0 to 50.0) of "
        "all; `Male` is wrong for 30.0 % (10.0 to 50.0) of old, 10.0 % (10.0 to 50.0) of all. "
        "In brackets: 95 % intervals."
    )
