"""The command on this computer: rows, resumption, refusals, faults."""

import io
import json
import os
import shutil
import signal
import tarfile
import time

import cv2
import pytest
from msgspec.structs import replace

from device.api import analyze
from device.errors import FacetError, UsageError
from device.label.crumbs import DEATHS, Crumbs, LethalError
from device.label.folder import Folder
from device.label.progress import Progress, duration
from device.label.run import Request, label
from device.label.shards import Shard
from device.label.table import Counts
from device.label.worker import Assignment, card_of, label_shard
from device.settings import Settings
from tests.device.label.conftest import environment, rows_of, run, spawned, start, write_photos

parquet = pytest.importorskip("pyarrow.parquet", reason="no pyarrow (requirements-label.txt)")


def request(source, out, **more) -> Request:
    return Request(str(source), str(out), Settings(), **{"workers": 1, **more})


@pytest.fixture(scope="module")
def labelled(archive, tmp_path_factory):
    out = tmp_path_factory.mktemp("labels") / "out"
    done = run(archive, "--out", out, "--workers", 2, "--shard-size", 8)
    assert done.returncode == 0, done.stderr
    return out, done


def test_each_photo_has_its_rows_once(archive, labelled):
    out, done = labelled
    rows = rows_of(out)
    assert sorted(row["path"] for row in rows) == sorted(map(str, (archive / "a").iterdir()))
    assert "43 pictures: 40 faces, 40 classified; 0 without a face, 3 not readable" in done.stdout
    assert "43 inputs in 6 shards; processes: 2" in done.stderr
    assert not [file for file in out.iterdir() if file.name.endswith((".at", ".part"))]


def test_what_cannot_be_read_says_why(labelled):
    failures = {r["path"].rpartition("/")[2]: r for r in rows_of(labelled[0]) if r["reason"]}
    assert set(failures) == {"broken.jpg", "cut.jpg", "empty.png"}
    assert failures["empty.png"]["reason"] == "it is empty"
    for row in failures.values():
        assert (row["state"], row["face"], row["x"], row["Smiling"]) == (
            "unreadable",
            0,
            None,
            None,
        )


def test_a_row_is_what_the_device_sees(archive, labelled):
    row = rows_of(labelled[0])[0]
    (face,) = analyze(row["path"])
    assert row["state"] == face.state == "ok"
    assert [row[side] for side in ("x", "y", "width", "height")] == pytest.approx(face.box)
    assert [row["mouth_x"], row["mouth_y"]] == pytest.approx(face.landmarks[3], rel=1e-6)
    assert row["Smiling"] == pytest.approx(face["Smiling"])
    assert len(row["model"]) == 64


def test_the_folder_is_one_table_for_pandas(labelled):
    pandas = pytest.importorskip("pandas")
    rows = pandas.read_parquet(labelled[0])
    assert len(rows) == 43
    assert len(rows[(rows.state == "ok") & (rows.Smiling > 0.5)]) == 40


def test_columns_have_units_and_files_their_origin(labelled):
    schema = parquet.read_schema(next(labelled[0].glob("*.parquet")))
    assert schema.field("x").metadata == {b"unit": b"px of the file, left side of the box"}
    assert {b"facet.version", b"facet.key", b"facet.shard"} <= set(schema.metadata)


def test_what_is_there_is_done_and_what_came_is_added(archive, labelled, tmp_path, astronaut):
    out, photos = tmp_path / "out", tmp_path / "photos"
    write_photos(photos, astronaut, 3)
    label(request(photos, out))
    before = {file.name: file.stat().st_mtime_ns for file in out.glob("*.parquet")}
    assert label(request(photos, out)) == Counts()
    cv2.imwrite(str(photos / "00000a.jpg"), astronaut)
    assert label(request(photos, out)).inputs == 1
    after = {file.name: file.stat().st_mtime_ns for file in out.glob("*.parquet")}
    assert before.items() <= after.items()
    assert len(rows_of(out)) == 4


def test_a_damaged_file_is_made_again(tmp_path, astronaut):
    write_photos(tmp_path / "photos", astronaut, 2)
    label(request(tmp_path / "photos", tmp_path / "out"))
    (file,) = (tmp_path / "out").glob("*.parquet")
    rows = rows_of(tmp_path / "out")
    file.write_bytes(file.read_bytes()[:500])
    assert label(request(tmp_path / "photos", tmp_path / "out")).inputs == 2
    assert rows_of(tmp_path / "out") == rows


