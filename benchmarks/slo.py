"""Does treeseek meet its objectives? `python -m benchmarks.slo [--files 10000 | --tree DIR] [--parts A,B]`.

Every objective of the service, measured, with its bar, the verdict, and the command that measures it alone. Over a tree
of made code (`benchmarks.made_tree`) or a given one, which is copied; and over the history of a repository, by default
treeseek's own. Ends with 1 if an objective is missed. With 10,000 files about a quarter of an hour. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

import treeseek
from benchmarks.commands import treeseek as command_of
from benchmarks.cst.figures import Figure, percentile, table
from benchmarks.made_tree import make
from benchmarks.processes import REPOSITORY, proportional_bytes, run, tree_bytes
from benchmarks.provenance import provenance
from benchmarks.session_log import Habits, intents, replayed, session_log
from treeseek.settings import load

__all__ = ["PARTS", "main"]

GIGABYTE = 1e9
SOAK_FILES = 1_000
WARM_UP, SEARCHES = 20, 300
OTHER_COMMITS = (300, 10_000)
"""How often else the index might change under the same log of questions; told, not judged."""


class Place:
    """Where everything is measured: the tree, its index, the history, and the Python that runs the commands."""

    def __init__(self, scratch: Path, told: argparse.Namespace) -> None:
        self.scratch, self.told = scratch, told
        self.tree = scratch / "tree"
        self.variables = {"TREESEEK_DATA_DIR": str(scratch / "data"), "TREESEEK_CACHE_DIR": str(scratch / "cache")}
        if told.tree:
            shutil.copytree(told.tree, self.tree, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        else:
            make(self.tree, told.files)

    def index(self) -> Any:
        """Index the tree unless that is done already; return the index's document and what it cost."""
        cost = run(command_of("index", "--json", self.tree), self.variables, sample=True, codes=(0,))
        return json.loads(cost.output), cost


def indexing(place: Place) -> Iterator[Figure]:
    """Yield how fast a first index is made, and with how much memory."""
    document, cost = place.index()
    what = f"{document['files']:,} files, {document['bytes_read'] / 1e6:.0f} MB"
    yield Figure("indexing", "files a minute, from nothing", 60 * document["files"] / cost.wall, "files/min", 1_000,
                 at_least=True, note=f"{what}, {cost.wall:.1f} s; treeseek index TREE")  # fmt: skip
    yield Figure("indexing", "memory of the process and its workers, most", cost.memory / GIGABYTE, "GB", 3.0,
                 note=f"proportional set sizes, every 50 ms; {what}")  # fmt: skip


@contextmanager
def served(place: Place) -> Iterator[tuple[httpx.Client, int]]:
    """Serve the tree, with everything at its default; yield a client and the process."""
    log = place.scratch / "server.log"
    with log.open("w") as out:
        child = subprocess.Popen(
            command_of("serve", place.tree, "--port", "0", "--log-format", "off"), cwd=REPOSITORY, stdout=out,
            stderr=subprocess.STDOUT, env={**os.environ, **place.variables, "TREESEEK_CLIENT_RATE": "0"},
        )  # fmt: skip
    try:
        while not (address := re.search(r"http://[\w.:]+", log.read_text())):
            if child.poll() is not None:
                raise SystemExit(f"the server ended: {log.read_text()}")
            time.sleep(0.05)
        with httpx.Client(base_url=address[0], trust_env=False, timeout=120) as client:
            while client.get("/readyz").status_code != 200:
                time.sleep(0.2)
            yield client, child.pid
    finally:
        child.terminate()
        child.wait(60)


def answering(place: Place) -> Iterator[Figure]:
    """Yield how long searches over HTTP take that were never asked before, and what the server takes."""
    place.index()
    questions = [intent.wordings[1] for intent in intents(place.tree, WARM_UP + SEARCHES)]
    with served(place) as (client, pid):
        seconds = []
        for question in questions:
            started = time.perf_counter()
            client.get("/v1/search", params={"q": question}).raise_for_status()
            seconds.append(time.perf_counter() - started)
        memory, own = tree_bytes(pid), proportional_bytes(pid)
        files = client.get("/v1/status").json()["files"]
    note = f"{len(questions)} different questions over HTTP, none cached, {files:,} files"
    judged = seconds[WARM_UP:]
    yield Figure("answers", "search, p95", percentile(judged, 0.95), "s", 1.0,
                 note=f"{note}; p50 {1000 * statistics.median(judged):.1f} ms, first {seconds[0]:.2f} s")  # fmt: skip
    yield Figure("answers", "memory of the server, after them", own / 1e6, "MB", 600,
                 note=f"{memory / 1e6:.0f} with its spare worker; {files:,} files; treeseek serve TREE")  # fmt: skip


def query_cache(place: Place) -> Iterator[Figure]:
    """Yield how many questions of a made log are answered from memory, and how fast."""
    place.index()
    settings = load(place.variables)
    habits = Habits()
    known = intents(place.tree, habits.intents)
    with treeseek.open(place.tree, settings) as engine:
        for between in (habits.between, *OTHER_COMMITS):
            found = replayed(engine, session_log(known, place.told.questions, replace(habits, between=between)))
            is_judged = between == habits.between
            yield Figure(
                "query cache", f"hit rate, a commit every {between:,} questions", 100 * found.rate, "%",
                80 if is_judged else None, at_least=True,
                note=f"{place.told.questions:,} questions, {found.different:,} different, {found.commits} commits; "
                     "python -m benchmarks.session_log --tree TREE",
            )  # fmt: skip
            if is_judged:
                yield Figure("query cache", "a hit, p50", 1000 * statistics.median(found.hits), "ms", 1.0,
                             note=f"in process; a miss {1000 * statistics.median(found.misses):.1f}")  # fmt: skip


