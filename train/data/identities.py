"""Read the people of CelebA's photos."""

from pathlib import Path

from train.data.celeba_files import IDENTITIES, find_table
from train.data.split import CORRECT_LINE, DataError
from train.data.tables import file_name, read_table, whole

IDENTITY_COLUMNS = ("identity", "person", "person_id", "id")


def read_identities(root: Path) -> dict[str, int]:
    """Return {photo's name without ending: identity}, of identity_CelebA.txt.

    Raises DataError if it is missing or malformed, or gives a photo two identities.
    """
    path = find_table(root, IDENTITIES)
    table = read_table(path, "--data DIR")
    photo = table.photo_column()
    named = [name.casefold() in IDENTITY_COLUMNS for name in table.header]
    column = named.index(True) if True in named else int(photo == 0)
    identities: dict[str, int] = {}
    for number, cells in table.rows:
        name = cells[photo]
        try:
            identity = whole(cells[column])
        except (IndexError, ValueError):
            raise DataError(
                f"{path}, line {number}: expected a photo and a number", CORRECT_LINE
            ) from None
        if identities.setdefault(Path(file_name(name)).stem, identity) != identity:
            raise DataError(
                f"{path}, line {number}: {name!r} has another identity in an earlier line",
                CORRECT_LINE,
            )
    return identities
