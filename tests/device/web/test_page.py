"""The page as clients see it: a real server on a free port, real HTTP."""

import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from device.camera.open import open_camera
from device.errors import FacetError, UsageError
from device.outputs.live import LiveState
from device.privacy import LEVELS
from device.settings import CameraSettings
from device.types import Line, LineCount
from device.web.app import FOLDER
from device.web.connection import Limits
from device.web.guard import HEADERS
from device.web.login import Pauses
from device.web.password import hash_password
from device.web.server import WebPage
from tests.device.outputs.made_up import face, result
from tests.device.web.conftest import HASH, PASSWORD, WAIT_S, Loop, live_run, until

# What is served


def test_the_page_and_its_data(served):
    with served.client() as client:
        assert "<html" in client.get("/").text
        assert client.get("/static/page.js").headers["content-type"].startswith("text/javascript")
        assert client.get("/api/faces").json()["faces"][0]["attributes"] == {"Smiling": 0.75}
        hours = client.get("/api/counts?by=hour").json()["hours"]
        assert len(hours) == 24 and set(hours[0]) == {"hour", "visits"}
        assert client.get("/api/counts?by=year").status_code == 400
        status = client.get("/api/status").json()
        assert (status["camera"], status["frames"], status["dropped"]) == ("usb:0", 1, 7)
        assert status["login"] is False and status["settings"]["web"]["fps"] == 10
        snapshot = client.get("/snapshot.jpg")
        assert snapshot.headers["content-type"] == "image/jpeg"
        assert snapshot.content.startswith(b"\xff\xd8\xff")
        chart = client.get("/chart/hours.svg")
        assert chart.headers["content-type"].startswith("image/svg+xml") and "<svg" in chart.text


@pytest.mark.parametrize(
    "level, refused_paths",
    [
        ("counts", ["/stream.mjpg", "/snapshot.jpg", "/api/faces"]),
        ("visits", ["/stream.mjpg", "/snapshot.jpg"]),
        ("faces", []),
    ],
)
def test_the_page_shows_what_the_level_of_privacy_permits(serve, level, refused_paths):
    served = serve(live=live_run(privacy=level))
    served.show()
    with served.client() as client:
        for path in ("/snapshot.jpg", "/api/faces"):
            answer = client.get(path)
            assert answer.status_code == (403 if path in refused_paths else 200), path
        if level != "faces":
            answer = client.get("/stream.mjpg")
            assert answer.status_code == 403
            assert answer.json()["error"] == f'no pictures: privacy = "{level}" in the settings'
        status = client.get("/api/status").json()
        assert status["privacy"] == level
        assert f'data-privacy="{level}"' in client.get("/").text  # also before scripts run
        told = "Nothing about a single person is kept, shown or sent." in status["kept"]
        assert told is (level == "counts")


# Every address of the page: the answers at the levels counts, visits and faces.
ANSWERS = {
    "/": (200, 200, 200),
    "/login": (303, 303, 303),
    "/logout": (405, 405, 405),
    "/static/{name}": (404, 404, 404),
    "/chart/hours.svg": (200, 200, 200),
    "/stream.mjpg": (403, 403, 200),
    "/snapshot.jpg": (403, 403, 200),
    "/events": (200, 200, 200),
    "/api": (200, 200, 200),
    "/api/status": (200, 200, 200),
    "/api/faces": (403, 200, 200),
    "/api/counts": (200, 200, 200),
}


@pytest.mark.parametrize("level", LEVELS)
def test_each_address_answers_by_the_level(serve, level):
    """A new address fails here until its answers are known."""
    served = serve(live=live_run(privacy=level))
    served.show()
    with served.client() as client:
        found = {path: client.head(path).status_code for path in ANSWERS}
    assert found == {path: codes[LEVELS.index(level)] for path, codes in ANSWERS.items()}
    assert {route.path for route in served.page.site.app().routes} == set(ANSWERS)


