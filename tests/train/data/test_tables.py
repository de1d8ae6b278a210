import codecs

import pytest

from train.data.split import DataError
from train.data.tables import read_table, truth

HINT = "--data DIR"
HEADER = ("file", "smile", "hat")
ROWS = [("a.jpg", "1", "0"), ("b b.jpg", "0", "1")]
SPELLINGS = {
    "commas": "file,smile,hat\na.jpg,1,0\nb b.jpg,0,1\n",
    "semicolons": "file;smile;hat\na.jpg;1;0\nb b.jpg;0;1\n",
    "tabs": "file\tsmile\that\na.jpg\t1\t0\nb b.jpg\t0\t1\n",
    "bars": "file|smile|hat\na.jpg|1|0\nb b.jpg|0|1\n",
    "all quoted": '"file","smile","hat"\n"a.jpg","1","0"\n"b b.jpg","0","1"\n',
    "pandas' index": ",file,smile,hat\n0,a.jpg,1,0\n17,b b.jpg,0,1\n",
    "two of pandas' indices": "Unnamed: 0.1,Unnamed: 0,file,smile,hat\n0,0,a.jpg,1,0\n1,1,"
    "b b.jpg,0,1\n",
    "R's write.csv": '"","file","smile","hat"\n"1","a.jpg",1,0\n"2","b b.jpg",0,1\n',
    "R's write.table": '"file" "smile" "hat"\n"1" "a.jpg" 1 0\n"2" "b b.jpg" 0 1\n',
    "Excel's first line": "sep=;\nfile;smile;hat\na.jpg;1;0\nb b.jpg;0;1\n",
    "blank lines": "\n\nfile,smile,hat\n\na.jpg,1,0\n,,\n   \nb b.jpg,0,1\n\n",
    "trailing separators": "file,smile,hat,,\na.jpg,1,0,,\nb b.jpg,0,1,,\n",
    "trailing separators in rows": "file,smile,hat\na.jpg,1,0,\nb b.jpg,0,1,\n",
    "numbers of rows": "#,file,smile,hat\n1,a.jpg,1,0\n2,b b.jpg,0,1\n",
    "comments": "# my labels\n#\nfile,smile,hat\na.jpg,1,0\nb b.jpg,0,1\n",
    "blanks around": " file , smile , hat\n a.jpg , 1 , 0\n b b.jpg , 0 , 1\n",
    "blanks before quotes": '"file", "smile", "hat"\n"a.jpg", 1, 0\n"b b.jpg", 0, 1\n',
    "no last line end": "file,smile,hat\na.jpg,1,0\nb b.jpg,0,1",
    "count first": "2\nfile,smile,hat\na.jpg,1,0\nb b.jpg,0,1\n",
    "count with separators": "2,,\nfile,smile,hat\na.jpg,1,0\nb b.jpg,0,1\n",
}
ENCODINGS = {
    "utf-8": b"",
    "utf-8 with a BOM": codecs.BOM_UTF8,
    "utf-16-le with a BOM": codecs.BOM_UTF16_LE,
    "utf-16-be with a BOM": codecs.BOM_UTF16_BE,
    "utf-16-le": b"",
    "utf-32-le with a BOM": codecs.BOM_UTF32_LE,
}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_table_in_any_spelling(tmp_path, text, end):
    path = tmp_path / "labels.csv"
    path.write_bytes(text.replace("\n", end).encode())
    table = read_table(path, HINT)
    assert table.header == HEADER and table.first == ROWS[0]
    assert [cells for _, cells in table.rows] == ROWS


@pytest.mark.parametrize("name, mark", ENCODINGS.items(), ids=ENCODINGS)
def test_a_table_in_any_encoding(tmp_path, name, mark):
    path = tmp_path / "labels.csv"
    text = "file;gl\u00fccklich\nJos\u00e9.jpg;1\n"
    path.write_bytes(mark + text.encode(name.partition(" ")[0]))
    table = read_table(path, HINT)
    assert table.header == ("file", "gl\u00fccklich")
    assert list(table.rows) == [(2, ("Jos\u00e9.jpg", "1"))]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_a_table_of_windows_is_named(tmp_path, capfd, encoding):
    path = tmp_path / "labels.csv"
    path.write_bytes("file,smile\nJos\u00e9.jpg,1\n".encode(encoding))
    assert list(read_table(path, HINT).rows) == [(2, ("Jos\u00e9.jpg", "1"))]
    assert f"{path} is not in UTF-8, it is read as Windows-1252" in capfd.readouterr().err