@pytest.mark.parametrize(
    "key, value, message",
    [
        ("model", "0" * 64, "has labels of the model 000000000000, this is"),
        ("schema", 0, "was written by an older version .schema 0, need 1"),
        ("schema", 99, "was written by a newer version"),
        ("faces", "other", "has labels of other settings .faces"),
    ],
)
def test_labels_of_something_else_are_refused(archive, labelled, tmp_path, key, value, message):
    out = tmp_path / "out"
    shutil.copytree(labelled[0], out)
    record = json.loads((out / "_run.json").read_text()) | {key: value}
    (out / "_run.json").write_text(json.dumps(record))
    with pytest.raises(UsageError, match=message) as error:
        label(request(archive, out))
    assert f"rm -r {out}" in error.value.hint


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "x", "model": 1}'])
def test_a_damaged_record_is_refused(archive, tmp_path, text):
    (tmp_path / "_run.json").write_text(text)
    with pytest.raises(UsageError, match="is damaged"):
        label(request(archive, tmp_path))


def test_a_folder_of_other_parquet_files_is_refused(archive, tmp_path):
    (tmp_path / "mine.parquet").write_bytes(b"")
    with pytest.raises(UsageError, match="Parquet files of something else"):
        label(request(archive, tmp_path))


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def make_tar(path, photo, count: int) -> None:
    """Write a tar as webdataset does: each photo has its text beside it."""
    content = cv2.imencode(".jpg", photo)[1].tobytes()
    with tarfile.open(path, "w") as tar:
        for number in range(count):
            add(tar, f"{number:06}.jpg", content)
            add(tar, f"{number:06}.cls", b"1")
        add(tar, "999999.jpg", b"nonsense")


def test_a_tar_is_labelled_by_its_members(tmp_path, astronaut):
    make_tar(tmp_path / "x.tar", astronaut, 2)
    counts = label(request(tmp_path / "x.tar", tmp_path / "out"))
    assert counts == Counts(1, 3, 2, 2, 0, 1)
    members = [(row["member"], row["face"]) for row in rows_of(tmp_path / "out")]
    assert members == [("000000.jpg", 1), ("000001.jpg", 1), ("999999.jpg", 0)]


