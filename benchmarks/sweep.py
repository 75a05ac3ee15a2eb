"""Index real repositories, one after the other, and search each: does anything crash, hang or grow?

    python -m benchmarks.sweep --trees DIR [DIR ...] [--workers N] [--limit SECONDS] [--out results.jsonl]

Every tree is indexed in place into an index of its own, which is thrown away, by a process of its own, then searched
by one more for each query. A line a tree, with what was left out and why; ends with 1 if a process ended wrongly,
took over the limit, or indexed nothing. Linux only.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import treeseek
from benchmarks import commands
from benchmarks.processes import run
from benchmarks.provenance import provenance

__all__ = ["index", "main", "swept"]

QUERIES = ("where are errors handled", "read the configuration file", "parse arguments of the command line")
NOTHING_FOUND = 1
BY_LINES = "indexed by lines"


def index(root: Path) -> dict[str, Any]:
    """Index a root in this process, by the settings in force, and return what came of it."""
    with treeseek.open(root) as engine:
        report = engine.sync()
        status = engine.status(skipped=True)
    fallbacks = Counter(one.reason for one in status.skipped if one.detail == BY_LINES)
    return {
        "files": status.files,
        "chunks": status.chunks,
        "languages": dict(status.languages),
        "skipped": dict(Counter(one.reason for one in status.skipped if one.detail != BY_LINES).most_common()),
        "fallbacks": dict(fallbacks.most_common()),
        "fallback_paths": [one.path for one in status.skipped if one.detail == BY_LINES][:50],
        "bytes_read": report.bytes_read,
        "bytes_on_disk": status.bytes_on_disk,
        "sync_seconds": report.seconds,
    }


def swept(tree: Path, workers: int, limit: float) -> dict[str, Any]:
    """Index and search one tree with processes; `ok` says whether all went well, `problem` what didn't."""
    with tempfile.TemporaryDirectory() as scratch:
        settings = commands.variables(Path(scratch), workers)
        command = (sys.executable, "-m", "benchmarks.sweep", "--one", tree)
        cost = run(command, settings, sample=True, limit=limit)
        line: dict[str, Any] = {"tree": tree.name, "code": cost.code, "cpu": cost.cpu, "wall": cost.wall,
                                "memory": cost.memory, "stderr": cost.errors.strip()[-500:]}  # fmt: skip
        if cost.code:
            reason = f"took over {limit:g} s" if cost.wall > limit else cost.errors.strip().rpartition("\n")[2]
            return {**line, "ok": False, "problem": f"exit code {cost.code}: {reason}"}
        line |= json.loads(cost.output)
        line["searches"] = [_searched(tree, query, settings, limit) for query in QUERIES]
    wrong = [one for one in line["searches"] if one["code"] not in (0, NOTHING_FOUND)]
    problem = "" if line["files"] else "nothing was indexed"
    if wrong:
        problem = f"a search ended with {wrong[0]['code']}: {wrong[0]['stderr']}"
    return {**line, "ok": not problem, "problem": problem}


def _searched(tree: Path, query: str, settings: Mapping[str, str], limit: float) -> dict[str, Any]:
    cost = run(commands.treeseek("search", query, tree), settings, sample=True, limit=limit)
    return {"query": query, "code": cost.code, "seconds": cost.wall, "output": cost.output[:200],
            "stderr": cost.errors.strip()[-300:]}  # fmt: skip


def described(line: Mapping[str, Any]) -> str:
    """Return one tree's result for a person."""
    head = f"{'ok ' if line['ok'] else 'BAD'} {line['tree']}: {line['wall']:.1f} s, {line['memory'] / 1e6:.0f} MB peak"
    if "files" not in line:
        return f"{head}; {line['problem']}"
    rate = line["bytes_read"] / 1e6 / line["sync_seconds"]
    parts = [
        f"{head}, {line['cpu']:.1f} CPU s, {rate:.1f} MB/s, {line['bytes_on_disk'] / 1e6:.0f} MB on disk",
        f"    {line['files']:,} files, {line['chunks']:,} chunks: {_counts(line['languages'], 8)}",
        f"    left out: {_counts(line['skipped'])}; by lines: {_counts(line['fallbacks'])}",
        "    searches: " + ", ".join(f"{search['seconds']:.2f} s" for search in line["searches"]),
    ]
    return "\n".join([*parts, *([f"    {line['problem']}"] if line["problem"] else [])])


def _counts(counts: Mapping[str, int], most: int = 99) -> str:
    shown = [f"{name} {count:,}" for name, count in list(counts.items())[:most]]
    return ", ".join([*shown, *(["..."] if len(counts) > most else [])]) or "none"


def main(given: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--trees", type=Path, nargs="+")
    what.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit", type=float, default=1800.0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args(given)
    if args.one:
        print(json.dumps(index(args.one)))
        return 0
    lines = []
    for tree in args.trees:
        lines.append(swept(tree.resolve(), args.workers, args.limit))
        print(described(lines[-1]), flush=True)
    if args.out:
        every = [{"provenance": provenance()}, *lines]
        args.out.write_text("".join(json.dumps(line) + "\n" for line in every), encoding="utf-8")
    return 0 if all(line["ok"] for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
