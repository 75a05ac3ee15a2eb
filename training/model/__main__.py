"""Make the weights of the bundled embedding model, step by step.

    python -m training.model extract --list LIST --mirror DIR --out PAIRS [--keep-out DIR]
    python -m training.model fit --pairs PAIRS --out WEIGHTS
    python -m training.model judge WEIGHTS... --kept DIR --mirror DIR [--queries Q --repos R --corpus DIR]

LIST has a repository (owner/name) a line, or is the `provenance.json` of weights: then their revisions are read. DIR
has them as git directories, OWNER+NAME/repo. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from training.model import benchmark, extract, fit, held_out, judge
from treeseek.learning.trainer import Recipe


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("extract", help="pairs of words and code out of git repositories")
    command.add_argument("--list", type=Path, required=True)
    command.add_argument("--mirror", type=Path, required=True)
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--keep-out", type=Path, action="append", default=[], help="don't learn lines that stand here")
    command = commands.add_parser("fit", help="weights out of pairs")
    command.add_argument("--pairs", type=Path, required=True)
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--steps", type=int, default=Recipe().steps)
    command.add_argument("--seed", type=int, default=0)
    command = commands.add_parser("judge", help="how well weights find files")
    command.add_argument("weights", type=Path, nargs="+")
    command.add_argument("--kept", type=Path, required=True, help="where the questions are kept between runs")
    command.add_argument("--mirror", type=Path, required=True)
    for name in ("queries", "repos", "corpus"):
        command.add_argument(f"--{name}", type=Path, help="of a benchmark")
    args = parser.parse_args()
    if args.command == "extract":
        extract.run(args.mirror, extract.listed(args.list), args.out, args.keep_out)
    elif args.command == "fit":
        fit.run(args.pairs, args.out, replace(Recipe(), steps=args.steps, seed=args.seed))
    else:
        args.kept.mkdir(parents=True, exist_ok=True)
        asked = {"held out": list(held_out.read(args.mirror, args.kept / "held-out.pickle").values())}
        if args.queries:
            found = benchmark.read(args.queries, args.repos, args.corpus, args.kept / "benchmark.pickle")
            asked["benchmark"] = list(found.values())
        judge.run(args.weights, asked)
    return 0


if __name__ == "__main__":
    sys.exit(main())
