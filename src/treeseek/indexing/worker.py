"""The worker process: reads batches of files from standard input, writes their rows to standard output.

It opens no file of the root: bytes come in, rows go out. It ends when its input does, so it never outlives its parent.
"""

from __future__ import annotations

import os
import signal
import sys

from treeseek.embedding import default_embedder
from treeseek.indexing import wire
from treeseek.indexing.analyse import analyse_files

__all__ = ["main"]


def main() -> None:
    """Serve batches until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print must not break a frame
    embedder = default_embedder()
    while (request := wire.read_frame(requests)) is not None:
        rows = analyse_files(wire.unpack_files(request["files"]), embedder, request["deadline"])
        try:
            wire.write_frame(answers, wire.pack_columns(rows))
        except BrokenPipeError:  # the parent is gone
            os._exit(1)


if __name__ == "__main__":
    main()