def trees(place: Place) -> Iterator[Figure]:
    """Yield what `benchmarks.cst` says of change detection and of the cache of trees, over a history."""
    told, out = place.told, place.scratch / "cst.json"
    command = [sys.executable, "-m", "benchmarks.cst", "--parts", "changes,replay", "--history", told.history,
               "--commits", str(told.commits), "--pairs", "150", "--rounds", "3", "--json", out]  # fmt: skip
    run(command, codes=(0,))
    figures = json.loads(out.read_text())["figures"]
    detection = _of(figures, r"with extraction of the new columns, p95, all")
    alone = "python -m benchmarks.cst --parts {} --history GITDIR"
    yield Figure("syntax trees", "change detection, p95", detection["value"], "ms/1k nodes", 1.0,
                 note=f"{detection['what'].rpartition(', ')[2]}; {alone.format('changes')}")  # fmt: skip
    hits = _of(figures, r"default budgets: hit rate")
    yield Figure("syntax trees", "cache, hit rate", hits["value"], "%", 80, at_least=True,
                 note=f"{hits['note']}; {alone.format('replay')}")  # fmt: skip


def reuse(place: Place) -> Iterator[Figure]:
    """Yield what `benchmarks.replay` says of embeddings that needn't be made again, over a history."""
    told, out = place.told, place.scratch / "replay.json"
    command = [sys.executable, "-m", "benchmarks.replay", "--history", told.history, "--commits", str(told.commits),
               "--every", "1000000", "--extras", "0", "--out", out]  # fmt: skip
    run(command, codes=(0,))
    (found,) = json.loads(out.read_text())["replays"]
    told_of = found["reuse"]["all"]
    note = f"{told_of['syncs']} commits; python -m benchmarks.replay --history GITDIR"
    yield Figure("reuse", "embeddings, over all chunks", told_of["embedding_reuse"], "%", 85, at_least=True, note=note)
    yield Figure("reuse", "embeddings, in changed files alone", told_of["embedding_reuse_in_changed_files"], "%",
                 note=f"{told_of['files_per_sync']} files a commit, new ones among them")  # fmt: skip


def soak(place: Place) -> Iterator[Figure]:
    """Yield what `benchmarks.soak` says of memory and open files over some minutes of edits and searches."""
    small = place.scratch / "soaked"
    make(small, SOAK_FILES)
    minutes = place.told.minutes
    cost = run([sys.executable, "-m", "benchmarks.soak", "--tree", small, "--minutes", str(minutes)], codes=(0, 1))
    told = json.loads(cost.output)
    alone = f"python -m benchmarks.soak --tree TREE --minutes {minutes:g}"
    yield Figure("soak", "memory grows by", told["memory_mb_per_minute"], "MB/min", 1.0,
                 note=f"{told['edits']:,} edits and {told['searches']:,} searches, {told['memory_mb']} MB; {alone}",
                 )  # fmt: skip
    yield Figure("soak", "open files grow by", told["open_files_per_minute"], "/min", 0.5, note=f"{told['open_files']}")
    yield Figure("soak", "failed searches and syncs", len(told["problems"]), "", 0)


PARTS: dict[str, Callable[[Place], Iterator[Figure]]] = {
    "indexing": indexing, "answering": answering, "query-cache": query_cache, "trees": trees, "reuse": reuse,
    "soak": soak,
}  # fmt: skip


def _of(figures: Sequence[dict[str, Any]], pattern: str) -> dict[str, Any]:
    return next(one for one in figures if re.search(pattern, one["what"]))


def own_history() -> Path:
    """Return the git directory of this checkout. Raises CalledProcessError outside of one."""
    command = ["git", "-C", str(REPOSITORY), "rev-parse", "--path-format=absolute", "--git-common-dir"]
    return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slo", description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=10_000, help="how many to make (10000)")
    parser.add_argument("--tree", type=Path, help="measure over a copy of this tree instead")
    parser.add_argument("--history", type=Path, help="a git directory; by default that of this checkout")
    parser.add_argument("--commits", type=int, default=100, help="how many of its last commits (100)")
    parser.add_argument("--questions", type=int, default=6_000, help="how many the query cache is asked (6000)")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the soak takes (10)")
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--json", type=Path)
    told = parser.parse_args(given)
    if unknown := set(told.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if told.history is None and {"trees", "reuse"} & set(told.parts):
        told.history = own_history()
    return told


def main(given: Sequence[str] | None = None) -> int:
    """Run the command; return 1 if an objective is missed."""
    told = arguments(given)
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="treeseek-slo-") as scratch:
        place = Place(Path(scratch), told)
        figures = []
        for part in told.parts:
            print(f"measuring: {part}", file=sys.stderr)
            figures += PARTS[part](place)
    about = {**provenance(), "load_before": f"{load_before:.2f}", "tree": told.tree.name if told.tree else "made"}
    print(table(figures))
    print(json.dumps(about))
    if told.json:
        report = {"provenance": about, "figures": [one.as_json() for one in figures]}
        told.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return int(any(one.met is False for one in figures))


if __name__ == "__main__":
    sys.exit(main())