def test_below_the_level_of_faces_people_in_view_are_words_only(serve):
    """A box and 22 probabilities five times a second would be a log of faces."""
    served = serve(live=live_run(privacy="visits"))
    served.show()
    with served.client() as client:
        (found,) = client.get("/api/faces").json()["faces"]
    assert (found["attributes"], found["box"], found["labels"]) == ({}, None, ["smiling"])


def test_at_the_level_of_counts_the_status_does_not_tell_how_long_a_frame_took(serve):
    served = serve(live=live_run(privacy="counts"))
    served.live.state.write(replace(result(face()), age_s=0.1))
    with served.client() as client:
        assert client.get("/api/status").json()["age_s"] is None


def test_at_the_level_of_counts_no_event_tells_of_faces(serve):
    served = serve(live=live_run(privacy="counts"))
    with served.client() as client, client.stream("GET", "/events") as events:
        served.show()
        text = ""
        for part in events.iter_text():
            text += part
            if text.count("event: status") == 2:
                break
    assert "event: faces" not in text


def test_every_answer_has_the_headers_that_protect_the_page(served):
    with served.client() as client:
        for path in ("/", "/static/page.css", "/api/faces", "/snapshot.jpg", "/nothing"):
            headers = client.get(path).headers
            assert set(HEADERS) <= set(headers), path
            assert "server" not in headers and "access-control-allow-origin" not in headers
        policy = client.get("/").headers["content-security-policy"]
        assert "script-src 'self'" in policy and "unsafe" not in policy


def test_files_are_asked_for_again_only_if_they_changed(served):
    with served.client() as client:
        tag = client.get("/static/page.css").headers["etag"]
        assert client.get("/static/page.css", headers={"If-None-Match": tag}).status_code == 304


def test_the_description_names_every_path_and_what_the_answers_have(served):
    crossed = LineCount(Line("door", (0.5, 0.0), (0.5, 1.0)), 3, 1)
    served.live.state.write(replace(result(face()), lines=(crossed,)))
    with served.client() as client:
        api = client.get("/api").json()
        assert api == json.loads((FOLDER / "openapi.json").read_text())
        for path in set(api["paths"]) - {"/stream.mjpg", "/events"}:
            assert client.get(path).status_code == 200, path
        for path, name in (("status", "Status"), ("faces", "Faces"), ("counts", "Counts")):
            answer, schema = client.get(f"/api/{path}").json(), api["components"]["schemas"][name]
            assert set(answer) == set(schema["properties"]) == set(schema["required"])
        (line,) = client.get("/api/status").json()["lines"]
        assert set(line) == set(api["components"]["schemas"]["Line"]["properties"])
        faces = client.get("/api/faces").json()["faces"]
        assert set(faces[0]) == set(api["components"]["schemas"]["Face"]["properties"])


def test_before_the_first_frame_there_is_no_picture(serve):
    with serve().client() as client:
        assert client.get("/snapshot.jpg").status_code == 503
        assert client.get("/api/faces").json()["faces"] == []


