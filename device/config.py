"""Settings classes: what a field means as data, and values from TOML checked against it.

A settings class is a frozen msgspec.Struct whose fields are annotated with `about(...)`. Flags
(cli/flags.py), the settings file and docs/settings.md (cli/settings_file.py) are generated from
these annotations.
"""

import contextlib
import functools
import keyword
import types
from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from .errors import UsageError, nearest, one_line, os_reason
from .files import read_text
from .text import toml

NEW_FILE = "python -m device.settings_file > FILE.toml"
VALID_FILE = "compare it with the output of python -m device.settings_file"
MAX_BYTES = 1_000_000  # of a settings file; one with every setting has 20,000
NEEDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
}


def about(
    help: str,
    unit: str = "",
    limits: tuple[float | None, float | None] = (None, None),
    effects: tuple[str, str] = ("", ""),
    flag: str = "",
    **extra: Any,
) -> msgspec.Meta:
    """Return the annotation of a settings field: Annotated[int, about("threads", "", (1, 64))].

    help: a phrase without a full stop. limits: lowest and highest value, or item of a list,
    inclusive. effects: what a lower and a higher value do to the user. flag: "--min-face PX";
    fields that share a flag get the same value, or, with WxH, width and height.
    extra, all optional:
        choices     the values that are allowed, a tuple; "" among them means none
        flag_help   the flag's help if it differs
        nargs       argparse's nargs of a list; without it commas separate the values
        alone       the value that the flag means without one; then it needs none
        several     the value may be a list as well, and the flag may be given several times
        example     the value in a settings file if the default is None
    """
    ge, le = limits
    low, high = effects
    name, _, metavar = flag.partition(" ")
    extra |= {"unit": unit, "low": low, "high": high, "flag": name, "metavar": metavar}
    return msgspec.Meta(ge=ge, le=le, description=help, extra=extra)


class Table(msgspec.Struct, frozen=True):
    """A group of settings: a table of the TOML file, or the whole file.

    A field of the type tuple[TABLE, ...] is an array of tables, such as [[lines]]. A key that is a
    word of Python, such as `from`, has a field with an underscore: `from_`.
    """

    by_key = True
    """Whether `override` finds its settings by their key alone."""

    def check(self, origin: str) -> None:
        """Raise UsageError, which begins with `origin`, for values that do not go together."""


T = TypeVar("T", bound=Table)


class Setting(msgspec.Struct, frozen=True):
    """One field of a settings class."""

    name: str
    type: Any  # bool, int, float, str, Path, or a tuple of int, float or str
    default: Any
    optional: bool = False  # may be None
    help: str = ""
    unit: str = ""
    least: float | None = None
    most: float | None = None
    low: str = ""
    high: str = ""
    choices: tuple[str, ...] = ()
    flag: str = ""
    flag_help: str = ""
    metavar: str = ""
    nargs: str = ""
    alone: str = ""
    several: bool = False
    example: str = ""

    @property
    def item(self) -> Any:
        """The type of a list's items; None for other settings."""
        return get_args(self.type)[0] if get_origin(self.type) is tuple else None

    @property
    def count(self) -> int | None:
        """The number of items that a list must have, as in tuple[int, int]; None: any number."""
        items = get_args(self.type) if self.item else (...,)
        return None if ... in items else len(items)

    @property
    def limits(self) -> str:
        """ "1 to 64", "each 1 to 64", "back, full, short or yunet", or "" without limits."""
        if self.choices:
            *names, last = filter(None, self.choices)
            return f"{', '.join(names)} or {last}"
        if self.least is None or self.most is None:
            bounds = (("at least", self.least), ("at most", self.most))
            limits = "".join(f"{word} {bound}" for word, bound in bounds if bound is not None)
        else:
            limits = f"{self.least} to {self.most}"
        return f"each {limits}" if limits and self.item else limits

    @property
    def effects(self) -> str:
        """What lower and higher values do: "lower: slower; higher: faster", or ""."""
        both = (("lower", self.low), ("higher", self.high))
        return "; ".join(f"{word}: {effect}" for word, effect in both if effect)

    @property
    def suggestion(self) -> str:
        """A valid value as TOML: the default, or the example if there is no default."""
        return toml(self.example if self.default is None else self.default)

    def allows(self, value: Any) -> bool:
        """Return whether a value of the right type is within the limits; NaN is not."""
        return all(
            (self.least is None or one >= self.least) and (self.most is None or one <= self.most)
            for one in (value if self.item else (value,))
        )


@functools.cache
def settings_of(struct: type) -> dict[str, Setting]:
    """Return {key: Setting} of a settings class's fields, without tables and arrays of tables."""
    plain = struct()
    hints = get_type_hints(struct, include_extras=True)
    arrays = arrays_of(struct)
    return {
        name.rstrip("_"): _setting(name.rstrip("_"), hint, getattr(plain, name))
        for name, hint in hints.items()
        if name not in arrays and not isinstance(getattr(plain, name), msgspec.Struct)
    }


