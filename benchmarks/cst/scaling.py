"""What each step costs beside the bare parse, from small texts to very large ones, and whether it got slower.

The texts are real code, repeated until they are large enough. Ratios to the parse in the same round hold on any
machine to within a wide margin; `regressions` compares them with the stored ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.cst.clock import best
from benchmarks.cst.corpus import Source, nodes_of, one_line_edit, put_together, sources
from benchmarks.cst.figures import Figure
from benchmarks.processes import REPOSITORY
from treeseek.indexing.identity import content_hash
from treeseek.syntax import codec
from treeseek.syntax.canonical import lower
from treeseek.syntax.columns import to_columns
from treeseek.syntax.diff import diff
from treeseek.syntax.grammars import load
from treeseek.syntax.hashes import subtree_hashes
from treeseek.syntax.parsed import parsed_file

__all__ = [
    "BASELINE",
    "MARGIN",
    "SHORT",
    "SIZES",
    "own_sources",
    "ratios",
    "recorded",
    "regressions",
    "scaling_figures",
    "worst",
]

PART = "large files"
SIZES = (1_000, 5_000, 10_000, 50_000, 500_000)
SHORT = SIZES[:-1]
MARGIN = 1.6
BASELINE = Path(__file__).resolve().parent.parent / "baselines" / "cst.json"
_ROUND_NODES = 1_500_000
"""About how many nodes are measured in all rounds of one size."""

Ratios = dict[str, dict[str, float]]


def own_sources() -> list[Source]:
    """Return treeseek's own Python modules, which are there wherever the benchmark is."""
    return sources([REPOSITORY / "src"])


def ratios(files: Sequence[Source], sizes: Iterable[int]) -> Ratios:
    """Return for each size that the files can be put together to, the cost of each step over that of the bare parse.

    `parse` is in µs a node, and is compared with nothing. The files are of one language.
    """
    found: Ratios = {}
    for size in sizes:
        data = put_together(files, size, nodes_of)
        if data:
            found[str(size)] = _measured(data, files[0].language)
    return found


def _measured(data: bytes, language: str) -> dict[str, float]:
    parser = load(language).parser
    live = parser.parse(data)
    tree = to_columns(live, language, data)
    text = one_line_edit(tree, 0.5)
    edited = to_columns(parser.parse(text), language, text)
    before, after = subtree_hashes(tree), subtree_hashes(edited)
    name = content_hash(data)
    stored = codec.encode(tree, name)
    steps = {
        "parse": lambda: parser.parse(data),
        "columns": lambda: to_columns(live, language, data),
        "hash": lambda: subtree_hashes(tree),
        "diff": lambda: diff(tree.with_source(data), edited.with_source(text), before, after).new_status,
        "encode": lambda: codec.encode(tree, name),
        "decode": lambda: codec.decode(stored, name),
        "lower": lambda: lower(tree.with_source(data)),
        "declarations": lambda: parsed_file(live, tree.with_source(data), data),
    }
    rounds = min(max(_ROUND_NODES // len(tree), 3), 40)
    times = dict(zip(steps, best(list(steps.values()), rounds), strict=True))
    parse = times.pop("parse")
    return {"parse": 1e6 * parse / len(tree), **{step: seconds / parse for step, seconds in times.items()}}


def scaling_figures(language: str, found: Ratios) -> Iterator[Figure]:
    """Yield a line a size; its figure is the bare parse, the ratios are in the note."""
    for size, steps in found.items():
        note = ", ".join(f"{step} {ratio:.2f}" for step, ratio in steps.items() if step != "parse")
        yield Figure(PART, f"{language}, {int(size):,} nodes: bare parse", steps["parse"], "µs/node",
                     note=f"beside it: {note}", details=steps)  # fmt: skip


def recorded(path: Path = BASELINE) -> dict[str, Ratios]:
    """Return the stored ratios, by the name of what was measured; {} if there are none."""
    if not path.exists():
        return {}
    stored: dict[str, Ratios] = json.loads(path.read_text(encoding="utf-8"))["ratios"]
    return stored


def worst(runs: Sequence[Mapping[str, Ratios]]) -> dict[str, Ratios]:
    """Return the greatest of each ratio in several runs of the same.

    On a busy machine large parses suffer most, as they ask for most memory, and all else looks cheap beside them. To
    store what a quiet one gives, the greatest is right.
    """
    first, *others = runs
    return {
        name: {
            size: {step: max([ratio, *(run[name][size][step] for run in others)]) for step, ratio in steps.items()}
            for size, steps in sizes.items()
        }
        for name, sizes in first.items()
    }


def regressions(found: Mapping[str, Ratios], stored: Mapping[str, Ratios], margin: float = MARGIN) -> dict[str, float]:
    """Return what became slower than its stored ratio by more than `margin`, with the factor, and 0.0 for what is
    stored but wasn't measured at a size that was.
    """
    slower = {}
    for name, sizes in found.items():
        for size, steps in sizes.items():
            for step, was in stored.get(name, {}).get(size, {}).items():
                if step == "parse":
                    continue
                if step not in steps:
                    slower[f"{name} {size} {step}"] = 0.0
                elif steps[step] > margin * was:
                    slower[f"{name} {size} {step}"] = steps[step] / was
    return slower
