"""Does it hold up? `python -m benchmarks.soak --tree DIR [--minutes 30]`: edits, searches and tidying without a pause.

One process watches a copy of the tree and searches it, while files are changed, added, deleted and moved. Memory and
open files are sampled; their slopes once the caches had time to fill, and how the index compares with a fresh one, are
printed. Ends with 1 if a search fails, memory grows by more than a megabyte a minute, files stay open, or the index is
more than half as large again as a fresh one.

Memory is that of the process and its workers which is in no file. The pages of files that are mapped, most of them the
cache of trees on disk, which has a budget of its own, belong to the system, and are told apart. The caches in memory
get so little that they are full long before the slopes begin: what fills a budget is no leak.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

import treeseek
from benchmarks.processes import tree_bytes
from benchmarks.provenance import provenance
from treeseek import Engine
from treeseek.errors import TreeseekError
from treeseek.settings import load

SAMPLE_SECONDS = 5.0
WARM_UP_SHARE = 0.4
QUERIES = ("open a connection", "parse the configuration", "retry a failed request", "write to disk", "freshly saved")
TIDY_EVERY = 400
BUDGETS = {"cache_hot_bytes": 4 << 20, "cache_warm_bytes": 8 << 20, "cache_cold_bytes": 2 << 20}
SUFFIXES = (".py", ".rb", ".go", ".ts", ".js", ".rs", ".java")


class Edits:
    """Changes to a tree, one after the other, of the kinds that people make."""

    def __init__(self, root: Path, seed: int) -> None:
        self._root = root
        self._random = random.Random(seed)
        self._files = sorted(path for path in root.rglob("*") if path.is_file() and path.suffix in SUFFIXES)
        self._originals = {path: path.read_bytes() for path in self._files}
        self._moved: dict[Path, Path] = {}
        self.count = 0

    def one(self) -> None:
        """Change, put back, add, delete or move one file. Sizes stay about what they were."""
        self.count += 1
        path = self._random.choice(self._files)
        kind = self._random.random()
        if kind < 0.6 and path.exists():
            path.write_bytes(self._originals[path] + f"\n# freshly saved {self.count}\n".encode())
        elif kind < 0.8:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._originals[path])
        elif kind < 0.9:
            path.unlink(missing_ok=True)
        elif path.exists():
            if path in self._moved:  # or the tree would grow all the while
                self._moved[path].unlink()
            self._moved[path] = path.rename(path.with_name(f"moved-{self.count}{path.suffix}"))

    def undo(self) -> None:
        """Make the tree what it was."""
        for path in self._root.rglob("moved-*"):
            path.unlink()
        for path, data in self._originals.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def soak(engine: Engine, edits: Edits, minutes: float) -> dict[str, object]:
    """Edit, watch and search for a time; return what was seen."""
    stop = threading.Event()
    problems: list[str] = []
    watcher = threading.Thread(
        target=engine.watch, args=(stop,), kwargs={"on_error": lambda error: problems.append(str(error))}
    )
    watcher.start()
    while not engine.indexed and watcher.is_alive():
        time.sleep(0.05)
    samples: list[Sample] = []
    searches = 0
    started = time.monotonic()
    next_sample = started
    while time.monotonic() - started < minutes * 60:
        edits.one()
        for query in QUERIES[:2]:
            try:
                engine.search(query)
                searches += 1
            except TreeseekError as error:
                problems.append(str(error))
        if edits.count % TIDY_EVERY == 0:
            engine.tidy(force=True)
        if time.monotonic() >= next_sample:
            gc.collect()
            own, mapped = (tree_bytes(os.getpid(), kind) / 1e6 for kind in ("Pss_Anon", "Pss_File"))
            open_files = sum(1 for _ in Path("/proc/self/fd").iterdir())
            samples.append(Sample((time.monotonic() - started) / 60, own, mapped, open_files))
            next_sample += SAMPLE_SECONDS
        time.sleep(0.05)
    stop.set()
    watcher.join()
    return {"searches": searches, "edits": edits.count, "problems": problems} | _slopes(samples)


class Sample(NamedTuple):
    """What was held so many minutes after the start, in megabytes."""

    minutes: float
    memory_mb: float
    mapped_mb: float
    open_files: int


def _slopes(samples: list[Sample]) -> dict[str, object]:
    warm = samples[int(len(samples) * WARM_UP_SHARE) :]
    told: dict[str, object] = {}
    for name in ("memory_mb", "mapped_mb", "open_files"):
        told[name] = [round(getattr(one, name), 1) for one in (samples[0], warm[0], warm[-1])]
        slope = np.polyfit([one.minutes for one in warm], [getattr(one, name) for one in warm], 1)[0]
        told[f"{name}_per_minute"] = round(float(slope), 3)
    return told


def main() -> int:
    """Run the command line; return 1 if something doesn't hold up."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--tree", type=Path, required=True, help="a tree; a copy of it is changed")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="treeseek-soak-") as place:
        scratch = Path(place)
        root = scratch / "tree"
        shutil.copytree(told.tree, root, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        engine = treeseek.open(root, load({}, data_dir=scratch / "data", cache_dir=scratch / "cache", **BUDGETS))
        edits = Edits(root, told.seed)
        figures = soak(engine, edits, told.minutes)
        edits.undo()
        engine.sync()
        figures["commits"] = engine.sequence()
        size = engine.status().bytes_on_disk
        fresh = treeseek.open(root, load({}, data_dir=scratch / "fresh", cache_dir=scratch / "cache"))
        fresh.sync()
        figures["size_over_fresh"] = round(size / fresh.status().bytes_on_disk, 3)
        found = engine.verify(percent=100)
        figures["verify"] = [f"{one.kind} {one.path}" for one in found.problems if not one.is_harmless]
    print(json.dumps(figures | {"provenance": provenance()}, indent=2))
    return int(
        bool(figures["problems"] or figures["verify"])
        or float(str(figures["memory_mb_per_minute"])) > 1
        or float(str(figures["open_files_per_minute"])) > 0.5
        or figures["size_over_fresh"] > 1.5
    )


if __name__ == "__main__":
    sys.exit(main())
