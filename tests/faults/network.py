"""A network camera that is hostile: answers without end, other hosts, and its own password."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from device.camera.demo import ASTRONAUT, portrait
from tests.device.camera import hostile
from tests.device.camera.hostile import DRIPPING, ENDLESS, OK, PART, answering
from tests.device.camera.test_secrets import SECRET, address, asking_camera
from tests.device.camera.wire import Page, RtspServer, jpeg, part, web
from tests.faults.ended import PEAK_MB, Ended, run_to_end
from tests.faults.fault import Bench, Outcome
from tests.faults.systemd import Supervisor
from tests.faults.victim import Facet, settings

TOGETHER = 2  # most answers are waited for
HUGE = jpeg(80).replace((48).to_bytes(2) + (64).to_bytes(2), (16000).to_bytes(2) * 2)
RTSP = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n"
# An answer's name, how it begins, what follows again and again, and s between two of them. The
# first are those of --quick: one of each kind.
_ANSWERS = (
    ("endless part", *ENDLESS["part"], 0.0),
    ("endless RTSP answer", *ENDLESS["RTSP answer"], 0.0),
    ("huge pictures", PART[:-9], part(HUGE), 0.0),
    ("dripping part", DRIPPING["part"], b"a", 0.05),
    ("dripping RTSP head", RTSP + b"X: ", b"a", 0.05),
    *((f"endless {name}", *ENDLESS[name], 0.0) for name in ENDLESS),
    ("endless JPEG", OK + b"image/jpeg\r\n\r\n\xff\xd8\xff", hostile.ZEROS, 0.0),
    ("endless playlist", OK + b"application/x-mpegurl\r\n\r\n#EXTM3U\n", b"a.ts\n" * 9999, 0.0),
    ("endless RTSP head", RTSP, b"X: " + b"a" * 65536 + b"\r\n", 0.0),
    ("endless RTSP packets", RTSP + b"\r\n", b"$\0\xea\x60" + b"\0" * 60_000, 0.0),
    ("one huge picture", OK + b"image/jpeg\r\n\r\n" + HUGE, b"", 0.0),
    ("a part of 2 GB", PART + b"Content-Length: 2000000000\r\n\r\n", hostile.ZEROS, 0.0),
    *((f"dripping {name}", begin, b"a", 0.05) for name, begin in DRIPPING.items()),
)
ANSWERS = list(dict.fromkeys(_ANSWERS))


def hostile_answers(bench: Bench) -> Outcome:
    """Answer without end, byte by byte, or with huge pictures, over HTTP and RTSP."""
    chosen = [ANSWERS[trial % len(ANSWERS)] for trial in range(bench.trials)]

    def attempt(number: int) -> tuple[str, Ended]:
        name, begin, rest, every_s = chosen[number]
        with answering(begin, rest, every_s) as port:
            return name, _run_on(bench.folder / str(number), "rtsp" if "RTSP" in name else "http",
                                 f"127.0.0.1:{port}")  # fmt: skip

    with ThreadPoolExecutor(TOGETHER) as pool:
        done = list(pool.map(attempt, range(len(chosen))))
    bad = [name for name, ended in done if not ended.refused or _shows(ended)]
    peak_mb = max(ended.peak_mb for _, ended in done)
    slowest_s = max(ended.took_s for _, ended in done)
    return Outcome(
        f"an end with exit code 3 and one line each time, at most {PEAK_MB} MB",
        f"{len(done) - len(bad)} of {len(done)} times, at most {peak_mb:.0f} MB and "
        f"{slowest_s:.0f} s" + f"; not: {', '.join(bad)}" * bool(bad),
        not bad and peak_mb < PEAK_MB,
    )


def _run_on(folder: Path, scheme: str, host: str) -> Ended:
    """Run the command on an address with a secret wherever there may be one."""
    folder.mkdir()
    url = f"{scheme}://ann:{SECRET}@{host}/live?password={SECRET}"
    config = settings(folder, "[camera]", f"source = '{url}'")
    return run_to_end(folder, "--headless", "--config", config, "--log", "faces.csv")


def _shows(ended: Ended) -> bool:
    """Whether a part of the secret is in what a command printed."""
    text = "\n".join(ended.lines)
    return SECRET in text or SECRET[:6] in text or SECRET[5:] in text


def _referring_pages() -> Iterator[tuple[str, bytes, dict]]:
    """Yield how an answer may lead to THERE: its name, body and the options of a Page."""
    yield "redirect", b"", {"status": 302, "Location": "THERE"}
    yield "entry of a playlist", b"#EXTM3U\n#EXTINF:3,\nTHERE\n", {"kind": "audio/x-mpegurl"}
    yield "RTSP redirect", b"", {}
    yield (
        "concatenation",
        b"ffconcat version 1.0\nfile THERE\n" + b"#\n" * 50,
        {"kind": "video/mp4"},
    )
    for status in (301, 303, 307, 308):
        yield f"redirect {status}", b"", {"status": status, "Location": "THERE"}
    for line in (
        "#EXT-X-STREAM-INF:BANDWIDTH=1\nTHERE",
        '#EXT-X-MAP:URI="THERE"\n#EXTINF:3,\na.ts',
    ):
        yield line[:14], f"#EXTM3U\n{line}\n".encode(), {"kind": "application/x-mpegurl"}
    yield "playlist as a film", b"#EXTM3U\n#EXTINF:3,\nTHERE\n", {"kind": "video/mp4"}


def elsewhere(bench: Bench) -> Outcome:
    """Lead Facet to another address of this computer by a redirect, a playlist, or a film."""
    pages = list(_referring_pages())
    done, asked = [], 0
    with web({"/secret": Page(b"no picture" * 99, "text/plain")}) as other:
        for trial in range(bench.trials):
            name, body, options = pages[trial % len(pages)]
            there = f"http://127.0.0.1:{other.server_port}/secret"
            options = {k: there if v == "THERE" else v for k, v in options.items()}
            folder = bench.folder / str(trial)
            if name.startswith("RTSP"):
                to = there.replace("http", "rtsp").encode()
                answer = b"RTSP/1.0 302 Found\r\nCSeq: {cseq}\r\nLocation: " + to + b"\r\n\r\n"
                with RtspServer(answers={"DESCRIBE": answer}) as server:
                    done.append((name, _run_on(folder, "rtsp", f"127.0.0.1:{server.port}")))
            else:
                with web({"/live": Page(body.replace(b"THERE", there.encode()), **options)}) as one:
                    host = f"127.0.0.1:{one.server_port}"
                    done.append((name, _run_on(folder, "http", host)))
            asked = len(other.hits)
    bad = [name for name, ended in done if not ended.refused or _shows(ended)]
    return Outcome(
        "the other address is never asked, exit code 3 and one line each time",
        f"asked {asked} times; {len(done) - len(bad)} of {len(done)} times exit code 3 and one line"
        + f"; not: {', '.join(bad)}" * bool(bad),
        not (bad or asked),
    )


PLACES = ("query", "file", "user", "path", "environment")


def secrets(bench: Bench) -> Outcome:
    """Give a camera's password in each place where it may stand, and search for it in all that
    Facet prints, writes, and shows to systemd and to other users."""
    (bench.folder / "password").write_text(SECRET)
    picture = portrait(ASTRONAUT)[:480]
    asking = asking_camera(picture)
    shown, asked, codes = 0, 0, []
    with web({"/live": asking, f"/{SECRET}/live": asking}) as server:
        for place in islice(_cycle(), bench.trials):
            folder = bench.folder / f"{len(codes)}"
            folder.mkdir()
            text, code = _run_with_secret(folder, address(server, place), place, bench.folder)
            shown += any(one in text for one in (SECRET, SECRET[:6], SECRET[5:]))
            codes.append(code)
            asked = sum(bool(authorization) for _, authorization in server.hits)
    return Outcome(
        "the password reaches the camera, and no output, log, process list or status",
        f"{asked} times at the camera; shown {shown} of {len(codes)} times; exit codes "
        f"{', '.join(map(str, sorted(set(codes))))}",
        asked >= len(codes) and not shown and set(codes) == {0},
    )


def _cycle() -> Iterator[str]:
    while True:
        yield from PLACES


def _run_with_secret(folder: Path, url: str, place: str, shared: Path) -> tuple[str, int]:
    """Return all that a run on an address shows, and its exit code."""
    extra = (f"password_file = '{shared}/password'",) if place == "file" else ()
    outputs = ("[outputs]", "log = 'faces.csv'", "log_every = 0", "headless = true")
    config = settings(folder, "[camera]", f"source = '{url}'", *extra, *outputs)
    more = {"FACET_CAMERA_PASSWORD": SECRET} if place == "environment" else {}

    def start(notify: dict[str, str]) -> Facet:
        return Facet(folder, "--config", config, **more, **notify)

    with Supervisor(folder, start) as systemd:
        facet = systemd.facet
        facet.wait_for_row(3)
        seen = Path(f"/proc/{facet.pid}/cmdline").read_text() + systemd.status
        code, _ = facet.stop()
    return seen + facet.stderr() + (folder / "faces.csv").read_text(), code
