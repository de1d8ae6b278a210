import shutil

import numpy as np
import pytest

from train.celeba import main
from train.data.celeba import ATTRIBUTES, read_celeba, summary
from train.data.split import DataError


def edit(path, line, text):
    """Replace one line, counted from 1, of a file."""
    lines = path.read_text().split("\n")
    lines[line - 1] = text
    path.write_text("\n".join(lines))


def test_splits_and_labels(celeba):
    data = read_celeba(celeba)
    assert [len(data.splits[s]) for s in ("train", "val", "test")] == [24, 12, 12]
    assert data.skipped == ()
    val = data.splits["val"]
    assert val.photos[0].name == "000025.jpg"
    line = (celeba / "list_attr_celeba.txt").read_text().split("\n")[2 + 24].split()
    np.testing.assert_array_equal(val.labels[0], [v == "1" for v in line[1:]])


def test_kaggles_csv_says_the_same(celeba, tmp_path):
    official = read_celeba(celeba)
    kaggle = tmp_path / "kaggle"
    shutil.copytree(celeba / "img_align_celeba", kaggle / "img_align_celeba" / "img_align_celeba")
    rows = [line.split() for line in (celeba / "list_attr_celeba.txt").read_text().splitlines()[2:]]
    text = "\n".join(",".join(row) for row in [("image_id", *ATTRIBUTES), *rows]) + "\n"
    (kaggle / "list_attr_celeba.csv").write_text(text)
    split = (celeba / "list_eval_partition.txt").read_text().replace(" ", ",")
    (kaggle / "list_eval_partition.csv").write_text("image_id,partition\n" + split)
    data = read_celeba(kaggle)
    for name, one in data.splits.items():
        np.testing.assert_array_equal(one.labels, official.splits[name].labels)
        assert [p.name for p in one.photos] == [p.name for p in official.splits[name].photos]


def test_bad_photos_are_left_out_and_listed(celeba):
    folder = celeba / "img_align_celeba"
    (folder / "000003.jpg").unlink()
    whole = (folder / "000005.jpg").read_bytes()
    (folder / "000005.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "000007.jpg").write_bytes(b"")
    data = read_celeba(celeba)
    skipped = dict(data.skipped)
    assert set(skipped) == {"000003.jpg", "000005.jpg", "000007.jpg"}
    assert skipped["000003.jpg"] == "no such file" and "truncated" in skipped["000005.jpg"]
    assert len(data.splits["train"]) == 21
    assert "3 photos left out: 000003.jpg (no such file)" in summary(data)


def test_bytes_after_a_whole_photo_do_not_condemn_it(celeba):
    with (celeba / "img_align_celeba" / "000001.jpg").open("ab") as file:
        file.write(b"\0\0")
    assert read_celeba(celeba).skipped == ()


def test_photos_without_label_or_split_are_left_out(celeba):
    attributes = celeba / "list_attr_celeba.txt"
    lines = attributes.read_text().splitlines()
    attributes.write_text("\n".join(lines[:-1]) + "\n")
    partition = celeba / "list_eval_partition.txt"
    partition.write_text("\n".join(partition.read_text().splitlines()[1:]) + "\n")
    assert read_celeba(celeba).skipped == (
        ("000001.jpg", "has no split"),
        ("000048.jpg", "has no label"),
    )


@pytest.mark.parametrize(
    "file, line, text, message",
    [
        ("list_attr_celeba.txt", 4, "000002.jpg 1 -1", "line 4: 3 cells, expected 41"),
        (
            "list_attr_celeba.txt",
            4,
            "./000001.jpg" + " 1" * 40,
            "line 4: '000001.jpg' has other labels",
        ),
        ("list_attr_celeba.txt", 5, "000003.jpg " + "2 " * 40, "line 5: '2' is not 1 or -1"),
        ("list_attr_celeba.txt", 2, " ".join(ATTRIBUTES[:38]), "line 3: 41 cells, expected 38"),
        ("list_eval_partition.txt", 3, "000003.jpg 3", "line 3: expected a photo and 0, 1 or 2"),
        ("list_eval_partition.txt", 3, "000003.jpg", "line 3: 1 cell, expected 2"),
        (
            "list_eval_partition.txt",
            3,
            "000002.jpg 2",
            "line 3: '000002.jpg' is in train and in test",
        ),
    ],
)
def test_a_malformed_line_is_named(celeba, file, line, text, message):
    edit(celeba / file, line, text)
    with pytest.raises(DataError, match=f"{file}, {message}"):
        read_celeba(celeba)


def test_a_file_that_is_no_text(celeba):
    (celeba / "list_attr_celeba.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"cannot read .*list_attr_celeba.txt"):
        read_celeba(celeba)


@pytest.mark.parametrize("name", ["img_align_celeba", "list_attr_celeba.txt"])
def test_what_is_missing_is_named(celeba, name):
    path = celeba / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(DataError, match=name.removesuffix(".txt")):
        read_celeba(celeba)


def test_the_command_prints_counts(celeba, capsys):
    main(["--data", str(celeba)])
    printed = capsys.readouterr().out
    assert "162,770" in printed and "no photo left out" in printed
    positives = read_celeba(celeba).splits["train"].labels[:, ATTRIBUTES.index("Smiling")].sum()
    row = next(line for line in printed.splitlines() if line.startswith("Smiling"))
    assert row.split()[1] == str(positives)


@pytest.mark.data
def test_the_real_part_of_celeba():
    from tests.conftest import DATA

    data = read_celeba(DATA / "celeba")
    assert [len(data.splits[s]) for s in ("train", "val", "test")] == [37_616, 2_220, 2_250]
    assert data.skipped == ()
