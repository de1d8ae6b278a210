"""Measure the web servers that Facet could use: import, memory, requests/s, size on the disk.

    python -m scripts.web_servers            # needs starlette, uvicorn and aiohttp; takes 20 s

Each runs in a process of its own and serves a JSON object, one request after the other on one
connection. On a busy machine the times are too long, memory and size are not.
"""

import argparse
import importlib.metadata
import importlib.util
import re
import socket
import subprocess
import sys
import time

PACKAGES = {"starlette": ("starlette", "uvicorn"), "aiohttp": ("aiohttp",)}
SECONDS = 3.0
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
MEMORY = "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024"

START = f"""
import asyncio, resource, socket, ssl, json, sys, time
def listen():
    # With the protocol named, or else asyncio leaves Nagle's algorithm on.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener
before, since = {MEMORY}, time.perf_counter()
"""
READY = f"""
print((time.perf_counter() - since) * 1000, {MEMORY} - before, port, flush=True)
"""
SERVERS = {
    "starlette": f"""{START}
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol
async def page(request):
    return JSONResponse({{"faces": [1, 2, 3]}})
app = Starlette(routes=[Route("/", page)])
listener = listen()
port = listener.getsockname()[1]
{READY}
config = uvicorn.Config(app, http=H11Protocol, ws="none", lifespan="off", log_config=None,
                        access_log=False)
asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
""",
    "aiohttp": f"""{START}
from aiohttp import web
async def page(request):
    return web.json_response({{"faces": [1, 2, 3]}})
app = web.Application()
app.router.add_get("/", page)
listener = listen()
port = listener.getsockname()[1]
{READY}
web.run_app(app, sock=listener, access_log=None, print=None)
""",
}


def size_mb(name: str, seen: set[str]) -> float:
    """Return the size of a package and of what it needs, MB (10^6 bytes), each counted once."""
    if name in seen:
        return 0.0
    seen.add(name)
    try:
        files = importlib.metadata.files(name) or []
    except importlib.metadata.PackageNotFoundError:  # needed on other systems only
        return 0.0
    own = sum(file.size or 0 for file in files) / 1e6
    needs = [need for need in importlib.metadata.requires(name) or [] if "extra" not in need]
    return own + sum(size_mb(re.split(r"[^\w.-]", need)[0].lower(), seen) for need in needs)


def requests_per_s(port: int) -> float:
    """Return how many requests a second a server answers, one after the other."""
    count, end = 0, time.perf_counter() + SECONDS
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        while time.perf_counter() < end:
            connection.sendall(REQUEST)
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(65536)
            count += 1
    return count / SECONDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.parse_args()
    needed = [package for packages in PACKAGES.values() for package in packages]
    if missing := [package for package in needed if importlib.util.find_spec(package) is None]:
        command = f"{sys.executable} -m pip install {' '.join(missing)}"
        parser.exit(2, f"{parser.prog}: {', '.join(missing)} missing. Try: {command}\n")
    print("server     packages      size MB  import ms  memory MB  requests/s")
    for name, code in SERVERS.items():
        # The second start has the compiled files in the disk's cache.
        for _ in range(2):
            with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
                import_ms, memory_mb, port = process.stdout.readline().split()
                rate = requests_per_s(int(port))
                process.kill()
        seen: set[str] = set()
        size = sum(size_mb(package, seen) for package in PACKAGES[name])
        print(
            f"{name:10} {len(seen):8} {size:12.1f} {float(import_ms):10.0f} "
            f"{float(memory_mb):10.1f} {rate:11.0f}"
        )


if __name__ == "__main__":
    main()
