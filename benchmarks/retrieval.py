"""Search every query of a benchmark file and write the ranked results.

    python -m benchmarks.retrieval --queries queries.jsonl --repos repos.json --corpus DIR --out results.jsonl

`repos.json` lists {"repo", "root"}; DIR/repo/root is indexed and searched. A line of `queries.jsonl` is
{"repo", "query", "category", "relevant", "secondary"}; a line of the output {"repo", "query", "results"}, with paths
relative to the repository. Prints NDCG@10 by category, and the latency of warm searches in this process.
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
from pathlib import Path
from typing import Any

import treeseek
from benchmarks.metrics import ndcg
from benchmarks.provenance import provenance
from treeseek import settings


def searched(
    repo: dict[str, Any], queries: Sequence[dict[str, Any]], corpus: Path, data: Path, limit: int
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]], float]]:
    """Index one repository's root and yield each of its queries with the results and the seconds they took."""
    prefix = "" if repo["root"] == "." else repo["root"].strip("/") + "/"
    root = corpus / repo["repo"] / repo["root"]
    with treeseek.open(root, settings.load(data_dir=data)) as engine:
        engine.sync()
        engine.search("warm up")
        for query in queries:
            start = time.perf_counter()
            hits = engine.search(query["query"], limit=limit).hits
            seconds = time.perf_counter() - start
            results = [
                {"path": prefix + hit.path, "start_line": hit.start_line, "end_line": hit.end_line} for hit in hits
            ]
            yield query, results, seconds


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("queries", "repos", "corpus", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--data-dir", type=Path, help="keep the indexes here and reuse them")
    parser.add_argument("--limit", type=int, default=10)
    args = parser.parse_args()
    by_repo = defaultdict(list)
    for line in args.queries.read_text("utf-8").splitlines():
        query = json.loads(line)
        by_repo[query["repo"]].append(query)
    scores: dict[str, list[float]] = defaultdict(list)
    latencies: list[float] = []
    with tempfile.TemporaryDirectory() as temporary, args.out.open("w", encoding="utf-8") as out:
        data = args.data_dir or Path(temporary)
        for repo in json.loads(args.repos.read_text("utf-8")):
            if not (args.corpus / repo["repo"]).is_dir():
                print(f"missing: {repo['repo']}", file=sys.stderr)
                continue
            for query, results, seconds in searched(repo, by_repo[repo["repo"]], args.corpus, data, args.limit):
                line = {"repo": repo["repo"], "query": query["query"], "results": results}
                out.write(json.dumps(line) + "\n")
                scores[query["category"]].append(ndcg(results, query["relevant"] + query["secondary"]))
                latencies.append(seconds)
    everything = [score for group in scores.values() for score in group]
    if not everything:
        print("no repository of the list is in the corpus", file=sys.stderr)
        return 2
    print(f"NDCG@10 {statistics.mean(everything):.4f} over {len(everything)} queries")
    for category, group in sorted(scores.items()):
        print(f"  {category:<14} {statistics.mean(group):.4f} ({len(group)} queries)")
    cuts = statistics.quantiles(latencies, n=20)
    print(f"search p50 {1000 * statistics.median(latencies):.1f} ms, p95 {1000 * cuts[18]:.1f} ms")
    print(json.dumps(provenance()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
