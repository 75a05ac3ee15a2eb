"""Ask what commits say of themselves, in the files before each, of treeseek and of semble in one run.

    python -m benchmarks.history --repos DIR [DIR ...] --semble PYTHON [--commits 100] [--out results.jsonl]

Every DIR is a clone with its history, checked out or not. For each of its last commits that make a question (see
`treeseek.evaluation.history`) the files before it are laid out, both tools bring their indexes up to date, and are
asked. A place counts if the lines that it shows share one with a declaration that the commit changed ("declaration"),
or if it is in the file of one ("file"). semble runs as `benchmarks.peers` says: with treeseek's weights as its model,
and by BM25 with its rules alone.

Repositories that a ranker was tuned on, or a model trained on, prove nothing here.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import treeseek
from benchmarks.peers import Semble, open_semble, semble_model
from benchmarks.processes import RunError
from benchmarks.provenance import provenance
from treeseek.evaluation.asking import shown
from treeseek.evaluation.history import CommitQuestion, open_past, questions_of
from treeseek.evaluation.metrics import METRICS, Place, Score, difference, mean, score
from treeseek.settings import load

__all__ = ["main"]

BAR = 1.10
JUDGED = ("hit_10", "mrr")
PEERS = {"semble": None, "semble-bm25": 0.0}
LEVELS = ("declaration", "file")


def asked(
    repo: Path, count: int, python: Path, model: Path, scratch: Path
) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Return a line for every question of a repository, with what each tool found, and why commits were left out."""
    settings = load(data_dir=scratch / "data", cache_dir=scratch / "cache")
    lines = []
    with treeseek.open(repo, settings) as history, open_past(history) as past:
        selection = questions_of(history, count)
        oldest_first = selection.questions[::-1]
        if oldest_first:
            past.become(oldest_first[0].tree)
        with treeseek.open(past.root, settings) as engine, open_semble(python, past.root, model) as semble:
            for one in oldest_first:
                past.become(one.tree)
                found = {"treeseek": _ours(engine, one), **_theirs(semble, one)}
                lines.append({"repo": repo.name, "commit": one.commit, "query": one.question.query,
                              "targets": [_told(place) for place in one.question.targets], "found": found})  # fmt: skip
    return lines, selection.left_out


def _told(place: Place) -> list[Any]:
    return [place.path, place.start_line, place.end_line]


def _ours(engine: treeseek.Engine, one: CommitQuestion) -> dict[str, Any]:
    start = time.perf_counter()
    engine.sync()
    indexed = time.perf_counter() - start
    engine.search("warm up")
    start = time.perf_counter()
    hits = engine.search(one.question.query).hits
    seconds = time.perf_counter() - start
    results = [_told(shown(hit)) for hit in hits]
    return {"results": results, "seconds": seconds, "index": indexed}


def _theirs(semble: Semble, one: CommitQuestion) -> dict[str, Any]:
    told = semble.ask([(one.question.query, alpha) for alpha in PEERS.values()])
    found = zip(PEERS, told.results, told.seconds, strict=True)
    return {
        name: {"results": results, "seconds": seconds, "index": told.index_seconds} for name, results, seconds in found
    }


def scores(lines: Sequence[Mapping[str, Any]], tool: str, level: str) -> list[Score]:
    """Return each line's score for a tool, by declarations or by files."""
    found = []
    for line in lines:
        targets = [Place(*target) for target in line["targets"]]
        if level == "file":
            targets = list(dict.fromkeys(Place(target.path) for target in targets))
        found.append(score([Place(*place) for place in line["found"][tool]["results"]], targets))
    return found


def report(lines: Sequence[Mapping[str, Any]]) -> tuple[str, bool]:
    """Return the figures as text, and whether treeseek is so far above semble as it should be, at both levels."""
    tools = list(lines[0]["found"])
    out, met = [], True
    for level in LEVELS:
        out.append(f"by {level}, {len(lines)} commits")
        of = {tool: scores(lines, tool, level) for tool in tools}
        for tool in tools:
            told = mean(of[tool])
            took = [line["found"][tool]["seconds"] * 1000 for line in lines]
            out.append(
                f"  {tool:<12} " + "  ".join(f"{name} {getattr(told, name):.3f}" for name in METRICS)
                + f"  p50 {statistics.median(took):.1f} ms, p95 {statistics.quantiles(took, n=20)[18]:.1f} ms"
            )  # fmt: skip
        for name in JUDGED:
            ours, theirs = ([getattr(one, name) for one in of[tool]] for tool in ("treeseek", "semble"))
            ratio = sum(ours) / sum(theirs) if sum(theirs) else float("inf")
            gain, low, high = difference(ours, theirs)
            met = met and ratio >= BAR
            out.append(f"  {name}: {ratio:.3f} times semble's, {gain:+.3f} [{low:+.3f}, {high:+.3f}]")
    return "\n".join(out), met


def by_repository(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return hit@10 and MRR of both, by declaration, a line a repository."""
    groups = defaultdict(list)
    for line in lines:
        groups[line["repo"]].append(line)
    out = []
    for repo, own in groups.items():
        ours, theirs = (mean(scores(own, tool, "declaration")) for tool in ("treeseek", "semble"))
        out.append(f"  {repo:<22} {len(own):>4}  hit@10 {ours.hit_10:.2f} / {theirs.hit_10:.2f}  "
                   f"MRR {ours.mrr:.2f} / {theirs.mrr:.2f}")  # fmt: skip
    return "\n".join(out)


def main(given: Sequence[str] | None = None) -> int:
    """Run the command; ends with 1 if a figure isn't 10% above semble's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repos", type=Path, nargs="+", required=True)
    parser.add_argument("--semble", type=Path, required=True, help="the interpreter that has semble")
    parser.add_argument("--commits", type=int, default=100)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args(given)
    lines: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as made:
        model = semble_model(args.semble, Path(made))
        for repo in args.repos:
            try:
                own, left_out = asked(repo.resolve(), args.commits, args.semble, model, Path(made))
            except RunError as error:  # semble refuses some trees, such as one with a lone "!" in an ignore file
                print(f"{repo.name}: left out, as a peer failed: {error}", file=sys.stderr, flush=True)
                continue
            told = ", ".join(f"{reason} {count}" for reason, count in left_out.most_common())
            print(f"{repo.name}: {len(own)} questions; commits left out: {told or 'none'}", file=sys.stderr, flush=True)
            lines += own
            if args.out:
                args.out.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    if not lines:
        print("no commit makes a question", file=sys.stderr)
        return 2
    text, met = report(lines)
    print(text, by_repository(lines), json.dumps(provenance()), sep="\n")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
