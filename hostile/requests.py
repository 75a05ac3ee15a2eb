"""What do hostile requests do to a server? `python -m hostile.requests [--short]`: a real one, and over five hundred.

Each is sent as bytes on a connection of its own, so nothing tidies it up on the way: foreign names and pages, paths and
revisions that would lead elsewhere, numbers that no type holds, bytes that are no text, floods of headers, requests
within requests, and clients that hardly send or never read. For each it is written down which answers are right. After
every round the server must answer as before; after the first, its memory and its open files must not grow any more.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

__all__ = ["Hostile", "all_of_them", "main"]

CANARY = "canary_that_nobody_may_see"
CLIENT_SECONDS = 1.0
"""How long the server waits for a client here, so that slow ones are seen off soon."""
PATIENCE = 20.0
ROOM_BYTES = 6_000_000
"""Memory may differ by so much between rounds, as allocators have it."""
HOST = b"host: localhost\r\n"

REFUSED = frozenset((400, 403, 404, 405, 408, 413, 414, 422, 429, 431, 503))
FINE = REFUSED | {200}
CLOSED = 0
"""What stands for a connection that ends without an answer."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """A request: its class, a name, its bytes, the statuses that are right, and how it is sent.

    `drip` sends the bytes one at a time with pauses; `deaf` never reads. `most` is how many answers may come.
    """

    kind: str
    name: str
    data: bytes
    right: frozenset[int] = REFUSED
    drip: bool = False
    deaf: bool = False
    most: int = 1


@dataclass(frozen=True, slots=True)
class Seen:
    """What came back: the statuses of all answers, and why that is wrong, if it is."""

    request: Hostile
    statuses: tuple[int, ...]
    wrong: str = ""


def get(target: str | bytes, headers: bytes = HOST, method: bytes = b"GET") -> bytes:
    """Return a plain request that ends its connection."""
    raw = target.encode("latin-1") if isinstance(target, str) else target
    return method + b" " + raw + b" HTTP/1.1\r\n" + headers + b"connection: close\r\n\r\n"


def all_of_them() -> list[Hostile]:
    """Return every hostile request, the same each time."""
    return [*names(), *places(), *words(), *sizes(), *forms(), *slow()]


def names() -> Iterator[Hostile]:
    """Foreign names, and pages of other sites."""
    for host in ("evil.example", "localhost.evil.example", "evil.example:8765", "127.0.0.1.nip.example", "127.1", "0",
                 "2130706433", "0x7f000001", "127.0.0.2", "[::2]", "[::ffff:127.0.0.1]", "localhost:0:0",
                 "localhost/", "@",
                 "localhost@evil.example", "evil.example#localhost", "localhost, evil.example", "*", ".", "localhost.",
                 "x" * 300, "%6c%6f%63alhost", "localhost:999999", "\u00e9vil"):  # fmt: skip
        yield Hostile("host", host[:30], get("/v1/roots", b"host: " + host.encode() + b"\r\n"), frozenset((400, 403)))
    for origin in ("null", "http://evil.example", "https://localhost", "http://localhost:1", "http://127.0.0.1:1",
                   "file://", "chrome-extension://x", "http://localhost.evil.example", "http://evil.example@localhost",
                   "http://", "", "localhost", "//localhost", "http://localhost, http://evil.example",
                 "x" * 2000):  # fmt: skip
        headers = HOST + b"origin: " + origin.encode() + b"\r\n"
        yield Hostile("origin", origin[:30], get("/v1/search?q=a", headers), frozenset((403,)))
        yield Hostile("origin", f"{origin[:30]} refresh", get("/v1/refresh", headers, b"POST"), frozenset((403,)))


def places() -> Iterator[Hostile]:
    """Paths, roots, globs and revisions that lead elsewhere."""
    elsewhere = (
        "../secret.py", "..", "lib/../../secret.py", "./../secret.py", "....//secret.py", "..%2fsecret.py",
                 "/etc/passwd",
        "//etc/passwd", "/proc/self/environ", "/proc/self/fd/0", "/dev/zero", "/dev/stdin", "link.py",
                 "linked/secret.py",
        "loop", "fifo", "lib\\..\\secret.py", "C:\\secret.py", "file:///etc/passwd", "~/.ssh/id_rsa", "$HOME/x",
                 "a\0.py",
        "lib/net.py\0", "\n", "x" * 4097, "/".join(["a"] * 2000), "x" * 256, "lib/net.py/", "lib/net.py/..", " ",
                 ".git/config",
    )  # fmt: skip
    for path in elsewhere:
        asked = quote(path, safe="")
        for url in (f"/v1/lines?start=1&end=9&path={asked}", f"/v1/outline?path={asked}"):
            own = path in ("lib/net.py/", ".git/config")
            yield Hostile("path", f"{url[4:11]} {path[:20]!r}", get(url), FINE if own else REFUSED)
        yield Hostile("path", f"search {path[:20]!r}", get(f"/v1/search?q=retry&path={asked}"), FINE)
        yield Hostile("path", f"root {path[:20]!r}", get(f"/v1/search?q=retry&root={asked}"), frozenset((400, 404)))
    for url in ("/assets/..%2f..%2fhttp%2fapp.py", "/assets/../http/app.py", "/assets/%2e%2e/x", "/assets//etc/passwd",
                "/../../etc/passwd", "//etc/passwd", "/v1/../../etc", "/assets/.",
                 "/assets/index.html%00.js"):  # fmt: skip
        yield Hostile("path", url[:30], get(url), frozenset((400, 404)))
    for glob in ("../**", "/etc/*", "**/../../*",
                 "*" * 500, "**/" * 300, "[" * 300, "{a,b}" * 40, "{" * 1000, "a" * 2000,
                 "[!" + "a-" * 500, "\\" * 501, "?" * 1000, "*a" * 400 + "b", "(a+)+$", "!**", "\0",
                 "{" + "," * 900 + "}"):  # fmt: skip
        for name in ("include", "exclude"):
            yield Hostile(
                "glob", f"{name} {glob[:20]!r}", get(f"/v1/search?q=retry&{name}={quote(glob, safe='')}"), FINE
            )
    for revision in ("--output=/tmp/x", "-x", "--upload-pack=touch x", "HEAD;id", "$(id)", "`id`", "HEAD|id",
                 "a..b..c", "..",
                     "HEAD:lib/net.py", ":/fix", "HEAD^{/fix}", "@{-1}", "HEAD\n--all", "x" * 300, "\0",
                 "refs/../../x", "^HEAD",
                     "HEAD@{99999999999999999999}", "HEAD~999999999", "0" * 40, "//x", "HEAD --"):  # fmt: skip
        yield Hostile("revision", repr(revision[:20]), get(f"/v1/diff?old={quote(revision, safe='')}"))


def words() -> Iterator[Hostile]:
    """Numbers that no type holds, bytes that are no text, and questions that nobody asks."""
    for number in ("-1", "0", "99999999999999999999", "1e9", "1.5", "NaN", "inf", "-inf", "0x10", "٣", "", " ",
                 "true", "null",
                   "1_000", "9" * 4000, "1,1", "[1]", "%31%00"):  # fmt: skip
        for name in ("limit", "min_score", "max_tokens"):
            yield Hostile("number", f"{name}={number[:20]}", get(f"/v1/search?q=retry&{name}={_quoted(number)}"), FINE)
        yield Hostile("number", f"line={number[:20]}", get(f"/v1/related?path=lib/net.py&line={_quoted(number)}"), FINE)
        yield Hostile(
            "number", f"end={number[:20]}", get(f"/v1/lines?path=lib/net.py&start=1&end={_quoted(number)}"), FINE
        )
        refresh = get(f"/v1/refresh?seconds={_quoted(number)}", method=b"POST")
        yield Hostile("number", f"seconds={number[:20]}", refresh, FINE)
    for raw in ("%ff", "%c3%28", "%ed%a0%80", "%c0%80", "%f4%90%80%80", "%fe%fe%ff%ff", "%e2%82", "a%80b"):
        for url in (f"/v1/search?q={raw}", f"/v1/search?{raw}=a", f"/v1/{raw}"):
            yield Hostile("encoding", url[4:30], get(url), frozenset((400,)))
    for raw in (
        "%00",
        "%0d%0aset-cookie:%20a=b",
        "%zz",
        "%",
        "%u0041",
        "%e2%80%ae",
        "%1b%5b2J",
        "%f0%9f%92%a9" * 300,
        "%20",
    ):
        yield Hostile("encoding", f"q={raw[:20]}", get(f"/v1/search?q={raw}"), FINE)
    for raw in (b"\xff\xfe", b"\x00", b"\x7f", b"caf\xc3\xa9", b" ", b"\t"):
        yield Hostile("encoding", f"raw {raw!r}", get(b"/v1/search?q=" + raw), FINE | {CLOSED})
    for question in ("a" * 2001, "a " * 2000, "(a+)+" * 200, "%s%n" * 200, "' OR 1=1 --", "{{7*7}}",
                 "${jndi:ldap://x}", "\\" * 2000,
                     "<script>alert(1)</script>", "\U0001f4a9" * 500, "\u202e" * 100, "AND OR NOT", "*",
                 "\u0000" * 100):  # fmt: skip
        yield Hostile("question", repr(question[:20]), get(f"/v1/search?q={quote(question, safe='')}"), FINE)
    yield Hostile("question", "twice", get("/v1/search?q=a&q=b&limit=1&limit=2"), FINE)
    yield Hostile("question", "unknown", get("/v1/search?q=a&debug=1&__proto__=x"), frozenset((422,)))
    yield Hostile("question", "a thousand languages", get("/v1/search?q=a" + "&language=x" * 600), FINE)


def sizes() -> Iterator[Hostile]:
    """Too much of anything."""
    for size in (9_000, 30_000, 100_000, 3_000_000):
        yield Hostile("size", f"URL of {size}", get("/v1/search?q=" + "a" * size), frozenset((400, 414, CLOSED)))
        yield Hostile("size", f"header of {size}", get("/", HOST + b"x: " + b"a" * size + b"\r\n"), FINE | {CLOSED})
    for count in (101, 1_000, 20_000):
        flood = b"".join(b"x-%d: 1\r\n" % number for number in range(count))
        yield Hostile("size", f"{count} headers", get("/", HOST + flood), frozenset((400, 431, CLOSED)))
    for length in ("1048577", "9" * 12, "9" * 30, "9" * 3_000):
        head = HOST + b"content-length: " + length.encode() + b"\r\n"
        yield Hostile("size", f"body of {length[:14]}", get("/v1/refresh", head, b"POST"), frozenset((400, 413)))
    chunks = HOST + b"transfer-encoding: chunked\r\n\r\n" + b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    endless = b"POST /v1/refresh HTTP/1.1\r\n" + chunks + (b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * 100
    yield Hostile("size", "endless chunks", endless, FINE | {CLOSED})
    yield Hostile("size", "endless chunks to a page", endless.replace(b"POST /v1/refresh", b"GET /"), FINE | {CLOSED})
    pipelined = (b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n") * 300 + get("/healthz")
    yield Hostile("size", "300 at once", pipelined, frozenset((200,)), most=301)


def forms() -> Iterator[Hostile]:
    """What is no HTTP, what may be read in two ways, and requests within requests."""
    inner = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
    post = b"POST /v1/refresh HTTP/1.1\r\n" + HOST
    one = frozenset((200, 400, 413, 503, CLOSED))
    smuggling = {
        "both lengths": post + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + inner,
        "both lengths, turned": post + b"transfer-encoding: chunked\r\ncontent-length: 60\r\n\r\n0\r\n\r\n" + inner,
        "two lengths": post + b"content-length: 0\r\ncontent-length: 50\r\n\r\n" + inner,
        "list of lengths": post + b"content-length: 0, 50\r\n\r\n" + inner,
        "length with a plus": post + b"content-length: +0\r\n\r\n" + inner,
        "length below 0": post + b"content-length: -1\r\n\r\n" + inner,
        "length in hex": post + b"content-length: 0x0\r\n\r\n" + inner,
        "no length": post + b"content-length: \r\n\r\n" + inner,
        "space before the colon": post + b"content-length : 0\r\n\r\n" + inner,
        "unknown coding": post + b"transfer-encoding: xchunked\r\n\r\n" + inner,
        "two codings": post + b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n" + inner,
        "coding list": post + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + inner,
        "coding with a tab": post + b"transfer-encoding:\tchunked\r\n\r\n0\r\n\r\n" + inner,
        "coding with vertical tab": post + b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + inner,
        "folded coding": post + b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + inner,
        "bad chunk size": post + b"transfer-encoding: chunked\r\n\r\nzz\r\n" + inner,
        "huge chunk size": post + b"transfer-encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n" + inner,
        "chunk below 0": post + b"transfer-encoding: chunked\r\n\r\n-1\r\n" + inner,
        "chunk extension": post + b"transfer-encoding: chunked\r\n\r\n0;" + b"a" * 50_000 + b"\r\n\r\n" + inner,
        "trailers": post + b"transfer-encoding: chunked\r\n\r\n0\r\ncontent-length: 50\r\n\r\n" + inner,
        "lone line feeds in chunks": post + b"transfer-encoding: chunked\r\n\r\n0\n\n" + inner,
    }  # fmt: skip
    for name, data in smuggling.items():
        yield Hostile("smuggling", name, data, one)
    for name, data in {
        "length for a get": b"GET /healthz HTTP/1.1\r\n" + HOST + b"content-length: %d\r\n\r\n" % len(inner) + inner,
        "expectation": post + b"content-length: 9\r\nexpect: 100-continue\r\n\r\n",
        "upgrade": get("/", HOST + b"upgrade: websocket\r\nsec-websocket-key: eA==\r\nsec-websocket-version: 13\r\n"),
        "upgrade to h2c": get("/", HOST + b"upgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"),
    }.items():
        yield Hostile("smuggling", name, data, FINE | {CLOSED})
    for method in (b"BREW", b"TRACE", b"CONNECT", b"get", b"DEBUG", b"PROPFIND", b"OPTIONS", b"PUT", b"PATCH",
                 b"DELETE", b"X" * 200,
                   b"G\x00T", b"GET\t", b"", b"\xff"):  # fmt: skip
        yield Hostile("method", repr(method[:12]), get("/v1/search?q=a", method=method), frozenset((400, 405, CLOSED)))
    for target in (
        b"http://evil.example/v1/roots",
        b"evil.example:80",
        b"*",
        b"v1/roots",
        b"?q",
        b"#",
        b"/v1/roots#x",
        b"\\",
        b"/%",
    ):
        yield Hostile("target", repr(target), get(target), FINE | {CLOSED})
    draw = random.Random(5)
    for name, data in {
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" * 30,
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/0.9": b"GET /\r\n",
                 "SMTP": b"EHLO x\r\nMAIL FROM:<a>\r\n\r\n",
        "version 9": b"GET / HTTP/9.9\r\n" + HOST + b"\r\n", "no version": b"GET /healthz\r\n" + HOST + b"\r\n",
        "line feeds": b"\n\n\n\n\r\n\r\n", "only spaces": b" " * 1000 + b"\r\n\r\n", "NULs": b"\0" * 1000 + b"\r\n\r\n",
        "no colon": get("/", HOST + b"nothing\r\n"), "folded host": get("/",
                 b"host:\r\n localhost\r\n evil.example\r\n"),
        "empty name": get("/", HOST + b": b\r\n"), "NUL in a value": get("/", HOST + b"a: b\0c\r\n"),
        "two hosts": get("/", HOST + HOST), "no host": get("/", b""), "lone CR": b"GET / HTTP/1.1\r" + HOST + b"\r\r",
        **{f"noise {number}": draw.randbytes(400) + b"\r\n\r\n" for number in range(12)},
    }.items():  # fmt: skip
        yield Hostile("form", name, data, REFUSED | {CLOSED})


def slow() -> Iterator[Hostile]:
    """Clients that hardly send, or never read."""
    late = frozenset((408, CLOSED))
    head = b"GET /v1/roots HTTP/1.1\r\n" + HOST
    yield Hostile("slow", "says nothing", b"", late)
    yield Hostile("slow", "half a line", b"GET /v1/ro", late)
    yield Hostile("slow", "half a head", head, late)
    yield Hostile("slow", "drips", head + b"x: 1\r\n" * 50, late, drip=True)
    yield Hostile("slow", "drips after one", get("/healthz").replace(b"connection: close\r\n",
                 b"") + head, late | {200},
                  drip=False, most=2)  # fmt: skip
    body = b"POST /v1/refresh HTTP/1.1\r\n" + HOST + b"content-length: 50\r\n\r\n"
    yield Hostile("slow", "a body that doesn't come", body, FINE | {CLOSED})
    yield Hostile("slow", "a body that drips", body + b"x" * 50, FINE | {CLOSED}, drip=True)
    many = (b"GET /openapi.json HTTP/1.1\r\n" + HOST + b"\r\n") * 200
    for number in range(8):
        yield Hostile("slow", f"never reads {number}", many, frozenset((CLOSED,)), deaf=True)


def _quoted(number: str) -> str:
    return number if "%" in number else quote(number, safe="")


def asked(request: Hostile, port: int) -> Seen:
    """Send a request; return what came back, and what is wrong with that."""
    came = b""
    with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        if request.deaf:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with suppress(ConnectionError, TimeoutError):
            for part in (bytes([one]) for one in request.data) if request.drip else (request.data,):
                connection.sendall(part)
                if request.drip:
                    time.sleep(0.05)
        if request.deaf:
            return _of_the_deaf(request, connection)
        try:
            while part := connection.recv(1 << 16):
                came += part
        except ConnectionError:
            pass
        except TimeoutError:
            return Seen(request, (), f"the connection is open after {PATIENCE:g} seconds")
    return judged(request, came)


def _of_the_deaf(request: Hostile, connection: socket.socket) -> Seen:
    """Wait until the server has ended a connection that nobody reads from."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        time.sleep(0.2)
        try:
            connection.send(b"x")
        except ConnectionError:
            return Seen(request, (CLOSED,))
        except TimeoutError:
            continue
    return Seen(request, (), "the server holds an answer that nobody reads")