def test_events_begin_with_the_status_and_the_faces(served):
    with served.client() as client, client.stream("GET", "/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        kinds, lines = [], answer.iter_lines()
        while set(kinds) != {"status", "faces"}:
            line = next(lines)
            if line.startswith("event: "):
                kinds.append(line.removeprefix("event: "))
                data = json.loads(next(lines).removeprefix("data: "))
                assert not {"doctor", "settings"} & set(data)
        assert kinds[0] == "status"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e/%2e%2e/settings.py",
        "/static/....//server.py",
        "/static/page.js%00.html",
        "/static/",
        "/static",
        "/static//etc/passwd",
        "//etc/passwd",
        "/%5c..%5c..%5cetc%5cpasswd",
        "/stream.mjpg/",
        "/api/../../etc/passwd",
    ],
)
def test_tricks_with_paths_find_nothing(served, path):
    # httpx would tidy the path.
    answer = raw(served, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ") and b"root:" not in answer


def raw(served, request: str) -> bytes:
    """Return what the server answers to the bytes of a request, until it closes."""
    with socket.create_connection(("127.0.0.1", served.port), 30) as connection:
        connection.sendall(request.encode("latin-1"))
        answer = b""
        while block := received(connection):
            answer += block
        return answer


def received(connection) -> bytes:
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b""


# Hosts and origins


@pytest.mark.parametrize(
    "host, status",
    [("localhost", 200), ("127.0.0.1:8420", 200), ("192.168.1.5", 200), ("[::1]:80", 200),
     (socket.gethostname(), 200), ("facet.example.org", 200), ("evil.example.com", 421),
     ("localhost.evil.example.com", 421), ("", 421), ("127.0.0.1.evil.example.com", 421)],
)  # fmt: skip
def test_only_known_names_are_answered(serve, host, status):
    page = serve(hosts=("Facet.example.org",))
    page.show()
    for path in ("/", "/api/faces", "/snapshot.jpg"):
        with page.client() as client:
            assert client.get(path, headers={"Host": host}).status_code == status


def test_a_request_without_a_host_or_with_two_is_refused(served):
    two = "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example.com\r\n\r\n"
    assert b" 400 " in raw(served, two).split(b"\r\n")[0]
    assert b" 421 " in raw(served, "GET / HTTP/1.0\r\n\r\n").split(b"\r\n")[0]
    assert b" 400 " in raw(served, "GET / HTTP/1.1\r\n\r\n").split(b"\r\n")[0]


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "http://localhost:80"}, 200),
        ({"Origin": "http://evil.example.com"}, 403),
        ({"Origin": "http://localhost:8123"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
    ],
)
def test_pages_of_other_sites_get_no_answer(served, headers, status):
    with served.client(headers={"Host": "localhost", **headers}) as client:
        assert client.get("/api/faces").status_code == status
        assert client.get("/snapshot.jpg").status_code == status


def test_another_site_may_show_pictures_if_the_settings_say_so(serve):
    page = serve(embed=True)
    page.show()
    other = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    with page.client(headers=other) as client:
        answer = client.get("/snapshot.jpg")
        assert answer.status_code == 200
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert client.get("/api/faces").status_code == 403


def test_a_form_of_another_site_signs_nobody_in_or_out(serve):
    page = serve(password=HASH)
    with page.client(headers={"Origin": "http://evil.example.com"}) as client:
        assert client.post("/login", data={"password": PASSWORD}).status_code == 403
        assert client.post("/logout").status_code == 403


# Passwords

GUARDED = ("/stream.mjpg", "/snapshot.jpg", "/events", "/api", "/api/status", "/api/faces",
           "/api/counts", "/chart/hours.svg")  # fmt: skip


def test_without_the_password_there_is_a_form_and_nothing_else(serve):
    page = serve(password=HASH)
    page.show()
    with page.client() as client:
        for path in GUARDED:
            assert client.get(path).status_code == 401, path
            browser = client.get(path, headers={"Accept": "image/webp,*/*;q=0.8"})
            assert browser.status_code == 401 and "www-authenticate" not in browser.headers
        assert client.get("/").headers["location"] == "/login"
        assert "password" in client.get("/login").text
        assert client.get("/static/page.css").status_code == 200


def test_the_password_opens_the_page_until_signing_out(serve):
    page = serve(password=HASH)
    page.show()
    with page.client() as client:
        wrong = client.post("/login", data={"password": "wrong horse"})
        assert (wrong.status_code, wrong.json()) == (401, {"error": "wrong password"})
        browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        wrong = client.post("/login", data={"password": "wrong horse"}, headers=browser)
        assert (wrong.status_code, wrong.headers["location"]) == (303, "/login#wrong")
        right = client.post("/login", data={"password": PASSWORD})
        assert (right.status_code, right.headers["location"]) == (303, "/")
        cookie = right.headers["set-cookie"]
        for word in ("HttpOnly", "SameSite=Strict", "Path=/"):
            assert word in cookie
        assert "Secure" not in cookie  # over http it would not be sent
        assert client.get("/api/status").json()["login"] is True
        assert client.get("/login").headers["location"] == "/"
        stolen = client.cookies["facet_session"]
        assert client.post("/logout").headers["location"] == "/login"
    with page.client(cookies={"facet_session": stolen}) as thief:
        assert thief.get("/api/status").status_code == 401