def field_of(key: str) -> str:
    """Return the name of a key's field: "from_" of "from"."""
    return f"{key}_" if keyword.iskeyword(key) else key


def tables_of(struct: type) -> dict[str, type[Table]]:
    """Return {name: class} of the fields of a settings class that are tables."""
    plain = struct()
    parts = {name: type(getattr(plain, name)) for name in get_type_hints(struct)}
    return {name: part for name, part in parts.items() if issubclass(part, Table)}


@functools.cache
def arrays_of(struct: type) -> dict[str, type[Table]]:
    """Return {name: class} of the fields of a settings class that are arrays of tables."""
    items = {name: get_args(hint) for name, hint in get_type_hints(struct).items()}
    return {
        name: args[0]
        for name, args in items.items()
        if len(args) == 2 and isinstance(args[0], type) and issubclass(args[0], Table)
    }


def _setting(name: str, hint: Any, default: Any) -> Setting:
    annotations = getattr(hint, "__metadata__", ())
    meta = next((entry for entry in annotations if isinstance(entry, msgspec.Meta)), None)
    plain = hint.__origin__ if hasattr(hint, "__metadata__") else hint
    optional = False
    if get_origin(plain) in (types.UnionType, Union):  # Path | None, str | tuple[str, ...]
        optional = types.NoneType in get_args(plain)
        plain = get_args(plain)[0]
    if meta is None:
        return Setting(name, plain, default, optional)
    return Setting(
        name,
        plain,
        default,
        optional,
        help=meta.description or "",
        least=meta.ge,
        most=meta.le,
        **(meta.extra or {}),
    )


