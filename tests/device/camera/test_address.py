"""The name of a network camera's address: never a secret, whatever the address looks like."""

import logging
import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.camera.address import (
    mask_addresses,
    parse,
    printable,
    with_credentials,
)
from device.camera.open import open_camera
from device.errors import FacetError, SourceError, UsageError
from device.settings import CameraSettings

SECRET_CHARACTERS = string.ascii_letters + string.digits + "@/:?#&=%+~!$*,;._-"
secrets = (
    st.text(SECRET_CHARACTERS, min_size=6, max_size=24)
    .filter(lambda text: any(c.isalpha() for c in text) and "://" not in text)
    .map(lambda text: f"{text}q9x")
)  # no word of a path
words = st.text(string.ascii_letters + string.digits, min_size=8, max_size=20).map(
    lambda text: f"{text}9x"  # no word of a path
)
schemes = st.sampled_from(["rtsp", "rtsps", "http", "https", "RTSP", "Rtsp", "HTTPS"])
hosts = st.sampled_from(["cam", "cam.local", "192.168.1.20", "[fe80::1]", "localhost"])
ports = st.sampled_from(["", ":554", ":8080"])


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("http://127.0.0.1:8081/cam.mjpg", "http://127.0.0.1:8081/cam.mjpg"),
        ("rtsp://user:secret@cam/stream1", "rtsp://cam/stream1"),
        ("RTSP://user:secret@cam:554/stream1", "rtsp://cam/stream1"),
        ("rtsp://user:se@cret@cam:8554/live/ch1", "rtsp://cam:8554/live/ch1"),
        ("rtsp://user:se/cret@cam/live", "rtsp://cam/live"),
        ("rtsp://user:12/34@cam/live", "rtsp://cam/live"),
        ("rtsp://user:se?c#ret@cam/live", "rtsp://cam/live"),
        ("rtsp://us/er:secret@cam/live", "rtsp://cam/live"),
        ("http://cam/video.mjpg?user=a&password=b@c", "http://cam/video.mjpg"),
        ("http://cam:80/snap.jpg?pw=se@cret", "http://cam/snap.jpg"),
        ("rtsp://cam/user=admin&password=x1y2z3&channel=1", "rtsp://cam/***"),
        ("rtsp://cam/hunter2/Streaming/Channels/101", "rtsp://cam/***/Streaming/Channels/101"),
        ("rtsp://cam/1234/1234", "rtsp://cam/***/***"),
        (
            "https://[fe80::1]:8443/axis-cgi/mjpg/video.cgi",
            "https://[fe80::1]:8443/axis-cgi/mjpg/video.cgi",
        ),
        ("http://127.0.0.1:80/a@b/video", "http://127.0.0.1/***/video"),
        ("http://cam", "http://cam"),
        ("http://se cret@cam", "http://***"),
        ("http://", "http://***"),
        ("ftp://user:secret@cam/x", "ftp://cam/***"),
        ("user:secret@cam", "***"),
    ],
)
def test_the_name_of_an_address(address, name):
    assert printable(address) == name


@given(schemes, words, secrets, hosts, ports)
def test_no_password_before_the_host_is_in_the_name(scheme, user, password, host, port):
    for address in (
        f"{scheme}://{user}:{password}@{host}{port}/live",
        f"{scheme}://{password}:{user}@{host}{port}/live",
        f"{scheme}://{user}:{quote(password, safe='')}@{host}{port}/live",
        f"{scheme}://{password}@{host}{port}/live",
    ):
        assert password not in printable(address)
        assert password not in mask_addresses(f"cannot open {address}: no")


@given(schemes, secrets, hosts, ports)
def test_no_password_in_the_path_or_query_is_in_the_name(scheme, password, host, port):
    for place in ("{}/video", "live?pwd={}", "user=admin&password={}&ch=1", "cgi/{}", "x;{}"):
        assert password not in printable(f"{scheme}://{host}{port}/{place.format(password)}")


