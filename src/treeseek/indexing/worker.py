"""The worker process: reads files from standard input, writes their rows, or their trees, to standard output.

It opens no file of the root, and no cache: bytes come in, rows and artifacts, or trees, go out. It ends when its input
does, so it never outlives its parent.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from treeseek import telemetry
from treeseek.embedding import default_embedder
from treeseek.indexing import wire
from treeseek.indexing.batch import analyse_batch
from treeseek.indexing.identity import content_hash
from treeseek.indexing.stand_in import UNEMBEDDED
from treeseek.syntax.parsed import parse_file
from treeseek.syntax.stored import encode_file

__all__ = ["PARSE", "WITHOUT_VECTORS", "main"]


PARSE = "parse"
"""The argument of a worker that makes trees; without one it makes rows."""
WITHOUT_VECTORS = "without-vectors"
"""The argument of a worker that makes rows for another embedder than the bundled one."""


def main() -> None:
    """Serve requests until standard input ends."""
    if sys.argv[1:] == [PARSE]:
        _serve(_stored_tree)
        return
    embedder = UNEMBEDDED if sys.argv[1:] == [WITHOUT_VECTORS] else default_embedder()

    def rows(request: dict[str, Any]) -> object:
        batch = wire.unpack_batch(request)
        return wire.pack_outcome(analyse_batch(batch, embedder, request["deadline"]), batch)

    _serve(rows)


def _stored_tree(request: dict[str, Any]) -> bytes | None:
    data: bytes = request["data"]
    try:
        parsed = parse_file(data, request["language"], deadline_seconds=request["deadline"])
        return None if parsed is None else encode_file(parsed, content_hash(data))
    except Exception as error:  # noqa: BLE001 - the worker's boundary: one file must not cost the others
        telemetry.count("treeseek_analysis_errors_total", error=type(error).__name__)
        return None


def _serve(answer: Callable[[dict[str, Any]], object]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print must not break a frame
    while (request := wire.read_frame(requests)) is not None:
        content = answer(request)
        try:
            wire.write_frame(answers, {"answer": content})
        except BrokenPipeError:  # the parent is gone
            os._exit(1)


if __name__ == "__main__":
    main()