def test_a_stolen_cookie_is_void_after_a_change_of_the_password():
    def get(hashed, cookie):
        with WebPage(live_run({"password": hashed})) as page:
            url = page.url.rstrip("/")
            if not cookie:
                answer = httpx.post(
                    f"{url}/login", data={"password": PASSWORD}, timeout=WAIT_S, trust_env=False
                )
                cookie = answer.cookies["facet_session"]
            cookies = {"facet_session": cookie}
            status = httpx.get(f"{url}/api/faces", cookies=cookies, trust_env=False).status_code
            return status, cookie

    status, cookie = get(HASH, "")
    assert status == 200
    assert get(HASH, cookie)[0] == 200  # after a restart
    assert get(hash_password("another horse"), cookie)[0] == 401


def test_wrong_passwords_make_a_pause_that_even_the_right_one_must_wait_for(serve):
    page = serve(password=HASH)
    until(lambda: page.page.site, "the page's start")
    page.page.site._access._pauses = Pauses(lambda: 0.0)  # its time does not pass
    with page.client() as client:
        statuses = [
            client.post("/login", data={"password": "wrong horse"}).status_code for _ in range(4)
        ]
        assert statuses[:3] == [401] * 3 and statuses[3] == 429
        right = client.post("/login", data={"password": PASSWORD})
        assert right.status_code == 429 and int(right.headers["retry-after"]) >= 1
        browser = {"Accept": "text/html"}
        right = client.post("/login", data={"password": PASSWORD}, headers=browser)
        assert (right.status_code, right.headers["location"]) == (303, "/login#wait")
        assert not client.cookies


def test_other_software_sends_the_password_with_each_request(serve):
    page = serve(password=HASH)
    page.show()
    with page.client(headers={"Accept": "*/*"}) as client:
        assert client.get("/snapshot.jpg").headers["www-authenticate"].startswith("Basic")
        for _ in range(3):
            assert client.get("/snapshot.jpg", auth=("any", PASSWORD)).status_code == 200
        assert client.get("/snapshot.jpg", auth=("any", "wrong horse")).status_code == 401


def test_during_a_pause_no_guess_is_compared_with_the_recent_password_either(serve):
    page = serve(password=HASH)
    page.show()
    until(lambda: page.page.site, "the page's start")
    page.page.site._access._pauses = Pauses(lambda: 0.0)  # its time does not pass
    with page.client() as client:
        assert client.get("/snapshot.jpg", auth=("any", PASSWORD)).status_code == 200
        for _ in range(3):
            client.get("/snapshot.jpg", auth=("any", "wrong horse"))
        right = client.get("/snapshot.jpg", auth=("any", PASSWORD))
        assert right.status_code == 429 and int(right.headers["retry-after"]) >= 1


@pytest.mark.parametrize("address", ["0.0.0.0:8420", "192.168.1.2:8420", "[::]:8420", "pi:8420"])
def test_another_address_needs_a_password(address):
    with pytest.raises(UsageError, match=r"without a password.*device\.web password"):
        live_run({"address": address})
    live_run({"address": address, "password": HASH})


def test_the_page_of_this_computer_is_at_one_address_only(capsys, served):
    assert served.page._socket.getsockname()[0] == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", served.port), 30)
    assert "unencrypted" not in capsys.readouterr().err


def test_a_page_for_all_networks_says_that_it_is_unencrypted(capsys):
    with WebPage(live_run({"address": "0.0.0.0:0", "password": HASH})) as page:
        assert socket.gethostname() in page.url
    assert "unencrypted" in capsys.readouterr().err


def test_a_password_that_is_no_hash_is_refused():
    with pytest.raises(UsageError, match="not a hash"), WebPage(live_run({"password": PASSWORD})):
        pass


# Address and certificate


def test_a_port_that_is_taken_is_named_with_another():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        page = WebPage(live_run({"address": f"127.0.0.1:{port}"}))
        with (
            pytest.raises(FacetError, match=f"another program has port {port}.*--web") as taken,
            page,
        ):
            pass
        assert taken.value.exit_code == 1  # systemd tries again


