"""Is the first hit the declaration that was asked for, all of it and little else? By its name, and by its comment.

    python -m benchmarks.spans --trees DIR [DIR ...] [--count 500] [--show]

Declarations whose name is unique in their tree are drawn from all languages alike. A hit is right if its span covers
the declaration with its doc comment and has at most 1.5 times its lines. By name 95% must be right; a comment's first
sentence may well speak of something else too, so there is no bar for it.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import treeseek
from benchmarks.bare_parse import parsed_files
from benchmarks.plain_queries import first_sentence
from treeseek.settings import load
from treeseek.syntax import analyse
from treeseek.tokens import split_words

__all__ = ["Asked", "declared", "drawn", "main", "verdict"]

SEED = 11
MAX_LINES = 1.5
BAR = 0.95
MIN_NAME = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """A declaration of a tree, with what it is asked by; `doc` is empty if it has no comment worth asking."""

    tree: Path
    language: str
    path: str
    kind: str
    name: str
    start_line: int
    end_line: int
    doc: str


def declared(tree: Path) -> list[Asked]:
    """Return the declarations of a tree whose last name no other one has, however it is cased or joined."""
    found = defaultdict(list)
    for path, language, data in sorted(parsed_files(tree)):
        for one in analyse(data, language, deadline_seconds=10).declarations:
            words = tuple(split_words(one.name.rpartition(".")[2]))
            asked = Asked(tree, language, str(path), one.kind, one.name, one.start_line, one.end_line,
                          first_sentence(one.doc))  # fmt: skip
            found[words].append(asked)
    alone = [group[0] for words, group in found.items() if words and len(group) == 1]
    return [one for one in alone if len(one.name.rpartition(".")[2]) >= MIN_NAME]


def drawn(trees: Sequence[Path], count: int) -> list[Asked]:
    """Return up to `count` declarations, as many of each language as there are, the same for the same trees."""
    by_language = defaultdict(list)
    for tree in trees:
        for one in declared(tree):
            by_language[one.language].append(one)
    for group in by_language.values():
        random.Random(SEED).shuffle(group)
    chosen: list[Asked] = []
    while len(chosen) < count and any(by_language.values()):
        for language in sorted(by_language):
            if by_language[language] and len(chosen) < count:
                chosen.append(by_language[language].pop())
    return chosen


def verdict(hit: treeseek.Hit | None, asked: Asked) -> str:
    """Return "right", or what is wrong with a first hit: "nothing", "file", "elsewhere", "part" or "too-much"."""
    if hit is None:
        return "nothing"
    if hit.path != asked.path:
        return "file"
    if hit.end_line < asked.start_line or hit.start_line > asked.end_line:
        return "elsewhere"
    if hit.start_line > asked.start_line or hit.end_line < asked.end_line:
        return "part"
    lines = asked.end_line - asked.start_line + 1
    return "right" if hit.end_line - hit.start_line + 1 <= MAX_LINES * lines else "too-much"


def judged(chosen: Sequence[Asked]) -> Iterator[tuple[Asked, str, str, treeseek.Hit | None]]:
    """Yield each declaration with how it was asked for, the verdict, and the first hit."""
    by_tree = defaultdict(list)
    for one in chosen:
        by_tree[one.tree].append(one)
    with tempfile.TemporaryDirectory() as data:
        settings = load(data_dir=Path(data))
        for tree, group in by_tree.items():
            with treeseek.open(tree, settings) as engine:
                engine.sync()
                for one in group:
                    for how, query in (("name", one.name.rpartition(".")[2]), ("doc", one.doc)):
                        if query:
                            hit = next(iter(engine.search(query, limit=1).hits), None)
                            yield one, how, verdict(hit, one), hit


def main(given: Sequence[str] | None = None) -> int:
    """Run the command; ends with 1 if fewer are right by name than must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trees", type=Path, nargs="+", required=True)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--show", action="store_true", help="list what is wrong")
    args = parser.parse_args(given)
    chosen = drawn([tree.resolve() for tree in args.trees], args.count)
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    wrong: Counter[str] = Counter()
    for one, how, told, hit in judged(chosen):
        verdicts[how][told] += 1
        wrong[one.language] += how == "name" and told != "right"
        if args.show and told != "right" and how == "name":
            place = f"{hit.path}:{hit.start_line}-{hit.end_line} {hit.name}" if hit else ""
            print(f"{told}: {one.kind} {one.name} {one.tree.name}/{one.path}:{one.start_line}-{one.end_line}: {place}")
    languages = Counter(one.language for one in chosen)
    print(f"{len(chosen)} declarations in {len(languages)} languages")
    for how, counts in verdicts.items():
        share = counts["right"] / counts.total()
        print(f"  by {how}: {share:.1%} right of {counts.total()}; " + ", ".join(
            f"{told} {count}" for told, count in counts.most_common() if told != "right"))  # fmt: skip
    print(
        "  wrong by name: " + (", ".join(f"{name} {count}" for name, count in wrong.most_common() if count) or "none")
    )
    by_name = verdicts["name"]
    return 0 if by_name and by_name["right"] >= BAR * by_name.total() else 1


if __name__ == "__main__":
    sys.exit(main())
