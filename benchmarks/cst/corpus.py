"""The texts that are measured: real files of given trees, evenly chosen, or put together to a wanted size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.bare_parse import parsed_files
from treeseek.syntax.grammars import load
from treeseek.syntax.tree import NAMED, SyntaxTree

__all__ = [
    "SIX",
    "Source",
    "by_language",
    "evenly",
    "lines_of",
    "long_text",
    "nodes_of",
    "one_line_edit",
    "put_together",
    "sources",
]

SIX = ("rust", "javascript", "typescript", "python", "go", "java")
"""The languages that the bars name one by one."""
_CANDIDATES = 60
"""How many files are looked at for a text that is put together."""


class Source(NamedTuple):
    """A file that is read with a grammar; `path` begins with the name of its tree."""

    path: str
    language: str
    data: bytes


def sources(trees: Iterable[Path]) -> list[Source]:
    """Return all files of the trees that treeseek parses, sorted by tree and path."""
    return [
        Source(f"{tree.name}/{path}", language, data)
        for tree in trees
        for path, language, data in parsed_files(tree.resolve())
    ]


def by_language(files: Iterable[Source]) -> dict[str, list[Source]]:
    """Return the files of each language: the six first, then the others by name."""
    found: defaultdict[str, list[Source]] = defaultdict(list)
    for file in files:
        found[file.language].append(file)
    order = {name: number for number, name in enumerate(SIX)}
    return {name: found[name] for name in sorted(found, key=lambda name: (order.get(name, len(SIX)), name))}


def evenly(files: Sequence[Source], most: int) -> list[Source]:
    """Return at most `most` of the files, at even distances."""
    if len(files) <= most:
        return list(files)
    return [files[at * len(files) // most] for at in range(most)]


def nodes_of(file: Source) -> int:
    """Return how many nodes a file has, 0 if there are errors among them."""
    root = load(file.language).parser.parse(file.data).root_node
    return 0 if root.has_error else root.descendant_count


def lines_of(file: Source) -> int:
    """Return how many lines a file has, 0 if it has errors."""
    return file.data.count(b"\n") + 1 if nodes_of(file) else 0


def put_together(files: Sequence[Source], size: int, measure: Callable[[Source], int]) -> bytes:
    """Return real files of one language, one after the other and again from the first, until `size` is reached.

    `measure` gives a file's share of the size, 0 for one that isn't wanted. Files over half the size are left out, so
    the text is at most half again as large as asked for. Returns b"" if no file fits. In some languages the whole has
    syntax errors even if no file does, as where a file may have one header only.
    """
    fitting = [(file.data, share) for file in evenly(files, _CANDIDATES) if 0 < (share := measure(file)) <= size // 2]
    parts: list[bytes] = []
    reached = 0
    while fitting and reached < size:
        data, share = fitting[len(parts) % len(fitting)]
        parts.append(data)
        reached += share
    return b"\n".join(parts)


def long_text(files: Sequence[Source], size: int, measure: Callable[[Source], int]) -> bytes:
    """Return a text of at least `size`: the smallest real file, if one is at most twice that, or else several."""
    by_length = sorted(files, key=lambda file: -len(file.data))[:_CANDIDATES]
    fitting = [(share, file.data) for file in by_length if size <= (share := measure(file)) <= 2 * size]
    return min(fitting)[1] if fitting else put_together(files, size, measure)


def one_line_edit(tree: SyntaxTree, share: float) -> bytes:
    """Return a tree's text with one name longer by a letter: the first one after `share` (0 to 1) of its nodes, or,
    where none follows, the first of all.

    Raises ValueError if there is no name.
    """
    if tree.source is None:
        raise ValueError("a tree without its text can't be edited")
    first = int(share * len(tree))
    for row in (*range(first, len(tree)), *range(first)):
        text = tree.text(row) if tree.size[row] == 1 and tree.flags[row] & NAMED else b""
        if len(text) > 2 and text.isalnum() and not text[:1].isdigit():
            end = int(tree.end[row])
            return tree.source[:end] + b"x" + tree.source[end:]
    raise ValueError("no name to edit")
