"""What indexing and searching a tree costs, beside a bare parse of its files and beside other tools, in one run.

    python -m benchmarks.speed --tree DIR [--runs N] [--peers semble,ripgrep] [--queries FILE] [--out results.json]
                               [--semble-python PATH] [--rg PATH]

Works on a copy of the tree, without `.git`, in a temporary directory. Everything is a process of its own, timed from
outside: medians of N runs, CPU seconds with all its children, and in one more run its memory. Linux only.
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
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import peers, plain_queries
from benchmarks.bare_parse import parsed_files
from benchmarks.measures import Measure, latency, table
from benchmarks.processes import Failed, measured, run
from benchmarks.provenance import provenance
from treeseek.syntax.languages import LANGUAGES

__all__ = ["main", "measure"]

CPU_BAR, WALL_BAR, SEMBLE_BAR, VERSION_BAR_SECONDS = 3.0, 2.2, 3.0, 0.08
QUICK_RUNS = 7
"""At least as many runs of what takes well under a second."""

ENTRY = "import sys; from treeseek.frontends.cli.main import main; sys.exit(main())"
"""What the installed `treeseek` script does."""
LIBRARY = {
    "index": "import sys, treeseek; e = treeseek.open(sys.argv[1]); e.sync()",
    "search": "import sys, treeseek; e = treeseek.open(sys.argv[2]); [print(h) for h in e.search(sys.argv[1]).hits]",
    "--version": "import treeseek; print(treeseek.__version__)",
}
"""The same through the library, where this treeseek has no command line."""


def treeseek(command: str, *arguments: str | Path) -> list[str | Path]:
    """Return how to run a command of treeseek in a new process."""
    if find_spec("treeseek.frontends.cli.main") is not None:
        return [sys.executable, "-c", ENTRY, command, *arguments]
    return [sys.executable, "-c", LIBRARY[command], *arguments]


def copied(tree: Path, target: Path) -> Path:
    """Copy a tree's files and links, with their times, without `.git` and without pipes, sockets and devices."""

    def unwanted(directory: str, names: list[str]) -> list[str]:
        paths = {name: Path(directory, name) for name in names}
        plain = [name for name, path in paths.items() if path.is_symlink() or path.is_dir() or path.is_file()]
        return [name for name in names if name == ".git" or name not in plain]

    return Path(shutil.copytree(tree, target, symlinks=True, ignore=unwanted))


def bare(root: Path, runs: int) -> Measure:
    """Measure parsing alone: the loop's own times, and the memory of its process."""
    command = [sys.executable, "-m", "benchmarks.bare_parse", root]
    peak = run(command, sample=True, codes=(0,)).memory
    found = [json.loads(run(command, codes=(0,)).output) for _ in range(runs)]
    cpu, wall = (statistics.median(one[name] for one in found) for name in ("cpu", "wall"))
    note = f"{found[0]['files']:,} files, {found[0]['bytes'] / 1e6:.1f} MB; the loop only"
    return Measure("bare parse, 1 process", cpu, wall, peak, runs=runs, note=note, details=found[0])


def cold(root: Path, data: Path, runs: int, yardstick: Measure) -> Iterator[Measure]:
    """Measure indexing into an empty data directory, with one process and with two."""
    assert yardstick.cpu is not None and yardstick.wall is not None
    for workers in (1, 2):
        cost = measured(treeseek("index", root), runs, _settings(data, workers),
                        before=lambda: shutil.rmtree(data, ignore_errors=True))  # fmt: skip
        cpu, wall = cost.cpu / yardstick.cpu, cost.wall / yardstick.wall
        ratio, compared, bar = (
            (cpu, "CPU / bare CPU", CPU_BAR) if workers == 1 else (wall, "wall / bare wall", WALL_BAR)
        )
        other = f"wall {wall:.2f} of bare" if workers == 1 else f"CPU {cpu:.2f} of bare"
        name = "treeseek index, cold, " + ("1 process" if workers == 1 else "2 workers")
        yield Measure(name, cost.cpu, cost.wall, cost.memory, ratio=ratio, compared=compared, bar=bar, runs=runs,
                      note=other, details={"cpu_ratio": cpu, "wall_ratio": wall})  # fmt: skip


