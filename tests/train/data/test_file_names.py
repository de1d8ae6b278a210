"""File names for names that are none."""

import pytest

from train.data.file_names import file_slug, unique_slug


@pytest.mark.parametrize(
    "name, slug",
    [
        ("Wearing_Hat", "Wearing_Hat"),
        ("5_o_Clock_Shadow", "5_o_Clock_Shadow"),
        ("smile/no smile", "smile_no_smile"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("été", "ete"),
        ("笑", "unnamed"),
        ("a:b*c?", "a_b_c"),
        (".hidden", "hidden"),
        ("x" * 300, "x" * 60),
    ],
    ids=range(10),
)
def test_a_name_becomes_a_file_name(name, slug):
    assert file_slug(name) == slug


def test_no_two_names_share_a_file():
    names = ("smile", "smile ", "smile?", "smi/le", "笑", "泣", "..", "x" * 99, "x" * 98)
    slugs = [unique_slug(name) for name in names]
    assert slugs[0] == "smile" and len(set(slugs)) == len(names)
    assert all(slug.isascii() and "/" not in slug for slug in slugs)