def judged(request: Hostile, came: bytes) -> Seen:
    """Return what the bytes of an answer say, and what is wrong with them."""
    found = tuple(int(status) for status in re.findall(rb"(?:^|\n)HTTP/1\.1 (\d{3}) ", came)) or (CLOSED,)
    statuses = tuple(status for status in found if status != 100)
    wrong = ""
    if not set(statuses) <= request.right:
        wrong = f"answered with {sorted(set(statuses))}"
    elif len(statuses) > request.most:
        wrong = f"{len(statuses)} answers"
    elif CANARY.encode() in came or b"root:x:" in came:
        wrong = "tells what lies outside of the root"
    elif b"Traceback" in came or b'File "' in came:
        wrong = "tells of its code"
    elif any(status not in (CLOSED, 200, 204, 304) for status in statuses) and not _is_document(came):
        wrong = "a refusal that is no document"
    elif b"\r\nset-cookie" in came.lower() or b"access-control" in came.lower():
        wrong = "a header that was smuggled in, or opens it to other sites"
    return Seen(request, statuses, wrong)


def _is_document(came: bytes) -> bool:
    last = came.rpartition(b"\r\n\r\n")[2]
    if not last:  # HEAD, or nothing but a head
        return True
    try:
        document = json.loads(last)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("ok") is False and set(document["error"]) >= {"code", "message"}