def test_a_tar_that_is_cut_keeps_what_it_has(tmp_path, astronaut):
    make_tar(tmp_path / "x.tar", astronaut, 3)
    content = (tmp_path / "x.tar").read_bytes()
    (tmp_path / "x.tar").write_bytes(content[: len(content) // 2])
    label(request(tmp_path / "x.tar", tmp_path / "out"))
    rows = rows_of(tmp_path / "out")
    assert sum(row["face"] for row in rows) >= 1
    assert [row["reason"] for row in rows if not row["member"]] == [
        "the tar is cut or damaged: unexpected end of data"
    ]


def test_a_file_that_is_no_tar_or_video_is_a_row(tmp_path):
    (tmp_path / "x.tar").write_bytes(b"nonsense" * 100)
    (tmp_path / "x.mp4").write_bytes(b"nonsense" * 100)
    done = run(tmp_path, "--out", tmp_path / "out", "--workers", 1)
    assert done.returncode == 3
    assert "none of 2 pictures can be read" in done.stderr
    assert all(row["reason"] for row in rows_of(tmp_path / "out"))


def test_a_pipe_with_a_name_of_a_tar_or_photo_is_a_row(tmp_path):
    for name in ("x.tar", "x.mp4", "x.jpg"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "list.txt").write_text("x.tar\nx.mp4\nx.jpg\n")
    assert label(request(tmp_path / "list.txt", tmp_path / "out")).unreadable == 3
    assert "pipe" in rows_of(tmp_path / "out")[0]["reason"]


def test_a_video_is_sampled(tmp_path, astronaut):
    writer = cv2.VideoWriter(
        str(tmp_path / "x.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 4, (512, 512)
    )
    for _ in range(10):
        writer.write(astronaut)
    writer.release()
    label(request(tmp_path / "x.avi", tmp_path / "out"))
    rows = rows_of(tmp_path / "out")
    assert [(row["frame"], row["time_s"], row["face"]) for row in rows] == [
        *((0, 0.0, 1), (4, 1.0, 1), (8, 2.0, 1))
    ]
    label(request(tmp_path / "x.avi", tmp_path / "each", every_s=0))
    assert len(rows_of(tmp_path / "each")) == 10


def test_files_that_vanish_or_are_denied_are_rows(tmp_path, astronaut):
    (path,) = write_photos(tmp_path, astronaut, 1)
    (tmp_path / "list.txt").write_text(f"{path}\n/no/such.jpg\n")
    assert label(request(tmp_path / "list.txt", tmp_path / "out")).unreadable == 1
    assert [row["reason"] for row in rows_of(tmp_path / "out")] == ["no such file", None]


@pytest.mark.slow
def test_the_command_killed_anywhere_goes_on(archive, labelled, tmp_path):
    out = tmp_path / "out"
    for delay_s in (0.2, 1.0, 2.0):
        process = start(archive, "--out", out, "--workers", 2, "--shard-size", 4)
        time.sleep(delay_s)
        process.kill()
        process.communicate()
    done = run(archive, "--out", out, "--workers", 2, "--shard-size", 4)
    assert done.returncode == 0, done.stderr
    assert rows_of(out) == rows_of(labelled[0])


def test_processes_killed_at_random_lose_and_double_nothing(archive, labelled, tmp_path):
    out = tmp_path / "out"
    process = start(archive, "--out", out, "--workers", 2, "--shard-size", 2)
    killed = 0
    deadline = time.monotonic() + 120
    while process.poll() is None and killed < 10 and time.monotonic() < deadline:
        shards = len(list(out.glob("*.parquet"))) if out.exists() else 0
        if shards >= 2 * killed and (workers := spawned(process.pid)):
            os.kill(workers[killed % len(workers)], signal.SIGKILL)
            killed += 1
        time.sleep(0.05)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert killed >= 3
    assert "its shard is done again" in errors
    assert rows_of(out) == rows_of(labelled[0])


@pytest.mark.slow
def test_a_full_disk_stops_the_run_and_it_goes_on(archive, labelled, tmp_path):
    out = tmp_path / "out"
    words = (archive, "--out", out, "--workers", 1, "--shard-size", 20)
    # 8 KB a file is the disk that is full here: a plan of 43 names fits, a shard does not.
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000)); "
    full = run(*words, preexec_fn=lambda: exec(limit))
    assert full.returncode == 1
    assert "cannot write to" in full.stderr and "the same command then goes on" in full.stderr
    assert not list(out.glob("*.parquet")) and not list(out.glob(".*.part"))
    assert run(*words).returncode == 0
    assert rows_of(out) == rows_of(labelled[0])


def test_two_runs_do_not_write_one_folder(archive, tmp_path):
    with Folder(str(tmp_path / "out")).locked():
        done = run(archive, "--out", tmp_path / "out", "--workers", 1)
    assert done.returncode == 2
    assert "another run writes to" in done.stderr


@pytest.mark.parametrize(
    "words, code, message",
    [
        (("/no/such", "--out", "OUT"), 3, "no /no/such. Try: a folder"),
        (("SRC", "--out", "OUT", "--every", "-1"), 2, "--every -1.0, need 0 or more"),
        (("SRC", "--out", "OUT", "--workers", "0"), 2, "--workers 0, need"),
        (("SRC", "--out", "OUT", "--cluster", "host"), 2, "--cluster tcp://host"),
        (("SRC", "--out", "/proc/labels"), 2, "cannot write to /proc/labels"),
        (("SRC", "--out", "OUT", "--model", "/no/card.json"), 4, "no model card /no/card.json"),
        (("SRC", "--out", ""), 2, "--out '' is no folder"),
        (("SRC", "--out", "FILE"), 2, "is a file. Try: --out in another folder"),
        (("s3://", "--out", "OUT"), 3, "s3:// cannot be read"),
        (("SRC", "--out", "foo://x"), 2, "no address of a known kind"),
        (("SRC",), 2, "--out"),
    ],
)
def test_wrong_usage_is_one_line_and_a_code(archive, tmp_path, words, code, message):
    (tmp_path / "file").write_text("words")
    names = {"SRC": str(archive), "OUT": str(tmp_path / "out"), "FILE": str(tmp_path / "file")}
    done = run(*(names.get(word, word) for word in words))
    assert done.returncode == code, done.stderr
    assert message in done.stderr and "Traceback" not in done.stderr


def test_settings_of_a_camera_that_counts_are_refused(archive, tmp_path):
    settings = tmp_path / "facet.toml"
    settings.write_text('privacy = "counts"\n')
    done = run(archive, "--out", tmp_path / "out", "--config", settings)
    assert done.returncode == 2 and not (tmp_path / "out").exists()
    assert 'device.label writes a row per face, and privacy = "counts"' in done.stderr


def test_without_pyarrow_the_command_that_installs_it_is_named(archive, tmp_path):
    (tmp_path / "pyarrow.py").write_text("raise ImportError('none here')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = run(archive, "--out", tmp_path / "out", env=environment(PYTHONPATH=path))
    assert done.returncode == 2
    assert "requirements-label.txt" in done.stderr


def die_at(path, run: str, *places: str) -> None:
    """Do what a process does that ends with the last of `places` in hand."""
    crumbs = Crumbs(path, run)
    crumbs.__enter__()
    for place in places:
        crumbs.take(place)


def test_an_input_that_ends_processes_is_left_out(tmp_path):
    path = tmp_path / "crumbs"
    for _ in range(DEATHS):
        die_at(path, "a", "0", "1")
    with Crumbs(path, "a") as crumbs:
        crumbs.take("0")
        with pytest.raises(LethalError, match="3 processes ended"):
            crumbs.take("1")
        crumbs.take("2")
    assert not path.exists()


def test_runs_that_were_stopped_do_not_count(tmp_path):
    path = tmp_path / "crumbs"
    for run_id in "abc":
        die_at(path, run_id, "0")
    die_at(path, "d", "0")
    with Crumbs(path, "d") as crumbs:
        crumbs.take("0")


def test_damaged_crumbs_are_no_crumbs(tmp_path):
    (tmp_path / "crumbs").write_text('{"at": ')
    with Crumbs(tmp_path / "crumbs", "a") as crumbs:
        crumbs.take("0")


LETHAL = """
import os
import PIL.PngImagePlugin
PIL.PngImagePlugin.PngImageFile._open = lambda self: os.kill(os.getpid(), 9)
"""


@pytest.mark.slow
def test_a_photo_that_crashes_the_decoder_is_a_row(tmp_path, astronaut):
    photos = tmp_path / "photos"
    write_photos(photos, astronaut, 4)
    cv2.imwrite(str(photos / "00001.png"), astronaut)
    (tmp_path / "sitecustomize.py").write_text(LETHAL)
    env = environment(PYTHONPATH=str(tmp_path))
    words = ("--out", tmp_path / "out", "--workers", 2, "--shard-size", 3)
    done = run(photos, *words, env=env)
    assert done.returncode == 0, done.stderr
    reasons = {row["path"].rpartition("/")[2]: row["reason"] for row in rows_of(tmp_path / "out")}
    assert reasons.pop("00001.png") == "3 processes ended while they read it"
    assert list(reasons.values()) == [None] * 4


def test_progress_tells_speed_and_time_left():
    clock = iter([0.0, 1.0]).__next__
    progress = Progress(1000, 100, clock)
    progress.add(Counts(inputs=200))
    assert progress.line(10.0) == "300 of 1,000 inputs (30 %), 20.0/s, 35 s left"


@pytest.mark.parametrize(
    "seconds, text",
    [(0, "0 s"), (59.6, "1 min 0 s"), (3600, "1 h 0 min"), (90_000, "1 d 1 h")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_a_fault_of_the_store_can_be_carried_to_the_command():
    import pickle

    error = pickle.loads(pickle.dumps(FacetError("a", "b")))
    assert (error.message, error.hint) == ("a", "b")


def test_the_shipped_model_is_found_where_facet_has_another_folder(archive, tmp_path):
    shard = Shard(0, (str(next((archive / "a").glob("0*.jpg"))),))
    card = card_of(Settings())
    elsewhere = replace(Settings().attributes, model=tmp_path / "elsewhere" / "attributes.json")
    settings = replace(Settings(), attributes=elsewhere)
    work = Assignment(str(tmp_path), settings, card.sha256, card.names, (), 1.0, "run")
    assert label_shard(work, shard).classified == 1
