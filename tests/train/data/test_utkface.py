import pytest

from train.data.split import DataError
from train.data.utkface import read_utkface


def labels(folder):
    return [(face.photo.name, face.age, face.gender, face.race) for face in read_utkface(folder)]


@pytest.mark.parametrize(
    "table",
    [
        "file,age,gender,race\na.jpg,31,female,Asian\nb.jpg,18,male,White\nc.jpg,7,male,Black\n",
        "Race;Gender;Age;image_id\n2;1;31.0;a.jpg\n0;0;18;b.jpg\n1;0;7;c.jpg\n",
        ",file,age,gender,race\n0,a.jpg,31,F,Asian\n1,b.jpg,18,M,White\n",
    ],
)
def test_adults_of_a_table(tmp_path, table):
    (tmp_path / "Labels.csv").write_text(table)
    assert labels(tmp_path) == [
        ("a.jpg", 31, "female", "Asian"),
        ("b.jpg", 18, "male", "White"),
    ]


@pytest.mark.parametrize("place", [".", "images"])
def test_photos_are_beside_the_table_or_in_images(tmp_path, place):
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / "labels.csv").write_text("file,age,gender,race\na.jpg,31,female,Asian\n")
    (face,) = read_utkface(tmp_path)
    assert face.photo == tmp_path / place / "a.jpg"


def test_adults_of_the_names(tmp_path, capfd):
    (tmp_path / "part1").mkdir()
    for name in ("31_1_2_2017.jpg.chip.jpg", "18_0_0_2017.JPG", "7_0_1_2017.jpg", "61_1_2017.jpg"):
        (tmp_path / "part1" / name).touch()
    assert labels(tmp_path) == [
        ("18_0_0_2017.JPG", 18, "male", "White"),
        ("31_1_2_2017.jpg.chip.jpg", 31, "female", "Asian"),
    ]
    assert "1 photo in" in capfd.readouterr().err


@pytest.mark.parametrize(
    "row", ["a.jpg,old,male,White", "a.jpg,31,x,White", "a.jpg,31,male,7", "a.jpg,1.5,male,White"]
)
def test_a_malformed_line_is_named(tmp_path, row):
    (tmp_path / "labels.csv").write_text(f"file,age,gender,race\n{row}\n")
    with pytest.raises(DataError, match=r"line 2: expected file,age,gender,race"):
        read_utkface(tmp_path)


def test_a_folder_without_labels(tmp_path):
    with pytest.raises(DataError, match=r"no labels.csv in .*age_gender_race_date.jpg"):
        read_utkface(tmp_path)