def read_toml(path: Path, hint: str = VALID_FILE) -> dict[str, Any]:
    """Return a TOML file's tables and values; UsageError if it is missing or malformed.

    hint: for a malformed one.
    """
    try:
        # Editors of Windows begin a text with a byte order mark.
        text = read_text(path, MAX_BYTES)
        import tomllib  # here: most runs have no settings file

        return tomllib.loads(text)
    except FileNotFoundError:
        raise UsageError(f"no settings file {path}", NEW_FILE) from None
    except PermissionError:  # the service's may have a camera's password
        raise UsageError(
            f"this user may not read the settings file {path}",
            "sudo, or join the group that may read it",
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        message = f"cannot read the settings file {path}: {os_reason(error)}"
        raise UsageError(message, hint) from error


def merge(settings: T, values: Mapping[str, Any], origin: str) -> T:
    """Return `settings` with some values replaced: {table: {key: value}}, or {key: value}.

    An array of tables, {name: [{key: value}, ...]}, is replaced as a whole. Raises UsageError,
    which begins with `origin`, for an unknown table or key (with the nearest name), a wrong type, a
    value out of its limits, and values that do not go together.
    """
    tables, arrays = tables_of(type(settings)), arrays_of(type(settings))
    changed: dict[str, Any] = {}
    for name, value in values.items():
        if name in arrays:
            changed[name] = _merge_array(arrays[name], value, f"{origin}: [[{name}]]", name)
        elif name in tables:
            changed[name] = _merge_table(
                getattr(settings, name), value, f"{origin}: [{name}]", name
            )
        elif isinstance(value, dict) and name not in settings_of(type(settings)):
            hint = f"[[{name}]]" if name in arrays else nearest(name, [*tables, *arrays])
            raise UsageError(f"{origin}: unknown [{one_line(name, 80)}]", hint)
        elif _is_array(value) and name not in settings_of(type(settings)):
            hint = nearest(name, [*arrays, *tables])
            raise UsageError(f"{origin}: unknown [[{one_line(name, 80)}]]", hint)
    plain = {name: values[name] for name in values if name not in changed}
    merged = msgspec.structs.replace(settings, **changed, **checked(settings, plain, f"{origin}:"))
    merged.check(f"{origin}:")
    return merged


def _merge_table(table: T, values: Any, origin: str, name: str) -> T:
    if not isinstance(values, dict):
        raise UsageError(f"{origin} = {_shown(values)}, need a table", f"[{name}] on a line")
    merged = msgspec.structs.replace(table, **checked(table, values, origin))
    merged.check(origin)
    return merged


def _merge_array(table: type[T], values: Any, origin: str, name: str) -> tuple[T, ...]:
    """Return the tables of an array; errors name one by its number, from 1."""
    if not isinstance(values, list | tuple):
        raise UsageError(f"{origin} = {_shown(values)}, need tables", f"[[{name}]] on a line")
    return tuple(
        value
        if isinstance(value, table)
        else _merge_table(table(), value, f"{origin} {number}:", f"[{name}]")
        for number, value in enumerate(values, 1)
    )


def _is_array(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def override(settings: T, values: Mapping[str, Any], origin: str = "settings") -> T:
    """Return `settings` with values replaced by key alone: min_hits=1, faces={"min_score": 0.7}.

    A key that several tables have means the one with a flag. Raises UsageError as `merge` does, and
    for a key that remains ambiguous.
    """
    parts, arrays = tables_of(type(settings)), arrays_of(type(settings))
    tables: dict[str, Any] = {key: value for key, value in values.items() if key in arrays}
    for key, value in values.items():
        if key in arrays:
            continue
        owners = [n for n, part in parts.items() if part.by_key and key in settings_of(part)]
        if len(owners) > 1:
            flagged = [name for name in owners if settings_of(parts[name])[key].flag]
            owners = flagged or owners
        if key in parts:
            if not isinstance(value, dict):
                hint = f'{key}={{"{next(iter(settings_of(parts[key])))}": ...}}'
                raise UsageError(f"{origin}: [{key}] = {_shown(value)}, need a table", hint)
            tables[key] = tables.get(key, {}) | value
        elif len(owners) == 1:
            tables.setdefault(owners[0], {})[key] = value
        elif owners:
            hint = f"{owners[0]}={{{key!r}: {value!r}}}"
            raise UsageError(f"{origin}: {key} is a key of {' and '.join(owners)}", hint)
        else:
            known = {
                *parts,
                *arrays,
                *(n for part in parts.values() if part.by_key for n in settings_of(part)),
            }
            raise UsageError(f"{origin}: unknown setting {key}", nearest(key, sorted(known)))
    return merge(settings, tables, origin)


def checked(part: Table, values: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """Return {key: value} as the types that the fields of the settings `part` have.

    Raises UsageError, which begins with `origin`, for an unknown key (with the nearest name), a
    wrong type and a value out of its limits.
    """
    settings = settings_of(type(part))
    for key in values:
        if key not in settings:
            tables = tables_of(type(part))
            owners = [name for name, inner in tables.items() if key in settings_of(inner)]
            hint = f"{key} below [{owners[0]}]" if owners else nearest(key, [*settings, *tables])
            raise UsageError(f"{origin} unknown setting {one_line(key, 80)}", hint)
    return {
        field_of(key): converted(
            settings[key], value, f"{origin} {key} =", f"{key} = {settings[key].suggestion}"
        )
        for key, value in values.items()
    }


def converted(setting: Setting, value: Any, label: str, hint: str) -> Any:
    """Return a TOML or Python value as the setting's type.

    label, hint: of the error, such as "facet.toml: [faces] min_face =" and "min_face = 24.0".
    Raises UsageError for a wrong type and a value out of its limits.
    """
    if value is None and setting.optional:
        return None
    if setting.several and isinstance(value, list | tuple) and value:
        single = msgspec.structs.replace(setting, several=False)
        values = tuple(converted(single, one, label, hint) for one in value)
        return values if len(values) > 1 else values[0]
    typed = _typed(setting, value)
    if typed is None:
        limits = f", {setting.limits}" if setting.limits else ""
        raise UsageError(f"{label} {_shown(value)}, need {_needs(setting)}{limits}", hint)
    if setting.choices and typed not in setting.choices:
        known = filter(None, setting.choices)
        raise UsageError(f"{label} {_shown(value)} is unknown", nearest(typed, known))
    if not setting.allows(typed):
        raise UsageError(f"{label} {_shown(value)}, need {setting.limits}", hint)
    return typed


def _typed(setting: Setting, value: Any) -> Any:
    """Return a value as the setting's type; None where that is impossible."""
    wanted, item = setting.type, setting.item
    if item:
        if not isinstance(value, list | tuple) or setting.count not in (None, len(value)):
            return None
        if item is float:
            value = [float(entry) if type(entry) is int else entry for entry in value]
        return tuple(value) if all(type(entry) is item for entry in value) else None
    if wanted is Path and isinstance(value, str | Path) and str(value) and "\0" not in str(value):
        path = expanded(value)
        return None if str(path)[0] == "~" and "/" in str(path) else path
    if wanted is float and isinstance(value, int | float) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # 10 ** 400
            return float(value)
    if wanted is str and type(value) is int:
        with contextlib.suppress(ValueError):  # of thousands of digits
            return str(value)  # source = 0
    return value if wanted in (bool, int, str) and type(value) is wanted else None


def expanded(path: Path | str) -> Path:
    """Return a path with ~ and ~user replaced; as it is if there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)  # a file such as "~a.csv"


def _needs(setting: Setting) -> str:
    if setting.several:
        return "text, or a list of texts"
    if setting.item is str:
        return 'a list of names, such as ["Smiling"]'
    if setting.count and setting.item is int:
        return f"{setting.count} whole numbers, such as [128, 160]"
    if setting.count and setting.item is float:
        return f"{setting.count} numbers, such as {toml(setting.default)}"
    if setting.item is int:
        return "a list of whole numbers, such as [128, 160]"
    return NEEDS.get(setting.type, "another type")


def _shown(value: Any) -> str:
    if isinstance(value, bool | date | time):  # as in TOML
        return str(value).lower()
    try:
        return one_line(repr(value), 80)
    except ValueError:  # Python prints no number of more than 4300 digits
        return "is a number of thousands of digits"