def test_names_are_in_one_normal_form(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("file,glu\u0308cklich\nJose\u0301.jpg,1\n")
    table = read_table(path, HINT)
    assert table.header == ("file", "gl\u00fccklich") and table.first[0] == "Jos\u00e9.jpg"


@pytest.mark.parametrize(
    "text, header, rows",
    [
        ("", (), []),
        ("\n \n", (), []),
        ("file,smile\n", ("file", "smile"), []),
        ("a.jpg 0\nb.jpg 2\n", (), [(1, ("a.jpg", "0")), (2, ("b.jpg", "2"))]),
        ("a.JPG,0\nb.JPG,2\n", (), [(1, ("a.JPG", "0")), (2, ("b.JPG", "2"))]),
        ("1\nMale  Young \na.jpg -1  1\n", ("", "Male", "Young"), [(3, ("a.jpg", "-1", "1"))]),
        ("file;x\na.jpg;0,5\n", ("file", "x"), [(2, ("a.jpg", "0,5"))]),
        ('f,"a\nb"\na.jpg,1\nb.jpg,0\n', ("f", "a\nb"), [(3, ("a.jpg", "1")), (4, ("b.jpg", "0"))]),
        ("file,smile\n1,1\n2,0\n", ("file", "smile"), [(2, ("1", "1")), (3, ("2", "0"))]),
        (",smile\n1,1\n", ("", "smile"), [(2, ("1", "1"))]),
        ("file,smile\na.jpg,\n", ("file", "smile"), [(2, ("a.jpg", ""))]),
    ],
)
def test_header_and_line_numbers(tmp_path, text, header, rows):
    path = tmp_path / "labels.txt"
    path.write_text(text)
    table = read_table(path, HINT)
    assert table.header == header and list(table.rows) == rows


@pytest.mark.parametrize(
    "content, message",
    [
        (b"file,smile\na.jpg,1,0\n", "line 2: 3 cells, expected 2"),
        (b"file,smile\na.jpg,1\nb.jpg\n", "line 3: 1 cell, expected 2"),
        (b"file,a,a\nx.jpg,1,0\n", "two columns 'a'"),
        (b"\xff\xfe\x00", "it is no text"),
        (b"\x00\x01\x02\x03\x00\xff" * 9, "it is no text"),
        (b"PK\x03\x04...", "it is a spreadsheet. Try: save it as CSV"),
        (b"\n<!DOCTYPE html>\n<html>", "it is a web page. Try: download the file again"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS. Try: git lfs"),
    ],
)
def test_what_is_no_table_is_named(tmp_path, content, message):
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"labels\.csv") as error:
        list(read_table(path, HINT).rows)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "cells, meaning",
    [
        (
            ("1", "1.0", "1.", "1,0", "+1", " 1 ", "01", "1.000e+00", "True", "TRUE", "T", "Yes"),
            True,
        ),
        (("y", "on", "WAHR", "ja", "VRAI", '"1"'), True),
        (
            ("0", "-1", "-1.0", "-1,0", "\u22121", "0.0", "-0", "False", "FALSE", "F", "No", "n"),
            False,
        ),
        (("FALSCH", "nein", "off", "'0'"), False),
        (("", " ", "2", "0.5", "nan", "-2", "inf", "ye", "smiling", "?", "1 0", "-"), None),
    ],
)
def test_spellings_of_yes_and_no(cells, meaning):
    assert {cell: truth(cell) for cell in cells} == dict.fromkeys(cells, meaning)


@pytest.mark.parametrize(
    "text, column",
    [
        ("file,smile\na.jpg,1\n", 0),
        ("smile,file\n1,a.jpg\n", 1),
        ("smile,image_id\n1,17\n", 1),
        ("image,smile,file_name\n0,1,a.jpg\n", 2),
        ("0,a.jpg\n", 1),
        ("who,smile\nann,1\n", 0),
        ("", 0),
    ],
)
def test_the_column_of_the_photos(tmp_path, text, column):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    assert read_table(path, HINT).photo_column() == column
