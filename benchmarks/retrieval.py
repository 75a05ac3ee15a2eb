"""Search every query of a benchmark file, with treeseek and with its peers in one run, and write the ranked results.

    python -m benchmarks.retrieval --queries queries.jsonl --repos repos.json --corpus DIR --out results.jsonl
        [--peers semble-ours,semble-bm25,ripgrep --semble PYTHON --ripgrep rg]

`repos.json` lists {"repo", "root"}; DIR/repo/root is indexed and searched. A line of `queries.jsonl` is
{"repo", "query", "category", "relevant", "secondary"}; a line of the output {"repo", "query", "results"}, with paths
relative to the repository. Prints NDCG@10 by category, with paired 95% intervals against each peer, and the latency of
warm searches in one process; for ripgrep, which has no index, of a process a query.

Peers: `semble-ours` is semble with treeseek's weights as its model, `semble-bm25` semble by BM25 and its rules alone,
`ripgrep` the files with most different words of the query.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import treeseek
from benchmarks.metrics import ndcg
from benchmarks.peers import Semble, open_semble, ripgrep_ranked, semble_model
from benchmarks.provenance import provenance
from treeseek import settings
from treeseek.evaluation.metrics import difference

__all__ = ["main", "searched"]

SEMBLE = {"semble-ours": None, "semble-bm25": 0.0}
PEERS = (*SEMBLE, "ripgrep")
OURS = "treeseek"

Result = dict[str, Any]
Found = tuple[list[Result], float]
"""The ranked results of one query, and the seconds they took."""


@dataclass(slots=True)
class Tally:
    """What one tool's answers are worth, in the order of the queries, and how long they took."""

    scores: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def searched(
    repo: dict[str, Any], queries: Sequence[dict[str, Any]], corpus: Path, data: Path, limit: int
) -> Iterator[tuple[dict[str, Any], list[Result], float]]:
    """Index one repository's root and yield each of its queries with the results and the seconds they took."""
    root = corpus / repo["repo"] / repo["root"]
    with treeseek.open(root, settings.load(data_dir=data)) as engine:
        engine.sync()
        engine.search("warm up")
        for query in queries:
            start = time.perf_counter()
            hits = engine.search(query["query"], limit=limit).hits
            seconds = time.perf_counter() - start
            yield query, _results(repo, [(hit.path, hit.start_line, hit.end_line) for hit in hits]), seconds


def _results(repo: dict[str, Any], places: Sequence[Sequence[Any]]) -> list[Result]:
    prefix = "" if repo["root"] == "." else repo["root"].strip("/") + "/"
    return [{"path": prefix + path, "start_line": start, "end_line": end} for path, start, end in places]


def by_peers(
    repo: dict[str, Any], queries: Sequence[dict[str, Any]], args: argparse.Namespace, model: Path | None
) -> dict[str, list[Found]]:
    """Return what each peer that was asked for finds for each query."""
    root = (args.corpus / repo["repo"] / repo["root"]).resolve()
    found: dict[str, list[Found]] = {}
    with ExitStack() as stack:
        semble = stack.enter_context(open_semble(args.semble, root, model)) if model else None
        for peer in args.peers:
            if peer in SEMBLE and semble is not None:
                found[peer] = _by_semble(semble, repo, queries, SEMBLE[peer], args.limit)
            else:
                found[peer] = [_by_ripgrep(args.ripgrep, repo, root, query["query"], args.limit) for query in queries]
    return found


def _by_semble(
    semble: Semble, repo: dict[str, Any], queries: Sequence[dict[str, Any]], alpha: float | None, limit: int
) -> list[Found]:
    told = semble.ask([(query["query"], alpha) for query in queries], limit=limit)
    results = [_results(repo, places) for places in told.results]
    return list(zip(results, told.seconds, strict=True))


def _by_ripgrep(binary: Path, repo: dict[str, Any], root: Path, query: str, limit: int) -> Found:
    start = time.perf_counter()
    places = ripgrep_ranked(binary, root, query, limit)
    return _results(repo, places), time.perf_counter() - start


def report(tallies: dict[str, Tally], categories: Sequence[str]) -> list[str]:
    """Return the figures of all tools, and how treeseek's differ from each other's."""
    lines = []
    for name, tally in tallies.items():
        groups = defaultdict(list)
        for category, score in zip(categories, tally.scores, strict=True):
            groups[category].append(score)
        lines.append(f"{name}: NDCG@10 {statistics.mean(tally.scores):.4f} over {len(tally.scores)} queries")
        lines += [
            f"  {group:<14} {statistics.mean(own):.4f} ({len(own)} queries)" for group, own in sorted(groups.items())
        ]
        p95 = statistics.quantiles(tally.seconds, n=20)[18] if len(tally.seconds) > 1 else tally.seconds[0]
        lines.append(f"  search p50 {1000 * statistics.median(tally.seconds):.1f} ms, p95 {1000 * p95:.1f} ms")
    for name, tally in tallies.items():
        if name != OURS:
            gain, low, high = difference(tallies[OURS].scores, tally.scores)
            lines.append(f"treeseek against {name}: {gain:+.4f} [{low:+.4f}, {high:+.4f}]")
    return lines


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("queries", "repos", "corpus", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--data-dir", type=Path, help="keep the indexes here and reuse them")
    parser.add_argument("--limit", type=int, default=10)
    parser.add_argument("--peers", default="", help=f"of {', '.join(PEERS)}, with commas")
    parser.add_argument("--semble", type=Path, help="the interpreter that has semble")
    parser.add_argument("--ripgrep", type=Path, default=Path("rg"))
    args = parser.parse_args(given)
    args.peers = [peer for peer in args.peers.split(",") if peer]
    if unknown := set(args.peers) - set(PEERS):
        parser.error(f"no such peer: {', '.join(sorted(unknown))}")
    if set(args.peers) & SEMBLE.keys() and args.semble is None:
        parser.error("semble needs --semble")
    return args


def main(given: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = _arguments(given)
    by_repo = defaultdict(list)
    for line in args.queries.read_text("utf-8").splitlines():
        query = json.loads(line)
        by_repo[query["repo"]].append(query)
    tallies = {name: Tally() for name in (OURS, *args.peers)}
    categories: list[str] = []
    with tempfile.TemporaryDirectory() as temporary, args.out.open("w", encoding="utf-8") as out:
        model = semble_model(args.semble, Path(temporary)) if set(args.peers) & SEMBLE.keys() else None
        for repo in json.loads(args.repos.read_text("utf-8")):
            if not (args.corpus / repo["repo"]).is_dir():
                print(f"missing: {repo['repo']}", file=sys.stderr)
                continue
            own = by_repo[repo["repo"]]
            found: dict[str, list[Found]] = {OURS: []}
            for query, results, seconds in searched(
                repo, own, args.corpus, args.data_dir or Path(temporary), args.limit
            ):
                found[OURS].append((results, seconds))
                out.write(json.dumps({"repo": repo["repo"], "query": query["query"], "results": results}) + "\n")
            if args.peers:
                found |= by_peers(repo, own, args, model)
            categories += [query["category"] for query in own]
            for name, answers in found.items():
                for query, (results, seconds) in zip(own, answers, strict=True):
                    tallies[name].scores.append(ndcg(results, query["relevant"] + query["secondary"]))
                    tallies[name].seconds.append(seconds)
    if not categories:
        print("no repository of the list is in the corpus", file=sys.stderr)
        return 2
    print(*report(tallies, categories), json.dumps(provenance()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
