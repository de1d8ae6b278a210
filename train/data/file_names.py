"""Names of files for attributes, models and runs, whose own names may be no file names."""

import re
import unicodedata
from collections.abc import Iterable

MAX_LETTERS = 60


def file_slug(name: str) -> str:
    """Return a name as ASCII letters, digits, dots, dashes and underscores, such as "a_b" of "a/b".

    Accents are dropped; a name without any such letter is "unnamed". CelebA's names stay as they
    are.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9._-]+", "_", plain).strip("._-")
    return slug[:MAX_LETTERS] or "unnamed"


def file_slugs(names: Iterable[str]) -> dict[str, str]:
    """Return name -> slug; slugs that differ in no more than their case get a number: a, A_2."""
    slugs: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        base = slug = file_slug(name)
        number = 1
        while slug.lower() in taken:
            number += 1
            slug = f"{base}_{number}"
        taken.add(slug.lower())
        slugs[name] = slug
    return slugs
