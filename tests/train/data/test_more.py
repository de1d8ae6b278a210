"""Further photos to train on: layouts, unknown labels, and what is left out or refused."""

import shutil

import cv2
import numpy as np
import pytest

from tests.conftest import make_celeba
from train.data.celeba import ATTRIBUTES, read_celeba
from train.data.held_out import are_held_out, held_out
from train.data.more import groups_of, utkface_groups, with_more
from train.data.select import counts_line, with_attributes
from train.data.split import UNKNOWN, DataError, Split, fingerprint, targets
from train.data.utkface import UtkFace, is_young, read_utkface
from train.training.config import FitSettings

NAMES = ("Young", "Smiling", "Male")
FACES = (  # file, age, gender, race; Young, Smiling and Male
    ("a.jpg", 34, "female", "Asian", (1, UNKNOWN, 0)),
    ("b.jpg", 35, "male", "White", (UNKNOWN, UNKNOWN, 1)),
    ("c.jpg", 50, "female", "Black", (UNKNOWN, UNKNOWN, 0)),
    ("d.jpg", 51, "male", "Asian", (0, UNKNOWN, 1)),
)


def make_utkface(folder, order=("file", "age", "gender", "race"), inside="", size=(178, 218)):
    """Write aligned faces and their labels.csv."""
    (folder / inside).mkdir(parents=True)
    table = [",".join(order)]
    for number, (file, age, gender, race, _) in enumerate(FACES):
        cells = {"file": file, "age": age, "gender": gender, "race": race}
        table.append(",".join(str(cells[name.lower()]) for name in order))
        picture = np.full((size[1], size[0], 3), 40 * number, np.uint8)
        cv2.imwrite(str(folder / inside / file), picture)
    (folder / "labels.csv").write_text("\n".join(table) + "\n")
    return folder


@pytest.fixture
def train(celeba):
    return with_attributes(read_celeba(celeba).splits["train"], NAMES)


def more(train, *folders, **options):
    return with_more(train, [str(folder) for folder in folders], **{"balance": 0.0} | options)


def test_without_folders_and_balance_the_split_is_the_same(train):
    assert more(train) is train
    assert targets(np.array([0, 1, UNKNOWN], np.uint8)).tolist() == [0, 1, -1]


@pytest.mark.parametrize(
    "age, young", [(18, True), (34, True), (35, None), (50, None), (51, False)]
)
def test_young_is_known_below_35_and_above_50(age, young):
    assert is_young(age) is young


@pytest.mark.parametrize(
    "order", [("file", "age", "gender", "race"), ("Race", "Gender", "file", "Age")]
)
@pytest.mark.parametrize("inside", ["", "images"])
def test_utkface_has_male_and_young_and_nothing_else(train, tmp_path, order, inside):
    folder = make_utkface(tmp_path / "utkface", order, inside)
    both = more(train, folder)
    assert both.name == "train" and both.attributes == NAMES and both.weights is None
    assert both.photos[:24] == train.photos
    assert [photo.name for photo in both.photos[24:]] == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert all(photo.is_file() for photo in both.photos)
    np.testing.assert_array_equal(both.labels[:24], train.labels)
    assert [tuple(row) for row in both.labels[24:]] == [face[4] for face in FACES]
    assert both.labels.dtype == np.uint8


def test_attributes_are_found_by_their_names_in_any_order(train, tmp_path):
    folder = make_celeba(tmp_path / "further" / "celeba", train=6, val=2, test=2)
    rename(folder, "x")
    table = folder / "list_attr_celeba.txt"
    count, header, *rows = table.read_text().splitlines()
    cells = [dict(zip(header.split(), row.split()[1:], strict=True)) for row in rows]
    kept = ["Male", "Bald", "young"]  # without Smiling
    lines = [
        " ".join([row.split()[0], *(named[name.capitalize()] for name in kept)])
        for row, named in zip(rows, cells, strict=True)
    ]
    table.write_text("\n".join([count, " ".join(kept), *lines]) + "\n")
    both = more(train, folder)
    assert len(both) == 24 + 6  # the training photos alone
    expected = [
        (int(named["Young"] == "1"), UNKNOWN, int(named["Male"] == "1")) for named in cells[:6]
    ]
    assert [tuple(row) for row in both.labels[24:]] == expected


def test_a_folder_without_the_attributes_is_refused(celeba, tmp_path):
    bald = with_attributes(read_celeba(celeba).splits["train"], ("Bald",))
    folder = make_utkface(tmp_path / "utkface")
    with pytest.raises(DataError, match="has none of the attributes to learn"):
        more(bald, folder)
    table = rename(make_celeba(tmp_path / "further", train=2), "x") / "list_attr_celeba.txt"
    table.write_text(table.read_text().replace(" Bald ", " Hairless "))
    with pytest.raises(DataError, match="has none of the attributes to learn"):
        more(bald, tmp_path / "further")


