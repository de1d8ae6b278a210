"""Split text files of any encoding, separator, quotes and line ends into lines of cells."""

import codecs
import csv
import io
import itertools
import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from device.errors import os_reason
from device.files import open_regular
from device.log import log
from train.data.split import DataError

MAX_BYTES = 256_000_000  # CelebA's labels take 25 MB
Line = tuple[int, tuple[str, ...]]  # its number, its cells
# Of those that a line has equally often, the first: a comma may be that of a decimal number.
SEPARATORS = ("\t", ";", "|", ",")
BLANKS = ""  # the separator of a line with none of them
BOMS = (  # UTF-32's before UTF-16's, which it starts with
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
BLOCK = 1 << 20  # bytes
OTHER_FILES = {  # the first bytes -> what it is, and a hint
    b"PK\x03\x04": ("a spreadsheet", "save it as CSV in UTF-8"),  # .xlsx, .ods
    b"\xd0\xcf\x11\xe0": ("a spreadsheet", "save it as CSV in UTF-8"),  # .xls
    b"<!doctype html": ("a web page", "download the file again"),
    b"<html": ("a web page", "download the file again"),
    b"version https://git-lfs": ("a pointer of Git LFS", "git lfs pull"),
}
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # of Excel
COUNT_LINE = re.compile(r'"?\d*"?[\s,;|]*')  # CelebA's labels start with the number of photos
COMMENT = re.compile(r"#(?![,;|\t])")  # and no column called #
QUOTED = re.compile(r'"[^"]*"')


def read_lines(path: Path, hint: str) -> Iterator[Line]:
    """Yield the number and the stripped cells, in NFC, of each line that has any.

    Leaves out comments (#), the count of photos and Excel's `sep=` line at the start. Raises
    DataError, with `hint`, if the file is missing, larger than MAX_BYTES or no text.
    """
    try:
        with open_regular(path) as file:
            encoding = _encoding(path, file)
            file.seek(0)
            with io.TextIOWrapper(file, encoding, newline="") as text:
                yield from _cells(text)
    except DataError:
        raise
    except UnicodeError:
        raise DataError(f"cannot read {path}: it is no text", hint) from None
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {os_reason(error)}", hint) from error


def _encoding(path: Path, file: BinaryIO) -> str:
    """Return the encoding by the byte-order mark, else UTF-8, else that of Western Windows."""
    if os.fstat(file.fileno()).st_size > MAX_BYTES:
        raise OSError(f"it has more than {MAX_BYTES // 1_000_000} MB")
    head = file.read(BLOCK)
    for mark, name in BOMS:
        if head.startswith(mark):
            return name
    for start, (what, hint) in OTHER_FILES.items():
        if head.lstrip().lower().startswith(start.lower()):
            raise DataError(f"cannot read {path}: it is {what}", hint)
    if b"\0" in head:
        return _utf16(head)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in itertools.chain([head], iter(lambda: file.read(BLOCK), b"")):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        log.info(f"{path} is not in UTF-8, it is read as Windows-1252")
        return "cp1252"
    return "utf-8"


def _utf16(head: bytes) -> str:
    """Return UTF-16's byte order by where the zero bytes of Latin letters are."""
    low, high = head[::2].count(0), head[1::2].count(0)
    if max(low, high) < 0.8 * len(head) / 2:
        raise UnicodeError("zero bytes")
    return "utf-16-le" if high > low else "utf-16-be"


def _cells(text: Iterator[str]) -> Iterator[Line]:
    """Yield the lines of a text, separated as its first line is."""
    start, first = 1, next(text, "")
    separator = ""
    while first:
        named = SEPARATOR_LINE.fullmatch(first)
        if not (named or COMMENT.match(first) or COUNT_LINE.fullmatch(first)):
            break
        separator = named[1] if named else separator
        start, first = start + 1, next(text, "")
    separator = separator or _separator(first)
    lines = (
        line if line.isascii() else unicodedata.normalize("NFC", line)
        for line in itertools.chain([first], text)
    )
    rows = _split_at_blanks(lines) if separator == BLANKS else _split(lines, separator)
    for number, cells in rows:
        if any(cells):
            yield start + number, cells


def _separator(line: str) -> str:
    bare = QUOTED.sub("", line)
    found = max(SEPARATORS, key=bare.count)
    return found if found in bare else BLANKS


def _split(lines: Iterator[str], separator: str) -> Iterator[Line]:
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    number = 0
    for cells in reader:
        yield number, tuple(map(str.strip, cells))
        number = reader.line_num  # a quoted cell may span lines


def _split_at_blanks(lines: Iterator[str]) -> Iterator[Line]:
    for number, line in enumerate(lines):
        if '"' in line:
            (line_cells,) = csv.reader([line.strip()], delimiter=" ", skipinitialspace=True)
            yield number, tuple(line_cells)
        else:
            yield number, tuple(line.split())
