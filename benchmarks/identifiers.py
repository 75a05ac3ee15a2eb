"""Is an identifier found that one knows? `python -m benchmarks.identifiers --tree DIR… [--count 60]`.

Of each tree, identifiers of several words are drawn that stand in one to three of its source files: some that nothing
declares, as calls into libraries, fields and keys are, and some that are declared. Each is asked for alone, and in a
question. Told is how often the first hit, and one of the first ten, is in a file that has it, and the mean reciprocal
rank of the first such hit. That is what a search for text finds; who asks by meaning must not find less.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import treeseek
from benchmarks.provenance import provenance
from treeseek import Engine
from treeseek.settings import load
from treeseek.store import UnitStore

SUFFIXES = {".py", ".rb", ".go", ".ts", ".js", ".rs", ".java", ".c", ".cpp", ".cs", ".php", ".kt", ".swift"}
IDENTIFIER = re.compile(r"(?<![\\\w])[A-Za-z_]\w{7,60}(?!\w)", re.ASCII)
COMPOUND = re.compile(r"[A-Za-z0-9]_+[A-Za-z0-9]|[a-z][A-Z]")
MOST_FILES = 3
DEPTH = 10
QUESTIONS = ("%s", "where is %s used")


def identifiers(engine: Engine, seed: int = 3) -> Iterator[tuple[str, set[str], bool]]:
    """Yield rare compound identifiers of indexed files in a random order, the files of each, and if it is declared."""
    store = UnitStore.open(engine.directory)
    assert store is not None, "the tree was indexed"
    indexed = set(store.snapshot().manifest().path)
    where: dict[str, set[str]] = defaultdict(set)
    for path in indexed:
        if Path(path).suffix in SUFFIXES:
            for name in set(IDENTIFIER.findall((engine.root / path).read_text("utf-8", errors="replace"))):
                where[name].add(path)
    rare = sorted(name for name, paths in where.items() if len(paths) <= MOST_FILES and COMPOUND.search(name))
    random.Random(seed).shuffle(rare)
    for name in rare:
        hits = engine.symbols(name, limit=5).hits
        yield name, where[name], any(hit.name.rpartition(".")[2] == name for hit in hits)


def ranks(engine: Engine, asked: list[tuple[str, set[str]]], question: str) -> list[int]:
    """Return the rank of the first hit in the right file for each identifier, 0 for none."""
    found = []
    for name, paths in asked:
        hits = engine.search(question % name, limit=DEPTH).hits
        found.append(next((rank for rank, hit in enumerate(hits, 1) if hit.path in paths), 0))
    return found


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.identifiers", description=__doc__.partition("\n")[0])
    parser.add_argument("--tree", type=Path, action="append", required=True, help="a tree; repeat for several")
    parser.add_argument("--count", type=int, default=60)
    told = parser.parse_args()
    for tree in told.tree:
        with (
            tempfile.TemporaryDirectory(prefix="treeseek-identifiers-") as place,
            treeseek.open(tree, load({}, data_dir=Path(place, "data"), cache_dir=Path(place, "cache"))) as engine,
        ):
            engine.sync()
            drawn: dict[bool, list[tuple[str, set[str]]]] = {False: [], True: []}
            for name, paths, is_declared in identifiers(engine):
                if len(drawn[is_declared]) < told.count:
                    drawn[is_declared].append((name, paths))
                if min(map(len, drawn.values())) == told.count:
                    break
            for is_declared, asked in drawn.items():
                for question in QUESTIONS:
                    found = ranks(engine, asked, question)
                    print(json.dumps({
                        "tree": tree.name, "identifiers": "declared" if is_declared else "used only",
                        "question": question % "…", "asked": len(found),
                        "hit_1": round(sum(rank == 1 for rank in found) / len(found), 3),
                        "hit_10": round(sum(rank > 0 for rank in found) / len(found), 3),
                        "mrr": round(sum(1 / rank for rank in found if rank) / len(found), 3),
                    }, ensure_ascii=False), flush=True)  # fmt: skip
    print(json.dumps(provenance()))


if __name__ == "__main__":
    main()