def rename(folder, start):
    """Give the photos of a made-up CelebA names, and contents, that no other has."""
    for photo in sorted((folder / "img_align_celeba").iterdir()):
        with photo.open("ab") as file:
            file.write(b"\xff\xd9")
        photo.rename(photo.with_name(start + photo.name))
    for table in folder.glob("*.txt"):
        lines = table.read_text().splitlines()
        rows = [start + line if line[:1] == "0" else line for line in lines]
        table.write_text("\n".join(rows) + "\n")
    return folder


def test_limit_is_of_each_folder_and_weights_are_of_its_groups(train, tmp_path):
    folder = make_utkface(tmp_path / "utkface")
    assert len(more(train, folder, folder, limit=3)) == 24 + 3 + 3
    limited = more(train, folder, limit=2).photos[24:]
    assert limited == (more(train, folder).photos[24], more(train, folder).photos[-1])
    both = more(train, folder, balance=1.0)
    assert both.weights.dtype == np.float32 and both.weights.shape == (28,)
    np.testing.assert_allclose(both.weights[24:], 1)  # every group has one face
    assert both.weights[:24].mean() == pytest.approx(1) and both.weights[:24].std() > 0.1
    alone = more(train, balance=1.0)
    np.testing.assert_array_equal(alone.weights, both.weights[:24])


def test_balance_without_groups_is_logged(celeba, caplog):
    bald = with_attributes(read_celeba(celeba).splits["train"], ("Bald",))
    with caplog.at_level("INFO", "facet"):
        np.testing.assert_array_equal(more(bald, balance=0.5).weights, 1)
    assert caplog.messages == [
        "--balance changes nothing: the photos have no groups of Male and Young"
    ]


def test_groups_are_of_gender_age_and_race():
    people = [
        UtkFace("", age, gender, race)
        for age, gender, race in (
            (29, "male", "White"),
            (30, "male", "White"),
            (44, "male", "White"),
            (44, "female", "White"),
            (44, "female", "Black"),
        )
    ]
    first, second, third, fourth, fifth = utkface_groups(people)
    assert second == third and len({first, second, fourth, fifth}) == 4


def test_groups_of_celeba_are_of_gender_and_age_as_far_as_known():
    labels = np.array([[1, 0], [0, 1], [1, 1], [1, UNKNOWN], [1, 0]], np.uint8)
    split = Split("train", ("photo",) * 5, labels, ("Young", "Male"))
    groups = groups_of(split)
    assert groups[0] == groups[4] and len(set(groups.tolist())) == 4
    other = Split("train", ("photo",) * 5, labels, ("Bald", "Bangs"))
    assert set(groups_of(other).tolist()) == {0}


@pytest.fixture
def data(tmp_path):
    """A CelebA with a person for every two photos: 24 to train on, 12 to validate, 12 to test."""
    root = make_celeba(tmp_path / "data")
    identities = [f"{number:06}.jpg {(number + 1) // 2}" for number in range(1, 49)]
    (root / "identity_CelebA.txt").write_text("\n".join(identities) + "\n")
    return root


def test_photos_and_people_to_validate_and_test_on_are_left_out(data, tmp_path, caplog):
    further = rename(make_celeba(tmp_path / "further", train=8, val=0, test=0), "x")
    photos = further / "img_align_celeba"
    # Two by their names, one by its content, two by their person; three remain.
    renamed = {"x000001": "000025", "x000002": "000048"}
    shutil.copy(data / "img_align_celeba" / "000030.jpg", photos / "x000003.jpg")
    for table in further.glob("*.txt"):
        text = table.read_text()
        for before, after in renamed.items():
            text = text.replace(before, after)
        table.write_text(text)
    for before, after in renamed.items():
        (photos / f"{before}.jpg").rename(photos / f"{after}.jpg")
    people = {4: 13, 5: 24, 6: 12, 7: 1, 8: 99}  # 13 to 24 are in val and test, 1 and 12 in train
    rows = [f"x{number:06}.jpg {person}" for number, person in people.items()]
    (further / "identity_CelebA.txt").write_text("\n".join(rows) + "\n")

    found = read_celeba(data)
    train = with_attributes(found.splits["train"], NAMES)
    with caplog.at_level("INFO", "facet"):
        both = with_more(train, [str(further)], 0.5, 2, held_out(found, data))
    assert [photo.name for photo in both.photos[24:]] == ["x000006.jpg", "x000008.jpg"]
    assert f"{further}: 5 photos left out, of photos or people to validate or test on" in (
        caplog.messages
    )
    assert f"{further}: 2 further photos to train on" in caplog.messages
    assert both.weights.shape == (26,)


