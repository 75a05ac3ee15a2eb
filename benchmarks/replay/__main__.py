"""Replay a history and check it: `python -m benchmarks.replay --history GITDIR --commits 300 [--every 25]`.

The tree is changed commit by commit and synced after each. After every K steps, and at the end, all rows are compared
with those of an index made afresh with empty caches. Reuse is counted twice: over everything (what a build from nothing
would have done at each step), and among the files that a step changed. Ends with 1 if an index ever differs, or takes
more than one and a half times the room of a fresh one before anybody tidies it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import fields
from pathlib import Path

import numpy as np

import treeseek
from benchmarks.cst.histories import Repository
from benchmarks.provenance import provenance
from benchmarks.replay.checkout import Tree
from benchmarks.replay.steps import Step, steps
from treeseek import Engine, SyncReport
from treeseek.settings import load
from treeseek.store import UnitStore

STAT = {"mtime_ns", "inode"}
MAX_SIZE, SMALL_BYTES = 1.5, 256 << 10
"""How large an index may be beside a fresh one; of a tiny one the journal alone is as large as the rest."""


class Reuse:
    """What syncs had to do, against what there was, for one kind of step."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, report: SyncReport, chunks: int) -> None:
        """Count one sync of an index that has so many chunks."""
        self.counts.update(
            syncs=1, files=report.files, chunks=chunks, parsed=report.parsed, reused=report.reused,
            embedded=report.chunks_embedded, kept=report.chunks_reused, touched=report.added + report.changed,
            milliseconds=round(report.seconds * 1000),
        )  # fmt: skip

    def told(self) -> dict[str, float]:
        """Return the shares of work that wasn't done again, in percent."""
        of = self.counts
        return {
            "syncs": of["syncs"],
            "files_per_sync": round(of["touched"] / max(of["syncs"], 1), 1),
            "ms_per_sync": round(of["milliseconds"] / max(of["syncs"], 1), 1),
            "parse_reuse": _share(of["parsed"], of["files"]),
            "embedding_reuse": _share(of["embedded"], of["chunks"]),
            "parse_reuse_in_changed_files": _share(of["parsed"], of["parsed"] + of["reused"]),
            "embedding_reuse_in_changed_files": _share(of["embedded"], of["embedded"] + of["kept"]),
        }


def _share(done: int, all_of_it: int) -> float:
    return round(100 * (1 - done / all_of_it), 2) if all_of_it else 100.0


def differences(engine: Engine, scratch: Path) -> list[str]:
    """Return the columns in which the index differs from one made afresh; `rows` if even their number does."""
    fresh = treeseek.open(engine.root, load({}, data_dir=scratch / "data", cache_dir=scratch / "cache"))
    fresh.sync()
    ours, theirs = (UnitStore.open(one.directory) for one in (engine, fresh))
    assert ours is not None and theirs is not None
    mine, others = ours.snapshot().rows(), theirs.snapshot().rows()
    shutil.rmtree(scratch)
    if len(mine) != len(others):
        return ["rows"]
    return [
        one.name
        for one in fields(mine)
        if one.name not in STAT and not np.array_equal(getattr(mine, one.name), getattr(others, one.name))
    ]


def _fresh_bytes(engine: Engine, scratch: Path) -> int:
    """Return the size of an index of the same root made afresh."""
    fresh = treeseek.open(engine.root, load({}, data_dir=scratch / "data", cache_dir=scratch / "cache"))
    fresh.sync()
    size = fresh.status().bytes_on_disk
    shutil.rmtree(scratch)
    return size


def replay(history: Path, commits: int, every: int, extras: int, scratch: Path) -> dict[str, object]:
    """Replay one history; return its figures."""
    reuse: dict[str, Reuse] = defaultdict(Reuse)
    broken: list[str] = []
    compared = 0
    with Repository(history) as repository:
        tree = Tree(repository, scratch / "tree")
        engine = treeseek.open(tree.directory, load({}, data_dir=scratch / "data", cache_dir=scratch / "cache"))
        names = repository.names(commits + 1)
        for number, step in enumerate(steps(tree, names, extras=extras)):
            report = engine.sync()
            if number:
                reuse[step.kind].add(report, engine.chunks())
                reuse["all"].add(report, engine.chunks())
            if number % every == 0 or step.kind not in ("commit", "switch"):
                broken += _compared(engine, scratch / "fresh", step)
                compared += 1
        broken += _compared(engine, scratch / "fresh", step)
        size, fresh_size = engine.status().bytes_on_disk, _fresh_bytes(engine, scratch / "fresh")
        engine.tidy(force=True)
        broken += _compared(engine, scratch / "fresh", step)
        again = _second_worktree(engine, tree, scratch)
        status = engine.status()
    return {
        "history": history.parent.name if history.name == "repo" else history.name,
        "commits": len(names) - 1,
        "files": status.files,
        "chunks": status.chunks,
        "compared_with_fresh": compared + 2,
        "differences": broken,
        "size_over_fresh": round(size / fresh_size, 3),
        "is_too_large": size > MAX_SIZE * fresh_size + SMALL_BYTES,
        "second_worktree": again,
        "reuse": {kind: one.told() for kind, one in reuse.items()},
    }


def _compared(engine: Engine, scratch: Path, step: Step) -> list[str]:
    return [f"{step.kind} {step.name[:10]}: {column}" for column in differences(engine, scratch)]


def _second_worktree(engine: Engine, tree: Tree, scratch: Path) -> dict[str, float]:
    """Index a copy of the tree elsewhere, as a second worktree is, with the caches of the first."""
    shutil.copytree(tree.directory, scratch / "worktree", symlinks=True)
    with treeseek.open(scratch / "worktree", engine.settings) as second:
        report = second.sync()
        told = Reuse()
        told.add(report, second.chunks())
    return told.told()


def main() -> int:
    """Run the command line; return 1 if an index differed from a fresh one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay", description=__doc__.partition("\n")[0])
    parser.add_argument("--history", type=Path, action="append", required=True, help="a git directory; repeatable")
    parser.add_argument("--commits", type=int, default=300, help="how many of the last of the main line (300)")
    parser.add_argument("--every", type=int, default=25, help="compare with a fresh index after so many steps (25)")
    parser.add_argument("--extras", type=int, default=100,
                        help="switch, reformat, vendor and move after so many commits; 0 for never (100)")  # fmt: skip
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    told = parser.parse_args()
    results = []
    for history in told.history:
        with tempfile.TemporaryDirectory(prefix="treeseek-replay-") as scratch:
            results.append(replay(history, told.commits, told.every, told.extras, Path(scratch)))
        print(json.dumps(results[-1], indent=2), flush=True)
    if told.out:
        told.out.write_text(json.dumps({"provenance": provenance(), "replays": results}, indent=2) + "\n")
    return int(any(result["differences"] or result["is_too_large"] for result in results))


if __name__ == "__main__":
    sys.exit(main())