@contextmanager
def serving(scratch: Path) -> Iterator[tuple[int, int]]:
    """Serve a small root, with what would lead out of it, by the real command; yield the process and its port."""
    root = scratch / "root"
    (root / "lib").mkdir(parents=True)
    (root / "lib/net.py").write_text("def retry(path):\n    '''Retry a failed upload.'''\n    return path\n" * 30)
    (scratch / "secret.py").write_text(f"def {CANARY}():\n    return 1\n")
    (root / "link.py").symlink_to(scratch / "secret.py")
    (root / "linked").symlink_to(scratch)
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "fifo")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    own = {"DATA_DIR": scratch / "data", "CACHE_DIR": scratch / "cache", "CONFIG": scratch / "none.toml", "WORKERS": 1,
           "CLIENT_RATE": 0, "CLIENT_SECONDS": CLIENT_SECONDS}  # fmt: skip
    environment = {**os.environ, **{f"TREESEEK_{name}": str(value) for name, value in own.items()}}
    log = scratch / "log.txt"
    with log.open("wb") as errors:
        server = subprocess.Popen(
            [sys.executable, "-m", "treeseek", "serve", str(root), "--port", "0"], stderr=errors, env=environment
        )
    try:
        while not (found := re.search(r"listening at http://[^:]+:(\d+)", log.read_text())):
            if server.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.05)
        port = int(found[1])
        while b" 200 " not in answer_of(port, "/readyz").partition(b"\r\n")[0]:
            time.sleep(0.1)
        yield server.pid, port
    finally:
        server.terminate()
        code = server.wait(60)
        text = log.read_text(errors="replace")
        if code or "Traceback" in text or " error request=" in text:
            rest = [line for line in text.splitlines() if " request request=" not in line]
            print(f"the server ended with {code}, and wrote:", *rest[-20:], sep="\n", file=sys.stderr)