def test_the_further_folder_may_know_the_people_of_the_data(data, tmp_path):
    further = rename(make_celeba(tmp_path / "further", train=4, val=0, test=0), "x")
    rows = "x000001.jpg 7\nx000002.jpg 8\n000025.jpg 8\n"
    (further / "identity_CelebA.txt").write_text(rows)
    (data / "identity_CelebA.txt").unlink()
    photos = [further / "img_align_celeba" / f"x00000{number}.jpg" for number in (1, 2)]
    held = held_out(read_celeba(data), data)
    assert are_held_out(photos, further, held).tolist() == [False, True]


def test_a_photo_of_the_same_name_is_left_out_without_identities(celeba, tmp_path):
    held = held_out(read_celeba(celeba), celeba)
    photos = [tmp_path / name for name in ("000024.jpg", "000025.PNG", "000048.jpg", "25.jpg")]
    for number, photo in enumerate(photos):
        photo.write_bytes(b"x" * number)
    assert are_held_out(photos, tmp_path, held).tolist() == [False, True, True, False]


def test_files_of_equal_size_and_other_content_stay(tmp_path):
    for name, content in (("a", b"1234"), ("b", b"1235"), ("c", b"1234"), ("d", b"")):
        (tmp_path / f"{name}.jpg").write_bytes(content)
    paths = [tmp_path / f"{name}.jpg" for name in "abcd"]
    split = Split("val", (paths[0], tmp_path / "gone.jpg"), np.zeros((2, 0), np.uint8), ())
    held = held_out(
        type("Data", (), {"splits": {"val": split, "test": Split("test", (), split.labels, ())}})(),
        tmp_path,
    )
    found = are_held_out([*paths[1:], tmp_path / "gone2.jpg"], tmp_path, held)
    assert found.tolist() == [False, True, False, False]


def test_the_fingerprint_is_of_weights_too(train):
    weighted = more(train, balance=0.5)
    other = more(train, balance=0.6)
    assert len({fingerprint([split]) for split in (train, weighted, other)}) == 3
    assert fingerprint([weighted]) == fingerprint([more(train, balance=0.5)])


def test_the_line_of_counts_names_further_photos_and_unknown_labels(celeba, tmp_path):
    splits = read_celeba(celeba).splits
    assert counts_line(splits, FitSettings()).startswith("24 photos to train on, 12 to validate")
    both = more(splits["train"], make_utkface(tmp_path / "utkface"))
    line = counts_line({**splits, "train": both}, FitSettings(), further=4)
    unknown = 4 * (len(ATTRIBUTES) - 2) + 2
    assert line.startswith(
        f"28 photos to train on (4 of --more, {unknown} of 1,120 labels unknown), 12 to validate"
    )


def test_a_missing_folder_names_the_nearest(train, tmp_path):
    make_utkface(tmp_path / "utkface_aligned")
    wrong = tmp_path / "utkface_alined"
    with pytest.raises(DataError) as error:
        more(train, wrong)
    near = tmp_path / "utkface_aligned"
    assert str(error.value) == f"--more {wrong}: no such folder. Try: --more {near}"
    with pytest.raises(DataError, match=r"no such folder\. Try: --more FOLDER with CelebA"):
        more(train, tmp_path / "nowhere" / "at" / "all")


def test_photos_that_are_not_aligned_name_the_command(train, tmp_path):
    square = make_utkface(tmp_path / "square", size=(200, 200))
    command = f"python -m train.utkface --data {square} --align ALIGNED"
    with pytest.raises(DataError, match=r"100 % of the photos in .* not have the shape") as error:
        more(train, square)
    assert error.value.hint == command
    (square / "labels.csv").unlink()  # as distributed: labels in the names
    with pytest.raises(DataError, match=r"has neither CelebA's tables nor a labels.csv") as error:
        more(train, square)
    assert error.value.hint == command


def test_a_damaged_folder_is_named_with_the_flag_more(train, tmp_path):
    folder = make_utkface(tmp_path / "utkface")
    for face in FACES[1:]:
        (folder / face[0]).unlink()
    assert len(more(train, folder)) == 25
    (folder / FACES[0][0]).unlink()
    with pytest.raises(DataError, match=r"none of the photos in .*labels.csv is there"):
        more(train, folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="Try: --more FOLDER"):
        more(train, tmp_path / "empty")
    further = rename(make_celeba(tmp_path / "further", train=2), "x")
    with pytest.raises(DataError, match=f"Try: --more {further}$"):
        more(train, further / "img_align_celeba")
    (further / "list_eval_partition.txt").unlink()
    with pytest.raises(DataError, match=r"no list_eval_partition.*Try: --more FOLDER"):
        more(train, further)
    (further / "list_attr_celeba.txt").write_text("2\nMale Young\nx000001.jpg 1\n")
    with pytest.raises(DataError, match=r"list_attr_celeba.txt, line 3: "):
        more(train, further)


def test_photos_of_a_table_are_found_in_images(tmp_path):
    folder = make_utkface(tmp_path / "utkface", inside="images")
    assert all(person.photo.is_file() for person in read_utkface(folder))
