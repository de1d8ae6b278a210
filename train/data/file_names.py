"""Names of files for attributes, models and runs, whose own names may be no file names."""

import re
import unicodedata
import zlib

MAX_LETTERS = 60


def file_slug(name: str) -> str:
    """Return a name as ASCII letters, digits, dashes and underscores, such as "a_b" of "a/b".

    Accents are dropped; a name without any such letter is "unnamed". CelebA's names stay as they
    are.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_-")
    return slug[:MAX_LETTERS] or "unnamed"


def unique_slug(name: str) -> str:
    """Return a slug that no other name has: with six hexadecimal digits if it is not the name."""
    slug = file_slug(name)
    return slug if slug == name else f"{slug}-{zlib.crc32(name.encode()) & 0xFFFFFF:06x}"
