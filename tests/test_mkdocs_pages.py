"""Links of the documentation: in the site they point to pages, or are the name alone."""

import json

import pytest

pytest.importorskip("mkdocs")

from scripts.mkdocs_pages import EXAMPLES, NOTEBOOK, examples_page, notebook_page, rewrite

PAGES = {
    "index.md",
    "glossary.md",
    "api.md",
    "experiments/ablation.md",
    "CONTRIBUTING.md",
    "models/LICENSE.md",
    EXAMPLES,
    NOTEBOOK,
}


@pytest.mark.parametrize(
    "place, page, link, expected",
    [
        ("docs/api.md", "api.md", "[a](glossary.md)", "[a](glossary.md)"),
        ("docs/api.md", "api.md", "[a](glossary.md#b)", "[a](glossary.md#b)"),
        ("docs/api.md", "api.md", "[a](#b)", "[a](#b)"),
        ("docs/api.md", "api.md", "[a](https://x.org/)", "[a](https://x.org/)"),
        ("docs/api.md", "api.md", "[a](../CONTRIBUTING.md)", "[a](CONTRIBUTING.md)"),
        ("docs/api.md", "api.md", "[a](../README.md)", "[a](index.md)"),
        ("docs/api.md", "api.md", "[a](../LICENSE)", "a"),
        ("docs/api.md", "api.md", "[a](examples/)", "[a](examples.md)"),
        ("docs/api.md", "api.md", "[a](examples/train_in_colab.ipynb)", "[a](train_in_colab.md)"),
        ("docs/api.md", "api.md", "[a](missing.md)", "[a](missing.md)"),  # the build reports it
        (
            "docs/experiments/ablation.md",
            "experiments/ablation.md",
            "[a](../api.md) [b](../../README.md)",
            "[a](../api.md) [b](../index.md)",
        ),
        ("CONTRIBUTING.md", "CONTRIBUTING.md", "[a](docs/glossary.md)", "[a](glossary.md)"),
        ("models/LICENSE.md", "models/LICENSE.md", "[a](../docs/api.md)", "[a](../api.md)"),
        ("docs/api.md", "api.md", "![a](../window.png)", "![a](../window.png)"),
    ],
)
def test_a_link_fits_the_site(place, page, link, expected):
    assert rewrite(link, place, page, PAGES) == expected


def test_the_page_of_examples_shows_each_script_under_its_first_line(tmp_path):
    (tmp_path / "two.py").write_text('"""Do it.\n\nMore."""\nprint()\n')
    page = examples_page(tmp_path)
    assert "## Do it\n\n`docs/examples/two.py`\n\n```python\n" in page


def test_the_page_of_a_notebook_has_its_text_and_code(tmp_path):
    cells = [("markdown", ["# Do it\n", "\n", "First."]), ("code", ["a = 1\n", "a"])]
    record = {"cells": [{"cell_type": kind, "source": source} for kind, source in cells]}
    (tmp_path / "two.ipynb").write_text(json.dumps(record))
    page = notebook_page(tmp_path / "two.ipynb")
    assert page.startswith("# Do it\n\n`docs/examples/two.ipynb`, ")
    assert page.endswith("First.\n\n```python\na = 1\na\n```\n")