def test_an_address_of_another_computer_is_refused():
    live = live_run({"address": "192.0.2.1:8420", "password": HASH})
    with pytest.raises(FacetError, match=r"cannot listen on 192\.0\.2\.1"), WebPage(live):
        pass


def test_a_port_is_free_again_after_the_run(serve):
    with WebPage(live_run()) as page:
        port = page.listen.port
        httpx.get(f"{page.url}/api/faces", trust_env=False)
    with WebPage(live_run({"address": f"127.0.0.1:{port}"})) as again:
        assert again.listen.port == port


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    for name in ("a", "b"):
        command = (
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
            f"-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout {name}.key -out {name}.crt"
        )
        try:
            subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
        except FileNotFoundError:
            pytest.skip("needs openssl")
    return folder


def test_with_a_certificate_the_page_is_encrypted(certificate, capsys):
    tls = {"cert": certificate / "a.crt", "key": certificate / "a.key", "password": HASH}
    with WebPage(live_run(tls | {"address": "0.0.0.0:0"})) as page:
        assert "unencrypted" not in capsys.readouterr().err
    with WebPage(live_run(tls)) as page:
        assert page.url.startswith("https://")
        context = ssl.create_default_context(cafile=certificate / "a.crt")
        options = {"verify": context, "timeout": WAIT_S, "trust_env": False}
        with httpx.Client(base_url=page.url, **options) as client:
            answer = client.post("/login", data={"password": PASSWORD})
            assert "Secure" in answer.headers["set-cookie"]
            assert client.get("/api/faces").status_code == 200


@pytest.mark.parametrize(
    "cert, key, message",
    [("a.crt", "b.key", "do not belong together"), ("missing", "a.key", "cannot read"),
     ("a.key", "a.crt", "no certificate"), ("empty", "a.key", "no certificate"),
     ("a.crt", "locked.key", "no certificate")],
)  # fmt: skip
def test_a_wrong_certificate_is_refused_with_how_to_make_one(certificate, cert, key, message):
    (certificate / "empty").write_text("")
    locked = "openssl rsa -aes128 -passout pass:secret -in a.key -out locked.key"
    subprocess.run(locked.split(), cwd=certificate, check=True, capture_output=True)
    page = WebPage(live_run({"cert": certificate / cert, "key": certificate / key}))
    with pytest.raises(UsageError, match=rf"{message}.*openssl req") as wrong, page:
        pass
    assert wrong.value.exit_code == 2


def test_a_pipe_as_certificate_is_not_waited_for(certificate):
    os.mkfifo(certificate / "pipe")
    page = WebPage(live_run({"cert": certificate / "pipe", "key": certificate / "a.key"}))
    with pytest.raises(UsageError, match="it is a pipe, device or socket, not a file"), page:
        pass


def test_a_certificate_needs_its_key():
    with pytest.raises(UsageError, match="cert without key"):
        live_run({"cert": "a.crt"})


# Sizes, rates, slow clients


def test_huge_headers_addresses_and_bodies_are_refused(served):
    with served.client() as client:
        assert client.get("/", headers={"X": "x" * 15_000}).status_code == 200
        assert client.get("/", headers={"X": "x" * 17_000}).status_code in (400, 431)
        assert client.get("/?" + "x" * 3000).status_code == 414
        assert client.post("/login", content=b"x" * 5000).status_code == 413
    endless = "GET / HTTP/1.1\r\nHost: localhost\r\n" + "X: y\r\n" * 100_000
    assert raw(served, endless).startswith(b"HTTP/1.1 4")
    with served.client() as client:
        assert client.get("/").status_code == 200


def test_a_body_without_a_length_is_cut_off(serve):
    page = serve(password=HASH)

    def blocks():
        for _ in range(10):
            yield b"x" * 1000

    with page.client() as client:
        assert client.post("/login", content=blocks()).status_code == 413


