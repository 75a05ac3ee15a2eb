"""Searches in one process that holds the index: how long the first takes, and each after it.

    python -m benchmarks.warm_search ROOT QUERIES.json

The settings' data directory must hold the index of ROOT. Prints one JSON object, times in seconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import treeseek

__all__ = ["warm_search"]


def warm_search(root: Path, queries: Sequence[str], limit: int = 10) -> dict[str, Any]:
    """Search every query once, after one that loads everything."""
    start = time.perf_counter()
    with treeseek.open(root) as engine:
        engine.search("warm up", limit=limit)
        first = time.perf_counter() - start
        seconds, empty = [], 0
        for query in queries:
            start = time.perf_counter()
            hits = engine.search(query, limit=limit).hits
            seconds.append(time.perf_counter() - start)
            empty += not hits
        status = engine.status()
    return {"first": first, "seconds": seconds, "empty": empty, "chunks": status.chunks, "files": status.files,
            "languages": dict(status.languages), "bytes_on_disk": status.bytes_on_disk}  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(warm_search(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text("utf-8")))))