def answer_of(port: int, target: str) -> bytes:
    """Return all bytes that are answered to a plain request."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(get(target))
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def held(pid: int) -> tuple[int, int]:
    """Return the resident bytes of a process, and how many files it has open.

    The cache of trees on disk doesn't count: it is opened once, whenever the first tree is idle for long enough.
    """
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    opened = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            opened += "/cache/trees/" not in str(descriptor.readlink())
    return pages * os.sysconf("SC_PAGE_SIZE"), opened


def settled(pid: int) -> tuple[int, int]:
    """Return what a process holds once it has ended the connections of the round."""
    time.sleep(CLIENT_SECONDS + 2)
    return held(pid)


def main() -> int:
    """Run the command line; return 1 if anything is answered wrongly, or grows."""
    parser = argparse.ArgumentParser(prog="python -m hostile.requests", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--short", action="store_const", const=2, dest="rounds", help="the same as --rounds 2")
    told = parser.parse_args()
    requests = all_of_them()
    with tempfile.TemporaryDirectory(prefix="treeseek-hostile-") as place, serving(Path(place)) as (pid, port):
        usual = body_of(answer_of(port, "/v1/search?q=retry+a+failed+upload"))
        seen: list[Seen] = []
        after: list[tuple[int, int]] = []
        is_well = True
        for _ in range(told.rounds):
            with ThreadPoolExecutor(8) as clients:
                seen += clients.map(lambda one: asked(one, port), requests)
            is_well &= body_of(answer_of(port, "/v1/search?q=retry+a+failed+upload")) == usual
            after.append(settled(pid))
    grown = after[-1][0] - after[0][0]
    more_files = after[-1][1] - after[0][1]
    for kind, count in Counter(one.request.kind for one in seen).items():
        statuses = Counter(status for one in seen if one.request.kind == kind for status in set(one.statuses))
        wrong = sum(bool(one.wrong) for one in seen if one.request.kind == kind)
        spread = ", ".join(f"{status or 'closed'}: {times}" for status, times in sorted(statuses.items()))
        print(f"{kind:10} {count // told.rounds:4} requests  {wrong:3} wrong   {spread}")
    for name, why in sorted({(f"{one.request.kind}: {one.request.name}", one.wrong) for one in seen if one.wrong}):
        print(f"WRONG {name}: {why}")
    print(
        f"{len(requests)} requests, {told.rounds} times; answers as before: {is_well}; memory {grown / 1e6:+.1f} MB "
        f"and open files {more_files:+d} since the first round ({after[0][0] / 1e6:.0f} MB, {after[0][1]})"
    )
    return int(any(one.wrong for one in seen) or not is_well or grown > ROOM_BYTES or more_files > 1)


def body_of(answer: bytes) -> bytes:
    """Return what follows the head of an answer."""
    return answer.partition(b"\r\n\r\n")[2]


if __name__ == "__main__":
    sys.exit(main())