def test_a_form_with_too_many_fields_is_refused(serve, capsys):
    with serve(password=HASH).client() as client:
        answer = client.post("/login", content="&".join(["password=x"] * 11))
    assert (answer.status_code, "too many fields" in answer.text) == (400, True)
    assert "ValueError" not in capsys.readouterr().err


def test_no_request_reaches_the_disk(serve, monkeypatch):
    page = serve()
    page.show()
    until(lambda: page.page.site, "the page's start")
    monkeypatch.setattr(Path, "read_bytes", lambda path: 1 / 0)
    with page.client() as client:
        for path in ("/", "/api", "/static/page.js", "/api/faces"):
            assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "request_line",
    ["\0\1\2", "GET", "\x16\x03\x01\x02\x00\x01", "PUT / HTTP/1.1"],
)
def test_rubbish_is_refused(served, request_line):
    answer = raw(served, f"{request_line}\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert not answer or re.match(rb"HTTP/1\.1 40[05] ", answer)


def test_a_client_that_never_ends_its_request_is_closed_and_others_are_served(serve):
    page = serve(Limits(header_s=0.5))
    page.show()
    slow = [socket.create_connection(("127.0.0.1", page.port), 30) for _ in range(50)]
    for connection in slow:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: loc")
    with page.client() as client:
        assert client.get("/api/faces").status_code == 200
    for number, connection in enumerate(slow):
        with connection:
            if number < 5:  # a byte now and then does not help
                with pytest.raises(OSError, match=r"reset|Broken"):
                    drip(connection)
            else:
                assert received(connection) == b""
    assert page.page.connections.slow == 50


def test_a_password_that_does_not_come_is_not_waited_for(serve):
    page = serve(Limits(body_s=0.3), password=HASH)
    head = "POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    answer = raw(page, f"{head}Content-Length: 100\r\n\r\npassword=")
    assert answer.startswith(b"HTTP/1.1 408 ")


def drip(connection):
    for _ in range(600):
        connection.sendall(b"a")
        threading.Event().wait(0.05)


def test_a_connection_that_says_nothing_is_closed(serve):
    page = serve(Limits(header_s=0.3))
    with socket.create_connection(("127.0.0.1", page.port), 30) as connection:
        assert received(connection) == b""


@pytest.mark.parametrize("limits", [Limits(per_address=10), Limits(connections=10)])
def test_the_number_of_connections_is_limited(serve, limits):
    page = serve(limits)
    page.show()
    open_ones = [socket.create_connection(("127.0.0.1", page.port), 30) for _ in range(15)]
    until(lambda: page.page.connections.refused >= 5, "refusing five connections")
    for connection in open_ones:
        connection.close()
    until(lambda: not page.page.connections.by_address, "the end of the connections")
    with page.client() as client:
        assert client.get("/api/faces").status_code == 200


def test_too_many_requests_are_refused_for_a_while(served):
    with served.client() as client:
        statuses = [client.get("/nothing").status_code for _ in range(1500)]
    assert statuses[:200] == [404] * 200 and 429 in statuses


# The stream


def pictures(pieces, count):
    """Return the first JPEG files of a stream."""
    found, block = [], b""
    for piece in pieces:
        block += piece
        *parts, block = block.split(b"--facet-frame\r\n")
        found += [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts if part]
        if len(found) >= count:
            return found
    return found


def test_the_stream_is_jpeg_pictures_with_boundaries(serve):
    page = serve(fps=30)
    with Loop(page), page.client() as client, client.stream("GET", "/stream.mjpg") as answer:
        assert answer.headers["content-type"].startswith("multipart/x-mixed-replace; boundary=")
        for picture in pictures(answer.iter_bytes(), 3):
            assert picture.startswith(b"\xff\xd8\xff") and picture.endswith(b"\xff\xd9")


def test_nothing_is_encoded_while_nobody_looks(serve):
    page = serve(fps=30)
    with Loop(page), page.client() as client:
        client.get("/api/status")
        assert page.page.site.pictures.encoded == 0
        with client.stream("GET", "/stream.mjpg") as answer:
            pieces = answer.iter_bytes()  # kept: its end would end the stream
            pictures(pieces, 2)
            assert client.get("/api/status").json()["viewers"] == 1
        until(lambda: not page.page.site.stream_feed.readers, "the end of the viewer")
        frames = page.count
        before = page.page.site.pictures.encoded
        until(lambda: page.count > frames + 20, "twenty more frames")
        assert page.page.site.pictures.encoded <= before + 1


def watch(page, count, seen, errors):
    try:
        with page.client() as client, client.stream("GET", "/stream.mjpg") as answer:
            if answer.status_code != 200:
                errors.append(answer.status_code)
                return
            seen.append(pictures(answer.iter_bytes(), count))
    except Exception as error:
        errors.append(error)


def viewers(page, number, count):
    """Return (pictures of each viewer, errors) of viewers at the same time."""
    seen, errors = [], []
    threads = [
        threading.Thread(target=watch, args=(page, count, seen, errors)) for _ in range(number)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return seen, errors


def test_ten_viewers_are_encoded_for_once(serve):
    page = serve(fps=30)
    with Loop(page):
        seen, errors = viewers(page, 10, 10)
    assert not errors and len(seen) == 10
    different = {picture for one in seen for picture in one}
    sent = sum(map(len, seen))
    encoded = page.page.site.pictures.encoded
    assert len(different) <= encoded <= page.count < sent
    assert sent >= 100


def test_a_hundred_viewers_get_the_stream_or_a_refusal(serve):
    page = serve(fps=30, max_viewers=20)
    with Loop(page):
        seen, errors = viewers(page, 100, 10)
        with page.client() as client:
            assert client.get("/api/faces").status_code == 200
    assert len(seen) >= 20 and set(errors) <= {503} and len(seen) + len(errors) == 100


@pytest.mark.parametrize("path, feed", [("/stream.mjpg", "stream_feed"), ("/events", "event_feed")])
def test_one_more_viewer_or_listener_than_the_limit_is_refused(serve, path, feed):
    page = serve(max_viewers=1)
    page.show()
    with page.client() as client, client.stream("GET", path) as first:
        assert first.status_code == 200
        until(lambda: getattr(page.page.site, feed).readers, "the first")
        with client.stream("GET", path) as second:  # one that is served has no end
            assert second.status_code == 503
            assert second.headers["retry-after"] == "10"
            assert "max_viewers" in json.loads(second.read())["error"]
    until(lambda: not getattr(page.page.site, feed).readers, "the end of the first")


@pytest.mark.parametrize("path", ["/stream.mjpg", "/events"])
def test_viewers_that_come_together_do_not_pass_the_limit(serve, path):
    page = serve(max_viewers=2)
    page.show()
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", page.port), WAIT_S))
            for _ in range(20)
        ]
        until(lambda: page.page.connections.by_address.total() == 20, "the connections")
        for client in clients:
            client.sendall(request)
        answers = [client.recv(len("HTTP/1.1 200")) for client in clients]
    assert answers.count(b"HTTP/1.1 200") == 2 and answers.count(b"HTTP/1.1 503") == 18


@pytest.mark.slow
def test_a_hundred_viewers_at_the_limit_are_all_served(serve):
    page = serve(fps=5, max_viewers=100)
    with Loop(page):
        seen, errors = viewers(page, 100, 3)
    assert not errors and len(seen) == 100


def test_a_viewer_that_stalls_is_dropped_and_the_others_go_on(serve):
    page = serve(Limits(stall_s=1.0), fps=30, width=3840, quality=100)
    stalled = socket.socket()
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stalled.settimeout(30)
    stalled.connect(("127.0.0.1", page.port))
    with stalled, Loop(page, (1200, 1600, 3)):
        stalled.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with page.client() as client, client.stream("GET", "/stream.mjpg") as answer:
            pieces = answer.iter_bytes()
            until(lambda: next(pieces) and page.page.connections.stalled, "dropping the viewer")
            # The other one goes on.
            assert sum(len(next(pieces)) for _ in range(20)) > 0
        until(lambda: page.page.site.stream_feed.readers <= 1, "the end of the stalled viewer")


def test_a_client_that_does_not_read_its_answer_is_dropped(serve):
    page = serve(Limits(stall_s=0.5), quality=100, width=7680)
    page.show(shape=(3000, 4000, 3))
    page.live.state.newest().frame.bgr[::2] = 7
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(("127.0.0.1", page.port))
        lazy.sendall(b"GET /snapshot.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n" * 10)
        until(lambda: page.page.connections.stalled, "dropping the client")


@pytest.mark.slow
def test_a_viewer_that_stalls_is_dropped_over_https_too(serve, certificate):
    tls = {"cert": certificate / "a.crt", "key": certificate / "a.key"}
    page = serve(Limits(stall_s=1.0), fps=30, width=3840, quality=100, **tls)
    context = ssl.create_default_context(cafile=certificate / "a.crt")
    with socket.socket() as plain, Loop(page, (1200, 1600, 3)):
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(WAIT_S)
        plain.connect(("127.0.0.1", page.port))
        with context.wrap_socket(plain, server_hostname="localhost") as stalled:
            stalled.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
            until(lambda: page.page.connections.stalled, "dropping the viewer")
    until(lambda: not page.page.site.stream_feed.readers, "the end of the viewer")


def test_a_picture_that_cannot_be_made_is_reported_and_the_stream_goes_on(serve, capsys):
    page, heard = serve(fps=30), []

    def reported():
        heard.append(capsys.readouterr().err)
        return "facet: web page: error" in "".join(heard)

    page.show(shape=(0, 160, 3))
    with page.client() as client, client.stream("GET", "/stream.mjpg") as answer:
        until(reported, "the line on the fault")
        with Loop(page):
            assert len(pictures(answer.iter_bytes(), 2)) >= 2


def test_faces_are_blurred_in_stream_and_snapshot(serve):
    import cv2
    import numpy as np

    page = serve(blur=True, quality=100)
    page.show(face(1, (50.0, 30.0, 60.0, 60.0), labels=()))
    bgr = page.live.state.newest().frame.bgr
    bgr[:] = np.random.default_rng(0).integers(0, 256, bgr.shape)
    with page.client() as client:
        data = client.get("/snapshot.jpg").content
        with client.stream("GET", "/stream.mjpg") as answer:
            (streamed,) = pictures(answer.iter_bytes(), 1)
        assert client.get("/api/status").json()["blur"] is True
    assert streamed == data
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture[45:75, 65:95].std() < 20 < picture[100:, :40].std()


@pytest.mark.parametrize("path", ["stream.mjpg", "snapshot.jpg"])
def test_other_software_reads_the_pictures_as_those_of_a_camera(serve, path):
    page = serve(fps=30, password=HASH)
    page.show()
    secret = PASSWORD.replace(" ", "%20")
    source = f"http://facet:{secret}@127.0.0.1:{page.port}/{path}"
    with Loop(page), open_camera(CameraSettings(source=source)) as camera:
        assert next(iter(camera)).bgr.shape == (120, 160, 3)


# The run


def test_the_end_of_the_run_ends_streams_and_events_at_once(serve):
    page = WebPage(live_run())
    with page, httpx.Client(base_url=page.url, timeout=30, trust_env=False) as client:
        streams = [client.stream("GET", path) for path in ("/stream.mjpg", "/events")]
        for stream in streams:
            stream.__enter__()
        page.__exit__(None, None, None)
        assert not page._worker.running
        for stream in streams:
            stream.__exit__(None, None, None)
    assert isinstance(page._live.state, LiveState)


def test_a_fault_in_a_handler_is_one_line_and_the_page_goes_on(serve, capsys):
    page = serve()
    page.show()

    def broken():
        raise ValueError("no such thing")

    with page.client() as client:
        client.get("/api/faces")
        page.page.site._facts._doctor = broken
        assert client.get("/api/status").status_code == 500
        assert client.get("/api/faces").status_code == 200
    lines = [line for line in capsys.readouterr().err.splitlines() if "no such thing" in line]
    assert lines == ["facet: web page: ValueError: no such thing"]
