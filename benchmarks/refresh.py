"""What it costs to lay out an index in memory, and to bring that up to date when some of its files have changed.

    python -m benchmarks.refresh --tree DIR [--runs N] [--counts 1,20,200] [--out results.json]

The tree is indexed in place into an index of its own, which is thrown away. Each run changes other files, of those with
more than one chunk, by leaving out their first: so all rows behind them have another number. Medians of N runs in this
process, in seconds; the time of an update holds everything from the changed rows to a corpus that answers.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

import treeseek
from benchmarks.measures import Measure, table
from benchmarks.provenance import provenance
from treeseek.model import UnitColumns
from treeseek.retrieval.corpus import Corpus
from treeseek.retrieval.rows import taken
from treeseek.settings import load
from treeseek.store import UnitStore

__all__ = ["main", "refresh"]

SEED = 7


def indexed(root: Path, scratch: Path) -> UnitColumns:
    """Index a tree below `scratch`, and return the rows of its chunks."""
    chosen = load({}, data_dir=scratch / "data", cache_dir=scratch / "cache")
    with treeseek.open(root, chosen) as engine:
        engine.sync()
        store = UnitStore.open(engine.directory)
        if store is None:
            raise SystemExit(f"error: {root} gave no index")
        return store.snapshot().columns()


def without_first(columns: UnitColumns, paths: Collection[str]) -> UnitColumns:
    """Return the rows of some files, each without its first."""
    rows = [i for i in range(1, len(columns)) if columns.path[i] in paths and columns.path[i] == columns.path[i - 1]]
    return taken(columns, np.array(rows, np.int64))


def timed(what: str, jobs: Sequence[Callable[[], Corpus]]) -> Measure:
    """Run each job once and return the median of what they took."""
    costs = []
    for job in jobs:
        cpu, wall = time.process_time(), time.perf_counter()
        job()
        costs.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpu, wall = (statistics.median(values) for values in zip(*costs, strict=True))
    return Measure(what, cpu, wall, runs=len(jobs), details={"wall": [wall for _, wall in costs]})


def refresh(columns: UnitColumns, counts: Sequence[int], runs: int) -> Iterator[Measure]:
    """Yield what laying out costs, and what an update costs for each number of changed files."""
    corpus = Corpus.of(columns)
    size = f"{len(columns):,} chunks in {len(corpus.path):,} files"
    anew = timed("laid out anew", [lambda: Corpus.of(columns)] * runs)
    yield Measure(anew.what, anew.cpu, anew.wall, runs=runs, note=size, details=anew.details)
    sizes = np.diff(corpus.file_starts, append=len(columns))
    eligible = [path for path, count in zip(corpus.path, sizes.tolist(), strict=True) if count > 1]
    chosen = random.Random(SEED)
    for count in counts:
        if count > len(eligible):
            yield Measure(f"{count} files changed", note=f"not measured (only {len(eligible)} have several chunks)")
            continue
        changes = [set(chosen.sample(eligible, count)) for _ in range(runs)]
        jobs = [_update(corpus, paths, without_first(columns, paths)) for paths in changes]
        line = timed(f"{count} file{'s' * (count > 1)} changed", jobs)
        yield Measure(line.what, line.cpu, line.wall, ratio=(line.wall or 0) / (anew.wall or 1),
                      compared="of laying out anew", runs=runs, details=line.details)  # fmt: skip


def _update(corpus: Corpus, paths: Collection[str], rows: UnitColumns) -> Callable[[], Corpus]:
    return lambda: corpus.updated(paths, rows)


def main(given: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--counts", type=lambda text: [int(part) for part in text.split(",")], default=[1, 20, 200])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args(given)
    if not args.tree.is_dir():
        parser.error(f"{args.tree} is not a directory")
    if args.runs < 1 or min(args.counts) < 1:
        parser.error("at least one run, and one changed file, is needed")
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        measures = list(refresh(indexed(args.tree.resolve(), Path(scratch)), args.counts, args.runs))
    about = {**provenance(), "load_before": f"{load_before:.2f}", "tree": args.tree.resolve().name}
    print(table(measures))
    print(json.dumps(about))
    if args.out:
        report = {"provenance": about, "runs": args.runs, "measures": [line.as_json() for line in measures]}
        args.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
