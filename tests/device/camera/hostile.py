"""Answers that never end or come byte by byte, and the memory that the whole command takes then."""

import contextlib
import socket
import threading
import time

from tests.device.camera.wire import MULTIPART

OK = b"HTTP/1.1 200 OK\r\nContent-Type: "
ZEROS = bytes(1 << 16)
PART = OK + MULTIPART.encode() + b"\r\n\r\n--facet\r\n"
# How an answer begins, and what follows again and again.
ENDLESS = {
    "header": (b"HTTP/1.1 200 OK\r\nX: ", b"a" * 65536),
    "part": (PART + b"Content-Type: image/jpeg\r\n\r\n\xff\xd8", ZEROS),
    "lines of a part": (PART + b"X: y\r\n\r\n\xff\xd8", b"\n" * 65536),
    "MP4": (OK + b"video/mp4\r\n\r\n\0\0\0\x10ftypisom\0\0\2\0" + b"\0\0\0\1mdat\0\1" * 2, ZEROS),
    "FLV tag": (OK + b"video/x-flv\r\n\r\nFLV\1\1\0\0\0\x09\0\0\0\0\x09\xff\xff\xff", ZEROS),
    "RTSP answer": (b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 2000000000\r\n\r\n", ZEROS),
}
# How an answer begins whose bytes come one by one.
DRIPPING = {
    "head": b"HTTP/1.1 200 OK\r\nX: ",
    "jpeg": OK + b"image/jpeg\r\nContent-Length: 9000\r\n\r\n\xff\xd8\xff",
    "part": PART + b"X: y\r\n\r\n\xff\xd8\xff",
    "part of a length": PART + b"Content-Length: 9000\r\n\r\n\xff\xd8\xff",
    "stream": OK + b"video/mp2t\r\n\r\nG",
    "playlist": OK + b"application/x-mpegurl\r\n\r\n#EXTM3U\n",
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
}

# Arguments: a command. Prints its exit code and peak memory, MB. In a process of its own: one
# counts what it was before it became another program, and pytest is large.
MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
"""


@contextlib.contextmanager
def answering(begin, rest, every_s=0.0):
    """Answer every connection with `begin`, then `rest` again and again; yields the port.

    every_s: between two of them. rest: if empty, the answer ends.
    """
    leaving = threading.Event()

    def answer(peer):
        with contextlib.suppress(OSError), peer:
            peer.settimeout(10)
            peer.recv(65536)
            peer.sendall(begin)
            while rest and not leaving.is_set():
                peer.sendall(rest)
                time.sleep(every_s)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                threads.append(threading.Thread(target=answer, args=(peer,)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads = [threading.Thread(target=accept)]
        threads[0].start()
        try:
            yield listener.getsockname()[1]
        finally:
            leaving.set()
            listener.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()
