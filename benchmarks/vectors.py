"""How fast does text become vectors? `python -m benchmarks.vectors --tree DIR`: the bundled model, on one core.

The files that are parsed are cut into pieces of 1,500 bytes, about a chunk each, and embedded. Printed are megabytes
per second of processor time, best of some rounds: of cutting into words alone, of terms for lexical search, of vectors.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.bare_parse import parsed_files
from benchmarks.provenance import provenance
from treeseek.embedding import default_embedder
from treeseek.tokens import TermRows, batches

__all__ = ["main", "speeds"]

PIECE_BYTES = 1_500


def speeds(pieces: Sequence[bytes], rounds: int) -> dict[str, float]:
    """Return megabytes per second of processor time by what is done."""
    texts = [piece.decode("utf-8", "replace") for piece in pieces]
    embedder = default_embedder()
    work: dict[str, Callable[[], object]] = {
        "words": lambda: sum(len(batch.hash) for batch in batches(pieces)),
        "terms": lambda: TermRows.of_texts(pieces),
        "vectors": lambda: embedder.embed(texts),
    }
    megabytes = sum(map(len, pieces)) / 1e6
    return {name: round(megabytes / min(_seconds(do) for _ in range(rounds)), 3) for name, do in work.items()}


def _seconds(do: Callable[[], object]) -> float:
    begun = time.process_time()
    do()
    return max(time.process_time() - begun, 1e-9)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vectors", description=__doc__.partition("\n")[0])
    parser.add_argument("--tree", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    told = parser.parse_args()
    files = [data for _, _, data in parsed_files(told.tree)]
    pieces = [data[i : i + PIECE_BYTES] for data in files for i in range(0, len(data), PIECE_BYTES)]
    figures = {"pieces": len(pieces), "megabytes": round(sum(map(len, pieces)) / 1e6, 1)}
    print(json.dumps(figures | speeds(pieces, told.rounds) | {"provenance": provenance()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
