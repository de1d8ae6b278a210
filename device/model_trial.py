"""Load an untrusted network once in a separate process, where a crash ends only that process.

A corrupt or hostile file can abort the TFLite runtime or OpenCV, take all memory or never end. The
verdict is remembered by the file's SHA-256 and the runtime: each is tried once on a computer.
"""

import contextlib
import ctypes
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ModelError, one_line
from .files import parse_json, read_regular, write_atomic
from .tflite import Network, runtime_name

# The models that come with Facet, as in their cards; a test compares.
SHIPPED = frozenset(
    {
        "4114a9be65f95ed5693b0c9fcfcf33870e6d371da4bd74a063736afe1647a2e7",  # attributes
        "f06bebb970701236513a99e9a152f2262c3c0020058d6974287f3a17cbe8eb99",  # attributes-small
        "4c815acde80acb52583747cc10297678fd16a128e77fd032727baa751a5eb9fa",  # attributes-large
    }
)
LIMIT_S = 60.0  # a Pi Zero loads and runs the largest model in a few
LIMIT_BYTES = 4 * 2**30  # of the process's addresses, with what each thread reserves
LIMIT_DATA = 2**30  # bytes that it may write to; a model takes some 0.1 GB
GOOD = ""
TFLITE, YUNET = "tflite", "yunet"  # what a network is
# A kill may have another cause, such as memory that was used up: not remembered.
REMEMBERED = {signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
PR_SET_PDEATHSIG = 1  # of linux/prctl.h
MAX_VERDICTS, MAX_BYTES = 200, 1_000_000


def require_loadable(
    content: bytes, digest: str, name: str, hint: str, threads: int, delegates: bool
) -> None:
    """Return if the network loads and runs, or is known to; raise ModelError if it does not.

    digest: the content's SHA-256, in hexadecimal. content, name, hint, threads, delegates: as for
    `Network`.
    """
    if digest in SHIPPED:
        return
    runtime = runtime_name()
    key = f"{digest} {runtime}{'' if delegates else ' without delegates'}"
    _require(key, content, name, hint, [TFLITE, str(threads), str(int(delegates))])


def require_yunet(content: bytes, name: str, hint: str) -> None:
    """Do the same for the ONNX file of a YuNet network, which OpenCV runs."""
    import cv2

    digest = hashlib.sha256(content).hexdigest()
    _require(f"{digest} OpenCV {cv2.__version__}", content, name, hint, [YUNET])


def _require(key: str, content: bytes, name: str, hint: str, arguments: list[str]) -> None:
    path = verdict_file()
    verdict = _read(path).get(key)
    if verdict is None:
        verdict, final = _try(content, arguments)
        if final:
            _remember(path, key, verdict)
    if verdict != GOOD:
        raise ModelError(f"{name} {verdict}", hint)


def verdict_file() -> Path:
    """Return the file of verdicts, private to each user."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(cache) / "facet" / "models.json"


def _try(content: bytes, arguments: list[str]) -> tuple[str, bool]:
    """Return what is wrong with a model, as "crashes ...", GOOD if nothing; and if it is final."""
    path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
    command = [sys.executable, "-P", "-m", __name__, *arguments]
    try:
        done = subprocess.run(
            command,
            input=content,
            capture_output=True,
            env=os.environ | {"PYTHONPATH": path},
            timeout=LIMIT_S,
            start_new_session=True,  # Ctrl-C is for Facet
        )
    except subprocess.TimeoutExpired:
        return f"does not end within {LIMIT_S:.0f} s", False
    except OSError as error:
        return f"cannot be tried: {error.strerror}", False
    if done.returncode < 0:
        number = signal.Signals(-done.returncode)
        return f"crashes what runs it ({number.name})", number in REMEMBERED
    with contextlib.suppress(ValueError, TypeError):
        (verdict,) = json.loads(done.stdout)
        return str(verdict), True
    reason = one_line(done.stderr.decode(errors="replace")[-200:]) or "no answer"
    return f"cannot be tried: {reason}", False


def _read(path: Path) -> dict[str, Any]:
    try:
        content, status = read_regular(path, MAX_BYTES)
        verdicts = parse_json(content)
    except (OSError, ValueError):
        return {}
    # Another user's verdicts are not trusted: theirs may say that a hostile model is good.
    if not isinstance(verdicts, dict) or status.st_uid not in (0, os.geteuid()):
        return {}
    return {key: text for key, text in verdicts.items() if isinstance(text, str)}


def _remember(path: Path, key: str, verdict: str) -> None:
    newest = [*_read(path).items(), (key, verdict)][-MAX_VERDICTS:]
    with contextlib.suppress(OSError):  # a full or read-only disk: it is tried again next time
        write_atomic(path, json.dumps(dict(newest), indent=1).encode(), 0o600)


def trial(content: bytes, threads: int, delegates: bool) -> str:
    """Load and run a network in this process; return what is wrong with it, or GOOD."""
    try:
        network = Network(content, "", "", threads, delegates)
        shape, dtype = network.input_shape, np.dtype(network.input_dtype)
        pattern = np.arange(np.prod(shape), dtype=np.int64).reshape(shape)
        for batch in (np.zeros(shape, dtype), (pattern % 256).astype(dtype)):
            if not all(np.isfinite(output).all() for output in network.run(batch)):
                return "gives outputs that are no numbers"
    except ModelError as error:
        return error.message.strip()
    except Exception as error:
        return f"is not a model that {runtime_name()} can run ({one_line(error)})"
    return GOOD


def yunet_trial(content: bytes) -> str:
    """Do the same for the ONNX file of a YuNet network."""
    import cv2

    try:
        network = np.frombuffer(content, np.uint8)
        detector = cv2.FaceDetectorYN.create("onnx", network, np.empty(0, np.uint8), (320, 320))
        detector.detect(np.zeros((320, 320, 3), np.uint8))
    except (cv2.error, ValueError, MemoryError) as error:
        return f"is not a YuNet network: {one_line(error)}"
    return GOOD


def main() -> int:
    """Try the network that stdin has; print a JSON list of what is wrong with it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # Facet may be stopped meanwhile
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for which, limit in ((resource.RLIMIT_AS, LIMIT_BYTES), (resource.RLIMIT_DATA, LIMIT_DATA)):
        with contextlib.suppress(ValueError, OSError):  # a lower limit holds already, or 32 bits
            resource.setrlimit(which, (limit, limit))
    content, (kind, *arguments) = sys.stdin.buffer.read(), sys.argv[1:]
    if kind == YUNET:
        verdict = yunet_trial(content)
    else:
        verdict = trial(content, int(arguments[0]), arguments[1] == "1")
    print(json.dumps([verdict]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
