"""What indexing and searching a tree costs, beside a bare parse of its files and beside other tools, in one run.

    python -m benchmarks.speed --tree DIR [--runs N] [--peers semble,ripgrep] [--queries FILE] [--out results.json]
                               [--semble-python PATH] [--rg PATH]

Works on a copy of the tree, without `.git`, in a temporary directory. Everything is a process of its own, timed from
outside: medians of N runs, CPU seconds with all its children, and in one more run its memory. What is compared runs
in turn, and ratios are medians of the ratios of neighbouring runs. Linux only.
`--queries` is a file with a query a line; without it they are made of the tree's own comments and names. semble comes
from an interpreter that has it: `pip install semble==0.7.0` in a virtual environment of its own; a peer that isn't
there is reported as not measured. Prints a table; `--out` gets the same with all single times and the provenance.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import peers, plain_queries
from benchmarks.bare_parse import parsed_files
from benchmarks.cold_index import cold_index
from benchmarks.commands import treeseek, variables
from benchmarks.measures import Measure, latency, table
from benchmarks.processes import Job, RunError, measured, middle, rounds
from benchmarks.provenance import provenance
from treeseek.syntax.languages import LANGUAGES

__all__ = ["main", "measure"]

VERSION_BAR_SECONDS = 0.08
QUICK_FACTOR = 3
"""How many more runs of what takes well under a second."""


def copied(tree: Path, target: Path) -> Path:
    """Copy a tree's files and links, with their times, without `.git` and without pipes, sockets and devices."""

    def unwanted(directory: str, names: list[str]) -> list[str]:
        paths = {name: Path(directory, name) for name in names}
        plain = [name for name, path in paths.items() if path.is_symlink() or path.is_dir() or path.is_file()]
        return [name for name in names if name == ".git" or name not in plain]

    return Path(shutil.copytree(tree, target, symlinks=True, ignore=unwanted))


def warm_index(root: Path, data: Path, runs: int) -> Iterator[Measure]:
    """Measure indexing again with nothing changed, and with one file changed, the one of middling size."""
    again = Job(treeseek("index", root), variables(data, 2))
    yield Measure.of("treeseek index, nothing changed", measured(again, runs))
    sizes = sorted((len(content), path) for path, _, content in parsed_files(root))
    if not sizes:
        return
    changed = root / sizes[len(sizes) // 2][1]

    def change() -> None:
        with changed.open("ab") as file:
            file.write(b"\n")

    yield Measure.of("treeseek index, one file changed", measured(replace(again, before=change), runs))


def starts(root: Path, data: Path, query: str, runs: int) -> Iterator[Measure]:
    """Measure what runs from a cold process: the interpreter alone, the version, a search."""
    jobs = [Job([sys.executable, "-c", "pass"]), Job(treeseek("--version")),
            Job(treeseek("search", query, root), variables(data, 2), codes=(0, 1))]  # fmt: skip
    empty, version, search = rounds(jobs, runs)
    yield Measure.of("python -c pass", middle(empty))
    more = statistics.median(cost.wall - own.wall for cost, own in zip(version, empty, strict=True))
    line = Measure.of("treeseek --version", middle(version))
    yield line.compared_with("s over python -c pass", more, VERSION_BAR_SECONDS)
    yield Measure.of("treeseek search, cold process", middle(search))


def warm_search(root: Path, data: Path, queries: Path) -> Measure:
    """Measure searches in a process that holds the index."""
    command = (sys.executable, "-m", "benchmarks.warm_search", root, queries)
    cost = measured(Job(command, variables(data, 2)), 1)
    return latency("treeseek search, warm", cost, **json.loads(cost.output))


def measure(tree: Path, args: argparse.Namespace, scratch: Path) -> Iterator[Measure]:
    """Yield every line of the report, in order; `scratch` is an empty directory that stays."""
    root, data, queries = copied(tree, scratch / "tree" / tree.name), scratch / "data", scratch / "queries.json"
    asked = plain_queries.of_file(args.queries) if args.queries else plain_queries.of_tree(root)
    asked = asked or ["where are errors handled"]
    queries.write_text(json.dumps(asked), encoding="utf-8")
    with_semble = "semble" in args.peers
    reason = peers.missing([args.semble_python, "-c", "import semble.index.index, model2vec"]) if with_semble else ""
    with_semble = with_semble and not reason
    jobs = peers.semble_jobs(args.semble_python, root, scratch) if with_semble else []
    yardstick, *indexing = cold_index(root, data, args.runs, jobs)
    yield from (yardstick, *indexing)
    if reason:
        yield Measure("semble", note=f"not measured ({reason})")
    yield from starts(root, data, asked[0], QUICK_FACTOR * args.runs)
    found = warm_search(root, data, queries)
    yield found
    _warn_of_other_files(yardstick, found)
    if with_semble:
        yield peers.semble_search(args.semble_python, root, queries, scratch)
    if "ripgrep" in args.peers:
        reason = peers.missing([args.rg, "--version"])
        yield Measure("ripgrep", note=f"not measured ({reason})") if reason else peers.ripgrep(args.rg, root, asked)
    yield from warm_index(root, data, args.runs)


def _warn_of_other_files(yardstick: Measure, found: Measure) -> None:
    """Say on stderr when the bare parse read other files than treeseek indexed: the ratios would mean little."""
    syntax = {name: count for name, count in found.details["languages"].items() if LANGUAGES[name].reader == "syntax"}
    indexed, parsed = sum(syntax.values()), yardstick.details["files"]
    if abs(indexed - parsed) > parsed // 100:
        print(f"warning: bare parse read {parsed:,} files, treeseek has {indexed:,} parsed ones", file=sys.stderr)


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", type=lambda names: names.split(","), default=["semble", "ripgrep"])
    parser.add_argument("--queries", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--semble-python", type=Path, default=Path(sys.executable))
    parser.add_argument("--rg", type=Path, default=Path(shutil.which("rg") or "rg"))
    args = parser.parse_args(given)
    if not args.tree.is_dir():
        parser.error(f"{args.tree} is not a directory")
    if args.runs < 1:
        parser.error("at least one run is needed")
    return args


def main(given: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = arguments(given)
    load = os.getloadavg()[0]
    measures: list[Measure] = []
    code = 0
    with tempfile.TemporaryDirectory() as scratch:
        try:
            for line in measure(args.tree.resolve(), args, Path(scratch)):
                measures.append(line)
                print(f"measured: {line.what}", file=sys.stderr)
        except RunError as error:
            print(f"error: {error}", file=sys.stderr)
            code = 2
    report: dict[str, Any] = {
        "provenance": {**provenance(), "load_before": f"{load:.2f}", "tree": args.tree.resolve().name},
        "runs": args.runs,
        "measures": [line.as_json() for line in measures],
    }
    print(table(measures))
    print(json.dumps(report["provenance"]))
    if args.out:
        args.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
