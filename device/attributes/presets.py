"""Choose attributes by name."""

from ..errors import UsageError, nearest
from ..settings import AttributesSettings


def select_attributes(wanted: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of `names` that are wanted, all for none; UsageError names the nearest."""
    if not wanted or [name.lower() for name in wanted] == ["all"]:
        return names
    for name in wanted:
        if name not in names:
            raise UsageError(f"unknown attribute {name!r}", nearest(name, names))
    return tuple(name for name in names if name in wanted)


def shown_and_logged(
    attributes: AttributesSettings, computed: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the attributes to show and those to log; UsageError for one that is not computed."""
    for name in (*attributes.show, *attributes.logged):
        if attributes.compute and name not in computed and name.lower() != "all":
            raise UsageError(f"{name} is not computed", "add it to compute in [attributes]")
    shown = select_attributes(attributes.show, computed)
    return shown, select_attributes(attributes.logged, computed) if attributes.logged else shown