@given(words, words, hosts, ports)
def test_user_and_password_are_those_of_the_address(user, password, host, port):
    password = f"{password}@/{user}"
    for shown in (password, quote(password, safe="")):
        address = parse(f"rtsp://{user}:{shown}@{host}{port}/live")
        assert (address.user, address.password, address.path) == (user, password, "/live")
        assert address.host == host.strip("[]")
        assert password not in repr(address) and password not in str(address)


def test_credentials_come_from_the_address_the_settings_or_the_environment(tmp_path):
    file = tmp_path / "password"
    file.write_text("from file\n")
    plain = CameraSettings(source="rtsp://cam/live", user="ann", password_file=file)
    assert (with_credentials(plain).user, with_credentials(plain).password) == ("ann", "from file")
    environment = {"FACET_CAMERA_USER": "eve", "FACET_CAMERA_PASSWORD": "from there"}
    found = with_credentials(CameraSettings(source="rtsp://cam/live"), environment)
    assert (found.user, found.password) == ("eve", "from there")
    found = with_credentials(CameraSettings(source="rtsp://bob:own@cam/live"), environment)
    assert (found.user, found.password) == ("bob", "own")


def test_a_password_file_that_cannot_be_read(tmp_path):
    settings = CameraSettings(source="rtsp://cam/live", password_file=tmp_path / "none")
    with pytest.raises(SourceError, match=r"cannot read the password file .*none: No such file"):
        with_credentials(settings)


@pytest.mark.parametrize(
    "address", ["http://", "http://cam:99999/", "http://cam:x/", "http://a b/", "rtsp://ca\nm/"]
)
def test_a_malformed_address_is_not_quoted(address):
    with pytest.raises(UsageError, match="the camera's address is malformed"):
        parse(address)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("http://cam/a", "http://CAM/b", True),
        ("http://cam/a", "https://cam/a", True),
        ("https://cam/a", "http://cam/a", False),
        ("http://cam/a", "http://cam:8080/a", False),
        ("http://127.0.0.1:8080/a", "http://127.0.0.1:8081/a", False),
        ("http://cam/a", "http://cam.evil/a", False),
        ("http://cam/a", "http://cam@evil/a", False),
    ],
)
def test_the_same_host(first, second, same):
    assert parse(first).same_host(parse(second)) is same


@pytest.mark.parametrize(
    "source",
    [
        "ftp://user:hunter2@cam/x",
        "FTP://user:hunter2@cam/x",
        "rtsp:/user:hunter2@cam/x",
        "user:hunter2@cam/x",
        "http://user:hunter2@127.0.0.1:1/x",
        "RTSP://user:hunter2@127.0.0.1:1/x",
        "http://127.0.0.1:1/x?password=hunter2",
        "https://127.0.0.1:1/hunter2/x",
        "rtsp://user:hunter2@cam:notaport/x",
    ],
)
def test_no_error_of_an_address_has_its_password(source, caplog):
    with caplog.at_level(logging.INFO, "facet"), pytest.raises(FacetError) as fault:
        open_camera(CameraSettings(source=source))
    assert "hunter2" not in str(fault.value) + repr(fault.value) + caplog.text


@pytest.mark.parametrize("address", ["s3://bucket/in/my-photos", "gs://bucket/x", "az://box/y"])
def test_addresses_of_object_stores_are_shown(address):
    line = f"{address}: access denied. Try: credentials"
    assert mask_addresses(line) == line


@pytest.mark.parametrize(
    "address",
    [
        "s3://user:hunter2@host/bucket/x",
        "s3://bucket/x?Signature=hunter2",
        "az://box/x?sv=2026&sig=hunter2",
        "s3://key:hunter2/x",
        "s3://bucket/x,rtsp://cam/hunter2",
        "S3://bucket/hunter2",
        "s3://bucket/x rtsp://user:hunter2@cam/live",
    ],
)
def test_what_else_is_in_an_address_of_a_store_is_masked(address):
    assert "hunter2" not in mask_addresses(f"cannot read {address}: no")
