"""One cache of trees under many threads, and one directory under many processes: no error, and never a wrong tree.

    python -m benchmarks.cst.hammering --tree DIR --cache DIR [--threads N] [--seconds N] [--seed N]

Every thread asks for random versions of random files, in one of four ways, and compares what it gets, node by node and
declaration by declaration, with what a parse without any cache gave. Budgets are small, so that trees keep moving.
Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cst.corpus import evenly, one_line_edit, sources
from benchmarks.cst.figures import Figure
from benchmarks.processes import REPOSITORY
from treeseek import settings
from treeseek.indexing.identity import content_hash
from treeseek.indexing.trees import Trees, open_trees
from treeseek.syntax.parsed import ParsedFile, parse_file

__all__ = ["Asked", "Tally", "hammer", "hammering_figures", "versions"]

PART = "cache under load"
THREADS, PROCESSES = 16, 4
_FILES, _LARGEST = 40, 40_000
_SMALL = {"cache_hot_bytes": 2 << 20, "cache_warm_bytes": 2 << 20, "cache_cold_bytes": 256 << 10,
          "cache_frozen_bytes": 8 << 20}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """One version of a file, and the tree that it has."""

    path: str
    language: str
    data: bytes
    digest: str
    tree: ParsedFile


@dataclass(slots=True)
class Tally:
    """What was asked, which tiers answered, and what went wrong."""

    asked: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def versions(tree: Path) -> list[Asked]:
    """Return three versions of some files: as it is, and with one name or two longer by a letter."""
    found = []
    for file in evenly([one for one in sources([tree]) if len(one.data) < _LARGEST], _FILES):
        data = file.data
        for share in (0.2, 0.6, None):
            parsed = parse_file(data, file.language, deadline_seconds=60.0)
            assert parsed is not None
            found.append(Asked(file.path, file.language, data, content_hash(data), parsed))
            if share is None:
                break
            try:
                data = one_line_edit(parsed.tree, share)
            except ValueError:
                break
    return found


def hammer(trees: Trees, asked: Sequence[Asked], threads: int, seconds: float, seed: int) -> Tally:
    """Ask for trees from many threads for some seconds, and return what went wrong."""
    tally, until = Tally(), time.monotonic() + seconds

    def work(number: int) -> None:
        draw = random.Random(f"{seed} {number}")
        while time.monotonic() < until:
            one, way = draw.choice(asked), draw.choice(("load", "parse", "live", "many", "sweep"))
            try:
                _ask(trees, one, way, tally, draw)
            except Exception as error:  # noqa: BLE001  # to find any is what this is for
                tally.errors.append(f"{way} {one.path}: {error!r}")

    pool = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join(seconds + 60.0)
        if thread.is_alive():
            tally.errors.append("a thread hangs")
    return tally


def _ask(trees: Trees, one: Asked, way: str, tally: Tally, draw: random.Random) -> None:
    cache = trees.cache
    if way == "sweep":
        if draw.random() < 0.02:
            cache.sweep()
            cache.flush()
        return
    if way == "load":
        found = cache.load(one.path, one.digest, one.language)
    elif way == "many":
        found = next(iter(cache.load_many([(one.path, one.digest, one.language)])))
    else:
        found = cache.get_or_parse(one.path, one.data, one.language, one.digest, live=way == "live")
        if found is None:
            tally.errors.append(f"{way} {one.path}: no tree")
    tally.asked[way if found is not None else f"{way}: miss"] += 1
    if found is not None and not (found.tree == one.tree.tree and found.declarations == one.tree.declarations):
        tally.wrong.append(f"{way} {one.path} {one.digest}")


def hammering_figures(tree: Path, seconds: float) -> Iterator[Figure]:
    """Yield what went wrong with many threads, then with many processes of four threads each."""
    for title, processes, threads in (
        (f"{THREADS} threads", 1, THREADS),
        (f"{PROCESSES} processes of 4 threads", PROCESSES, 4),
    ):
        with tempfile.TemporaryDirectory() as scratch:
            told = _processes(tree, Path(scratch), processes, threads, seconds)
        hits = ", ".join(f"{name} {count:,}" for name, count in told.hits.items())
        note = f"{told.asked.total():,} look-ups in {seconds:g} s; hits {hits}"
        yield Figure(PART, f"{title}: wrong trees", len(told.wrong), "", 0, note=note, details={"wrong": told.wrong})
        yield Figure(PART, f"{title}: errors", len(told.errors), "", 0,
                     details={"errors": told.errors[:50], "asked": told.asked})  # fmt: skip


def _processes(tree: Path, cache: Path, processes: int, threads: int, seconds: float) -> Tally:
    """Hammer from several processes at once, and return what all of them found."""
    children = [
        subprocess.Popen([sys.executable, "-m", "benchmarks.cst.hammering", "--tree", tree, "--cache", cache,
                          "--threads", str(threads), "--seconds", str(seconds), "--seed", str(seed)],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPOSITORY)
        for seed in range(processes)
    ]  # fmt: skip
    every = Tally()
    for child in children:
        output, errors = child.communicate()
        if child.returncode:
            last = errors.decode("utf-8", "replace").strip()[-300:]
            every.errors.append(f"a process ended with {child.returncode}: {last}")
            continue
        told = json.loads(output)
        every.asked.update(told["asked"])
        every.hits.update(told["hits"])
        every.wrong += told["wrong"]
        every.errors += told["errors"]
    return every


def main() -> int:
    """Hammer from one process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    asked = versions(args.tree)
    with open_trees(settings.load({}, cache_dir=args.cache, workers=1, **_SMALL)) as trees:
        tally = hammer(trees, asked, args.threads, args.seconds, args.seed)
        tally.hits.update({name: tier.hits for name, tier in trees.cache.statistics().tiers.items()})
    print(json.dumps({name: getattr(tally, name) for name in tally.__slots__}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
