"""Measure the syntax trees: over the files of trees, and over the histories of repositories.

    python -m benchmarks.cst --tree DIR [DIR ...] [--history GITDIR [GITDIR ...]] [--commits N] [--parts A,B]
                             [--rounds N] [--files N] [--pairs N] [--seconds N] [--json FILE] [--results DIR]
    python -m benchmarks.cst --short --check [--baseline FILE] [--record]

Parts over trees: survey (size, round trip, canonical kinds), loading, edits (one line in a long file), scaling,
hammering. Parts over histories: changes, lineage, replay. Figures are the best of `--rounds` rounds in which what is
compared runs in turn; `--files` is how many of each language are timed, `--pairs` how many versions of each history.
`--short` measures scaling alone, over treeseek's own sources. `--check` compares its ratios with the stored ones and
ends with 1 if any became worse by more than the margin, twice in a row; `--record` stores the worst of several runs.
Linux only.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cst import cache_replay, changes, hammering, lineage, loading, scaling, survey
from benchmarks.cst.corpus import Source, by_language, sources
from benchmarks.cst.figures import Figure, table
from benchmarks.cst.histories import Repository, Touched
from benchmarks.processes import REPOSITORY
from benchmarks.provenance import provenance

__all__ = ["main", "measure"]

OVER_TREES = ("survey", "loading", "edits", "scaling", "hammering")
OVER_HISTORIES = ("changes", "lineage", "replay")
RECORDINGS = 5
OWN = "repository"
"""What treeseek's own sources are called among the stored ratios."""


def measure(args: argparse.Namespace, ratios: dict[str, scaling.Ratios]) -> Iterator[Figure]:
    """Yield every line of the report, in order, and note the ratios of scaling."""
    if args.short:
        yield from _scaled({OWN: scaling.own_sources()}, scaling.SHORT, ratios)
        return
    if args.tree:
        files = sources(args.tree)
        gc.freeze()  # the corpus itself is no garbage, and looking through it would be timed
        yield from _over_trees(files, args, ratios)
    if args.history:
        yield from _over_histories(args)


def _over_trees(files: list[Source], args: argparse.Namespace, ratios: dict[str, scaling.Ratios]) -> Iterator[Figure]:
    if "survey" in args.parts:
        totals = survey.surveyed(_counted(by_language(files)))
        yield from survey.size_figures(totals)
        yield from survey.unknown_figures(totals)
    if "loading" in args.parts:
        yield from loading.loading_figures(loading.measured_files(files, args.rounds, args.files))
    if "edits" in args.parts:
        yield from changes.edit_figures(files, args.rounds)
    if "scaling" in args.parts:
        yield from _scaled(by_language(files), scaling.SIZES, ratios)
    if "hammering" in args.parts:
        yield from hammering.hammering_figures(args.tree[0], args.seconds)


def _counted(files: dict[str, list[Source]]) -> Iterator[Source]:
    for language, some in files.items():
        print(f"{language}: {len(some):,} files", file=sys.stderr)
        yield from some


def _scaled(
    files: dict[str, list[Source]], sizes: Sequence[int], ratios: dict[str, scaling.Ratios]
) -> Iterator[Figure]:
    for name, some in files.items():
        ratios[name] = scaling.ratios(some, sizes)
        yield from scaling.scaling_figures(name, ratios[name])


def _over_histories(args: argparse.Namespace) -> Iterator[Figure]:
    pairs: list[changes.Pair] = []
    for history in args.history:
        with Repository(history) as repository:
            name = repository.name
            if "changes" in args.parts:
                chosen = _spread(list(changes.modified(repository, args.commits)), args.pairs)
                pairs += [changes.measured_pair(file, args.rounds) for file in chosen]
            if "lineage" in args.parts:
                found = lineage.replayed(repository.commits(args.commits))
                yield from lineage.lineage_figures(name, found)
                print(f"wrote {lineage.write_sample(found, name, args.results)}", file=sys.stderr)
        if "replay" in args.parts:
            yield from cache_replay.replay_figures(history, name, args.commits)
    if pairs:
        yield from changes.change_figures(pairs)


def _spread(files: list[Touched], most: int) -> list[Touched]:
    return [files[at * len(files) // most] for at in range(most)] if len(files) > most else files


def scaled_again(args: argparse.Namespace) -> dict[str, scaling.Ratios]:
    """Measure scaling once more and return its ratios."""
    again: dict[str, scaling.Ratios] = {}
    files = {OWN: scaling.own_sources()} if args.short else by_language(sources(args.tree))
    list(_scaled(files, scaling.SHORT if args.short else scaling.SIZES, again))
    return again


def checked(args: argparse.Namespace, found: dict[str, scaling.Ratios]) -> dict[str, float]:
    """Return what became slower than the stored ratios, now and once more when measured again."""
    stored = scaling.recorded(args.baseline)
    slower = scaling.regressions(found, stored)
    if not slower:
        return {}
    twice = scaling.regressions(scaled_again(args), stored)
    return {what: min(factor, twice[what]) for what, factor in slower.items() if what in twice}


def about(args: argparse.Namespace, load: float) -> dict[str, Any]:
    """Return what the figures come from."""
    trees = [tree.resolve().name for tree in args.tree]
    histories = {}
    for history in args.history:
        with Repository(history) as repository:
            histories[repository.name] = repository.head()
    return {**provenance(), "load_before": f"{load:.2f}", "trees": trees, "histories": histories,
            "commits": args.commits, "rounds": args.rounds, "files": args.files, "pairs": args.pairs}  # fmt: skip


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, nargs="+", default=[])
    parser.add_argument("--history", type=Path, nargs="+", default=[])
    parser.add_argument("--commits", type=int, default=200)
    parser.add_argument("--parts", type=lambda names: names.split(","), default=[*OVER_TREES, *OVER_HISTORIES])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--baseline", type=Path, default=scaling.BASELINE)
    parser.add_argument("--results", type=Path, default=REPOSITORY / "results")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(given)
    unknown = set(args.parts) - {*OVER_TREES, *OVER_HISTORIES}
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if not (args.tree or args.history or args.short):
        parser.error("give --tree, --history or --short")
    for directory in (*args.tree, *args.history):
        if not directory.is_dir():
            parser.error(f"{directory} is not a directory")
    if min(args.rounds, args.files, args.pairs, args.commits) < 1:
        parser.error("at least one of each is needed")
    if (args.check or args.record) and not (args.short or (args.tree and "scaling" in args.parts)):
        parser.error("nothing that could be checked or recorded is measured")
    return args


def main(given: Sequence[str] | None = None) -> int:
    """Run the command; 1 if `--check` found what became slower."""
    args = arguments(given)
    load = os.getloadavg()[0]
    ratios: dict[str, scaling.Ratios] = {}
    figures: list[Figure] = []
    for figure in measure(args, ratios):
        figures.append(figure)
        print(f"measured: {figure.what}", file=sys.stderr)
    print(table(figures))
    source = about(args, load)
    print(json.dumps(source))
    if args.json:
        report = {"provenance": source, "figures": [figure.as_json() for figure in figures]}
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if args.record:
        runs = [ratios, *(scaled_again(args) for _ in range(RECORDINGS - 1))]
        kept = {"provenance": source, "ratios": {**scaling.recorded(args.baseline), **scaling.worst(runs)}}
        args.baseline.parent.mkdir(parents=True, exist_ok=True)
        args.baseline.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    slower = checked(args, ratios) if args.check else {}
    for what, factor in slower.items():
        print(f"slower: {what}, {f'x{factor:.2f}' if factor else 'not measured any more'}")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