def warm_index(root: Path, data: Path, runs: int) -> Iterator[Measure]:
    """Measure indexing again with nothing changed, and with one file changed, the one of middling size."""
    command, variables = treeseek("index", root), _settings(data, 2)
    yield Measure.of("treeseek index, nothing changed", measured(command, runs, variables))
    sizes = sorted((len(content), path) for path, _, content in parsed_files(root))
    if not sizes:
        return
    changed = root / sizes[len(sizes) // 2][1]

    def change() -> None:
        with changed.open("ab") as file:
            file.write(b"\n")

    yield Measure.of("treeseek index, one file changed", measured(command, runs, variables, before=change))


def starts(root: Path, data: Path, query: str, runs: int) -> Iterator[Measure]:
    """Measure what runs from a cold process: the interpreter alone, the version, a search."""
    empty = measured([sys.executable, "-c", "pass"], runs)
    yield Measure.of("python -c pass", empty)
    version = measured(treeseek("--version"), runs)
    yield Measure("treeseek --version", version.cpu, version.wall, version.memory, ratio=version.wall - empty.wall,
                  compared="s over python -c pass", bar=VERSION_BAR_SECONDS, runs=runs)  # fmt: skip
    command = treeseek("search", query, root)
    yield Measure.of("treeseek search, cold process", measured(command, runs, _settings(data, 2), codes=(0, 1)))


def warm_search(root: Path, data: Path, queries: Path) -> Measure:
    """Measure searches in a process that holds the index."""
    command = [sys.executable, "-m", "benchmarks.warm_search", root, queries]
    cost = measured(command, 1, _settings(data, 2))
    return latency("treeseek search, warm", cost, **json.loads(cost.output))


def measure(tree: Path, args: argparse.Namespace, scratch: Path) -> Iterator[Measure]:
    """Yield every line of the report, in order; `scratch` is an empty directory that stays."""
    root, data, queries = copied(tree, scratch / "tree" / tree.name), scratch / "data", scratch / "queries.json"
    asked = plain_queries.of_file(args.queries) if args.queries else plain_queries.of_tree(root)
    asked = asked or ["where are errors handled"]
    queries.write_text(json.dumps(asked), encoding="utf-8")
    quick = max(args.runs, QUICK_RUNS)
    yardstick = bare(root, args.runs)
    yield yardstick
    one, two = cold(root, data, args.runs, yardstick)
    yield from (one, two)
    yield from starts(root, data, asked[0], quick)
    found = warm_search(root, data, queries)
    yield found
    _warn_of_other_files(yardstick, found)
    yield from warm_index(root, data, min(quick, 5))
    yield from beside(root, queries, asked, args, scratch, (one, two))


def beside(root: Path, queries: Path, asked: Sequence[str], args: argparse.Namespace, scratch: Path,
           ours: tuple[Measure, Measure]) -> Iterator[Measure]:  # fmt: skip
    """Yield the peers that were asked for, their indexing compared with ours in as many processes."""
    if "semble" in args.peers:
        reason = peers.missing([args.semble_python, "-c", "import semble.index.index, model2vec"])
        if reason:
            yield Measure("semble", note=f"not measured ({reason})")
        else:
            own = iter(ours)
            for line in peers.semble(args.semble_python, root, queries, scratch, args.runs):
                mine = next(own, None)
                yield line if mine is None else line.over(mine, SEMBLE_BAR)
    if "ripgrep" in args.peers:
        reason = peers.missing([args.rg, "--version"])
        if reason:
            yield Measure("ripgrep", note=f"not measured ({reason})")
        else:
            yield from peers.ripgrep(args.rg, root, asked)


def _settings(data: Path, workers: int) -> dict[str, str]:
    return {"TREESEEK_DATA_DIR": str(data), "TREESEEK_CACHE_DIR": str(data / "cache"),
            "TREESEEK_CONFIG": str(data / "none.toml"), "TREESEEK_WORKERS": str(workers)}  # fmt: skip


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
        except Failed as error:
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
