"""Photos and labels in an S3 server that runs here: moto's."""

import io

import pytest

from tests.device.label.conftest import environment, rows_of, run

parquet = pytest.importorskip("pyarrow.parquet", reason="no pyarrow (requirements-label.txt)")
pytest.importorskip("s3fs", reason="no s3fs (requirements-s3.txt)")
server = pytest.importorskip("moto.server", reason="no moto[server] (requirements-dev.txt)")
boto3 = pytest.importorskip("boto3")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def store(archive):
    """A bucket with the archive's photos, and the environment that leads to it."""
    running = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    address = f"http://127.0.0.1:{running.get_host_and_port()[1]}"
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    env = environment(AWS_ENDPOINT_URL=address, AWS_DEFAULT_REGION="us-east-1", **keys)
    client = boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    client.create_bucket(Bucket="photos")
    for path in [*sorted((archive / "a").iterdir())[:6], archive / "a" / "broken.jpg"]:
        client.put_object(Bucket="photos", Key=f"in/{path.name}", Body=path.read_bytes())
    client.put_object(Bucket="photos", Key="in/empty.png", Body=b"")
    client.put_object(Bucket="photos", Key="in/readme.md", Body=b"words")
    yield client, env
    running.stop()


def test_photos_of_a_bucket_are_labelled(store, archive, tmp_path):
    done = run("s3://photos/in", "--out", tmp_path / "out", "--workers", 1, env=store[1])
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path / "out")
    assert [row["path"] for row in rows][:2] == [
        "s3://photos/in/00000.jpg",
        "s3://photos/in/00001.jpg",
    ]
    assert [row["face"] for row in rows] == [1] * 6 + [0, 0]
    names = sorted((archive / "a").iterdir())[:6]
    (tmp_path / "list.txt").write_text("".join(f"{name}\n" for name in names))
    here = run(tmp_path / "list.txt", "--out", tmp_path / "here", "--workers", 1)
    assert here.returncode == 0
    same = rows_of(tmp_path / "here")
    assert [row["Smiling"] for row in rows[:6]] == [row["Smiling"] for row in same]


@pytest.mark.slow
def test_labels_go_to_a_bucket_and_go_on(store):
    client, env = store
    words = ("s3://photos/in/0*.jpg", "--out", "s3://photos/labels", "--workers", 1)
    first = run(*words, env=env)
    assert first.returncode == 0, first.stderr
    again = run(*words, env=env)
    assert again.returncode == 0, again.stderr
    assert "6 of them are done" in again.stderr
    names = [
        o["Key"] for o in client.list_objects_v2(Bucket="photos", Prefix="labels/")["Contents"]
    ]
    shards = [name for name in names if name.endswith(".parquet")]
    rows = 0
    for name in shards:
        body = client.get_object(Bucket="photos", Key=name)["Body"].read()
        rows += parquet.read_table(io.BytesIO(body)).num_rows
    assert rows == 6


def test_a_bucket_that_is_missing_is_named(store, tmp_path):
    done = run("s3://nowhere/in", "--out", tmp_path / "out", env=store[1])
    assert done.returncode == 3, done.stderr
    assert "does not exist" in done.stderr and "Traceback" not in done.stderr


@pytest.fixture
def denying():
    """A server that denies everything, as a bucket without rights does."""
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Deny(BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_PUT = do_GET

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Deny) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def test_a_bucket_that_denies_is_named(denying, tmp_path):
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    env = environment(AWS_ENDPOINT_URL=denying, AWS_DEFAULT_REGION="us-east-1", **keys)
    done = run("s3://photos/in", "--out", tmp_path / "out", env=env)
    assert done.returncode == 3, done.stderr
    assert "access denied" in done.stderr and "credentials" in done.stderr


@pytest.mark.slow
def test_objects_that_are_denied_are_rows(denying, tmp_path):
    (tmp_path / "list.txt").write_text("s3://photos/1.jpg\n")
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    env = environment(AWS_ENDPOINT_URL=denying, AWS_DEFAULT_REGION="us-east-1", **keys)
    done = run(tmp_path / "list.txt", "--out", tmp_path / "out", "--workers", 1, env=env)
    assert done.returncode == 3, done.stderr
    assert [row["reason"] for row in rows_of(tmp_path / "out")] == ["access denied"]


@pytest.mark.slow
def test_a_store_that_is_down_stops_the_run(tmp_path):
    (tmp_path / "list.txt").write_text("s3://photos/1.jpg\n")
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    env = environment(AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_DEFAULT_REGION="us-east-1", **keys)
    done = run(tmp_path / "list.txt", "--out", tmp_path / "out", "--workers", 1, env=env)
    assert done.returncode == 1, done.stderr
    assert "the same command goes on" in done.stderr
    assert not list((tmp_path / "out").glob("*.parquet"))
