"""Declarations followed from one sync to the next: which id became which, where a name or a place changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from treeseek.indexing.trees import Text, Trees, has_grammar
from treeseek.syntax.compare import compare, find_in_other_files
from treeseek.syntax.identity import declaration_ids
from treeseek.syntax.parsed import Declared, ParsedFile

if TYPE_CHECKING:
    from treeseek.indexing.plan import KnownFile

__all__ = ["follow"]


class _Named(NamedTuple):
    id: str
    declared: Declared


MAX_LIVE = 8
"""So many files that changed together are likely to change again: somebody is at work on them."""


def follow(
    texts: Collection[Text], known: Mapping[str, KnownFile], gone: Iterable[str], trees: Trees, *, live: bool = False
) -> list[tuple[str, str]]:
    """Return (old id, new id) for the declarations that are the same and are called by another id now.

    `texts` are the files of a sync as they are now, `known` what was there before, `gone` the paths that no longer are.
    Files whose earlier tree isn't cached can't be followed; all of `texts` can be next time. `live`: these trees stay
    open, and the parser's own are kept of the files that are being worked on.
    """
    before = dict(_earlier([*(text.path for text in texts), *gone], known, trees))
    pairs: list[tuple[str, str]] = []
    lost: list[_Named] = []
    found: list[_Named] = []
    if live and len(texts) <= MAX_LIVE:
        parsed: Iterable[tuple[Text, ParsedFile | None]] = ((text, trees.live(text)) for text in texts)
    else:
        parsed = trees.parsed(texts, total_bytes=sum(len(text.data) for text in texts))
    for text, file in parsed:
        now = _named(text.path, file.declarations if file is not None else ())
        earlier = before.pop(text.path, None)
        if earlier is None:
            found += now if text.path not in known else ()
            continue
        for change in compare([one.declared for one in earlier], [one.declared for one in now]):
            if change.old < 0:
                found.append(now[change.new])
            elif change.new < 0:
                lost.append(earlier[change.old])
            else:
                pairs.append((earlier[change.old].id, now[change.new].id))
    lost += (one for declared in before.values() for one in declared)
    again = find_in_other_files([one.declared for one in lost], [one.declared for one in found])
    pairs += ((lost[at].id, found[now].id) for at, now in again)
    return _unambiguous(pairs)


def _earlier(paths: Iterable[str], known: Mapping[str, KnownFile], trees: Trees) -> Iterator[tuple[str, list[_Named]]]:
    """Yield what the files declared before, as far as their trees are cached."""
    wanted = [(path, known[path].content_hash, known[path].language) for path in paths if path in known]
    wanted = [one for one in wanted if has_grammar(one[2])]
    for (path, _, _), file in zip(wanted, trees.cache.load_many(wanted), strict=True):
        if file is not None:
            yield path, _named(path, file.declarations)


def _named(path: str, declarations: Iterable[Declared]) -> list[_Named]:
    every = list(declarations)
    return [_Named(*pair) for pair in zip(declaration_ids(path, every), every, strict=True)]


def _unambiguous(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leave out ids that stay, and old ids that something else is called by now: those are taken."""
    current = {new for _, new in pairs}
    return [(old, new) for old, new in pairs if old != new and old not in current]
