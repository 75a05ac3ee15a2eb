"""The worker process: reads files from standard input, writes their rows, or their trees, to standard output.

It loads everything, tells what sandbox it is in, and from then on opens nothing: bytes come in, rows and artifacts, or
trees, go out. It ends when its input does, so it never outlives its parent.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import IO, Any

from treeseek import telemetry
from treeseek.embedding import default_embedder
from treeseek.indexing import wire
from treeseek.indexing.analyse import FileText
from treeseek.indexing.batch import Batch, analyse_batch
from treeseek.indexing.identity import content_hash
from treeseek.indexing.stand_in import UNEMBEDDED
from treeseek.model import SourceFile
from treeseek.safety import limits, sandbox
from treeseek.syntax import Bounds, analyse
from treeseek.syntax.canonical import tables
from treeseek.syntax.grammars import open_all
from treeseek.syntax.parsed import parse_file
from treeseek.syntax.stored import encode_file

__all__ = ["BUSY_SECONDS", "OUTLINE", "OUT_OF_MEMORY", "ROWS", "TREE", "main"]

ROWS, TREE, OUTLINE = "rows", "tree", "outline"
"""What a request can ask for."""
OUT_OF_MEMORY = 77
"""The exit code of a worker that couldn't have the memory it needed."""
BUSY_SECONDS = 0.25
"""A worker that begins with a file says so, if it has said nothing for so long."""

Request = dict[str, Any]


def main() -> None:
    """Serve requests until standard input ends. Arguments: bytes of memory, and "off" or how the sandbox is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    nowhere = 0
    while nowhere <= 2:  # a parent without standard error has none to hand down
        nowhere = os.open(os.devnull, os.O_WRONLY)
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    memory, mode = int(sys.argv[1]), sys.argv[2]
    _load_everything()
    peak = limits.Peak()
    for stream in (1, 2):  # what hostile code prints must break no frame and reach no terminal
        os.dup2(nowhere, stream)
    os.close(nowhere)
    held = sandbox.Sandbox() if mode == "off" else sandbox.enter(memory)
    telemetry.reset()
    wire.write_frame(answers, {"ready": asdict(held), "charged": limits.charged_bytes()})
    _serve(requests, answers, peak)


def _load_everything() -> None:
    """Load what any request may need, modules as well as data: nothing can be opened later."""
    open_all()
    tables.open_all()
    text = b"def sample():\n    pass\n"
    source = SourceFile("sample.txt", len(text), 0, 0)
    analyse_batch(Batch([FileText(source, text, content_hash(text), "text", b"key")]), default_embedder(), 1.0)


def _serve(requests: IO[bytes], answers: IO[bytes], peak: limits.Peak) -> None:
    tasks: dict[str, Callable[[Request, Callable[[], None]], object]] = {
        ROWS: _rows, TREE: _stored_tree, OUTLINE: _outline,
    }  # fmt: skip
    try:
        while (request := wire.read_frame(requests)) is not None:
            limits.allow_cpu(request["seconds"])
            content = tasks[request["task"]](request, _teller(answers))
            frame = {"answer": content, "peak": peak.bytes(), "telemetry": telemetry.drained()}
            wire.write_frame(answers, frame)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except BrokenPipeError:  # the parent is gone
        os._exit(1)


def _teller(answers: IO[bytes]) -> Callable[[], None]:
    """Return what says that another file is begun: rarely, as a frame costs as much as a small file."""
    said = time.monotonic()

    def begin() -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= BUSY_SECONDS:
            said = now
            wire.write_frame(answers, {"busy": True})

    return begin


def _rows(request: Request, begin: Callable[[], None]) -> object:
    batch = wire.unpack_batch(request)
    embedder = default_embedder() if request["embeds"] else UNEMBEDDED
    outcome = analyse_batch(
        batch, embedder, request["deadline"], unparsable=request.get("unparsable", ""),
        bounds=Bounds(*request["bounds"]), begin=begin,
    )  # fmt: skip
    return wire.pack_outcome(outcome, batch)


def _stored_tree(request: Request, _begin: Callable[[], None]) -> bytes | None:
    data: bytes = request["data"]
    bounds = Bounds(*request["bounds"])
    try:
        with telemetry.timed("treeseek_parse_seconds"):
            parsed = parse_file(data, request["language"], deadline_seconds=request["deadline"])
        if parsed is None or len(parsed.tree) > bounds.nodes:
            return None
        return encode_file(parsed, content_hash(data))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - the worker's boundary: one file must not cost the others
        telemetry.count("treeseek_analysis_errors_total", error=type(error).__name__)
        return None


def _outline(request: Request, _begin: Callable[[], None]) -> object:
    return wire.pack_syntax(
        analyse(
            request["data"], request["language"], deadline_seconds=request["deadline"],
            bounds=Bounds(*request["bounds"]),
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
