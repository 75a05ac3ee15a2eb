"""How fast, how sure and how complete is the scan? `python -m benchmarks.scanning --tree DIR [--gitleaks PATH]`.

Throughput is by the processor time of whole commands on one core, start-up and all, ours and the peer's in turn, as
medians; and of the scanner alone. On trees that are taken to be clean, findings of the high tier are counted per 10 MB:
with those that their structure proves (key blocks, signed tokens: real ones, if only for tests), and without, which are
the likely mistakes. Recall is the share of planted values (`benchmarks.planted`) that are found; what is found beside
them is counted too.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.planted import Planted, plant
from treeseek.safety.scanner import Scanner
from treeseek.scanning.judge import is_binary

PROVEN = frozenset(("private-key", "private-key-end", "jwt"))
Where = tuple[str, bytes]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.scanning", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tree", type=Path, action="append", default=[], help="a tree to scan; repeatable")
    parser.add_argument("--gitleaks", type=Path, help="the peer's executable")
    parser.add_argument("--planted", type=int, default=2000, metavar="N", help="values to plant; 0 for none")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(argv)
    for tree in options.tree:
        _speed(tree, options.gitleaks, options.rounds)
    if options.tree:
        _precision(options.tree)
    if options.planted:
        with tempfile.TemporaryDirectory() as directory:
            _recall(Path(directory), options.planted, options.gitleaks)


# -- speed ---------------------------------------------------------------------------------------------------------


def _speed(tree: Path, gitleaks: Path | None, rounds: int) -> None:
    texts = list(_texts(tree))
    size = sum(map(len, texts)) / 1e6
    print(f"{tree.name}: {len(texts):,} texts, {size:.1f} MB")
    commands = {"treeseek scan": _ours(tree), "treeseek scan --tier high": [*_ours(tree), "--tier", "high"]}
    if gitleaks is not None:
        commands["gitleaks dir"] = _peers(gitleaks, tree, os.devnull)
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            seconds[name].append(_timed(command))
    middle = {name: statistics.median(taken) for name, taken in seconds.items()}
    for name, taken in middle.items():
        ratio = f"  {middle['gitleaks dir'] / taken:.1f} x gitleaks" if "gitleaks dir" in middle else ""
        print(f"  {name:28} {taken:7.2f} s  {size / taken:6.1f} MB/s{ratio}")
    for tier in ("high", "medium", "low"):
        scanner = Scanner(tier)
        for text in texts[:50]:
            scanner.scan(text)
        started = time.process_time()
        for text in texts:
            scanner.scan(text)
        print(f"  scanner alone, {tier:13} {size / (time.process_time() - started):16.1f} MB/s")


def _ours(tree: Path) -> list[str]:
    return [sys.executable, "-m", "treeseek", "scan", str(tree), "--json", "--workers", "1"]


def _peers(gitleaks: Path, tree: Path, report: str) -> list[str]:
    return [str(gitleaks), "dir", "--no-banner", "--log-level", "error", "-f", "json", "-r", report, str(tree)]


def _timed(command: Sequence[str]) -> float:
    """Return the processor time in seconds that a command takes on one core."""
    core = min(os.sched_getaffinity(0))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        ["taskset", "-c", str(core), *command], capture_output=True, check=False, env=os.environ | {"GOMAXPROCS": "1"}
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"{command[0]} failed: {done.stderr.decode()[-400:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _texts(tree: Path) -> Iterator[bytes]:
    for path in sorted(tree.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 4 << 20:
            data = path.read_bytes()
            if not is_binary(data):
                yield data


# -- precision -----------------------------------------------------------------------------------------------------


def _precision(trees: Sequence[Path]) -> None:
    scanner = Scanner("low", ("secret", "pii"))
    counts: Counter[tuple[str, str, str]] = Counter()
    size = 0
    for tree in trees:
        for text in _texts(tree):
            size += len(text)
            counts.update((one.kind, one.tier, one.rule) for one in scanner.scan(text))
    print(f"findings in {size / 1e6:.1f} MB")
    for (kind, tier, rule), count in sorted(counts.items()):
        print(f"  {kind:6} {tier:6} {rule:32} {count:6}")
    high = {rule: count for (kind, tier, rule), count in counts.items() if (kind, tier) == ("secret", "high")}
    unproven = sum(count for rule, count in high.items() if rule not in PROVEN)
    per = size / 1e7
    print(f"  secrets of the high tier per 10 MB: {sum(high.values()) / per:.2f}; unproven {unproven / per:.2f}")


# -- recall --------------------------------------------------------------------------------------------------------


def _recall(directory: Path, count: int, gitleaks: Path | None) -> None:
    planted = plant(directory / "tree", count, seed=1)
    found = {"treeseek --tier low --pii": _found_by_us(directory / "tree")}
    if gitleaks is not None:
        found["gitleaks"] = _found_by_peer(gitleaks, directory)
    print(f"recall of {count:,} planted values")
    for name, places in found.items():
        _tell(name, planted, places)


def _tell(name: str, planted: Sequence[Planted], places: Sequence[Where]) -> None:
    by_path: dict[str, list[bytes]] = {}
    for path, value in places:
        by_path.setdefault(path, []).append(value)
    hits: Counter[tuple[str, str]] = Counter()
    for one in planted:
        values = by_path.get(one.path, ())
        hits[one.kind, one.tier] += any(one.value in value or (value and value in one.value) for value in values)
    totals = Counter((one.kind, one.tier) for one in planted)
    known = {(one.path, one.value) for one in planted}
    others = sum(not any(path == where and (v in value or value in v) for where, v in known) for path, value in places)
    shares = ", ".join(
        f"{kind} {tier} {hits[kind, tier] / total:.4f}" for (kind, tier), total in sorted(totals.items())
    )
    print(f"  {name:28} {shares}; beside them {others}")


def _found_by_us(tree: Path) -> list[Where]:
    scanner = Scanner("low", ("secret", "pii"))
    found = []
    for path in sorted(tree.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            name = path.relative_to(tree).as_posix()
            found += [(name, data[one.start : one.end]) for one in scanner.scan(data)]
    return found


def _found_by_peer(gitleaks: Path, directory: Path) -> list[Where]:
    report, tree = directory / "report.json", directory / "tree"
    subprocess.run([*_peers(gitleaks, tree, str(report)), "--redact=0"], capture_output=True, check=False)
    entries = json.loads(report.read_bytes() or "[]")
    return [(Path(entry["File"]).relative_to(tree).as_posix(), entry["Secret"].encode()) for entry in entries]


if __name__ == "__main__":
    main()
