"""What changed in meaning between versions of files: declarations, the code between them, or nothing of the kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from treeseek.indexing.trees import Text, has_grammar
from treeseek.model import DeclarationDiff, FileDiff, NodeDiff, Site
from treeseek.syntax.compare import DeclarationChange, compare, find_in_other_files
from treeseek.syntax.diff import diff
from treeseek.syntax.hashes import Hashes, subtree_hashes
from treeseek.syntax.identity import declaration_ids
from treeseek.syntax.parsed import Declared, ParsedFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from treeseek.indexing.trees import Trees

__all__ = ["Lines", "Pair", "Version", "compared", "sites"]

_PAIRS_AT_ONCE = 64


class Version(NamedTuple):
    """A version of a file. `note` says why its text isn't there, or isn't looked into; "" if it is."""

    text: Text
    note: str = ""


class Pair(NamedTuple):
    """Two versions of a file; without `old` it is new, without `new` it is gone. `status` as in FileDiff."""

    status: str
    old: Version | None
    new: Version | None


class Lines:
    """Numbers of lines, from 1, of the bytes of a text."""

    def __init__(self, data: bytes) -> None:
        self._breaks = np.flatnonzero(np.frombuffer(data, np.uint8) == 10)

    def of(self, byte: int) -> int:
        """Return the line that a byte is in; the line break belongs to the line that it ends."""
        return int(np.searchsorted(self._breaks, byte)) + 1

    def of_all(self, places: NDArray[np.integer]) -> NDArray[np.intp]:
        """Return the lines of many bytes."""
        return np.searchsorted(self._breaks, places) + 1


def sites(path: str, data: bytes, declarations: Sequence[Declared], lines: Lines | None = None) -> list[Site]:
    """Return the declarations of a file with their ids and lines, in order."""
    lines = lines or Lines(data)
    return [
        Site(
            unit, path, one.kind, one.name, one.signature, lines.of(one.start), lines.of(max(one.end - 1, one.start)),
            one.start, one.end, one.complexity,
        )
        for unit, one in zip(declaration_ids(path, declarations), declarations, strict=True)
    ]  # fmt: skip


class _Place(NamedTuple):
    """A declaration: the number of its file among those compared, and its own in that file."""

    file: int
    number: int


class _Fate(NamedTuple):
    status: str
    parts: tuple[str, ...]
    old: _Place | None
    new: _Place | None


@dataclass(slots=True)
class _Side:
    """One version of a file, without its tree and text."""

    declarations: Sequence[Declared] = ()
    sites: Sequence[Site] = ()


@dataclass(slots=True)
class _File:
    """A pair of versions while it is compared with others."""

    diff: FileDiff
    old: _Side = field(default_factory=_Side)
    new: _Side = field(default_factory=_Side)
    fates: list[_Fate] = field(default_factory=list)


def compared(pairs: Iterable[Pair], trees: Trees, *, total_bytes: int, nodes: bool = False) -> list[FileDiff]:
    """Return what changed in each pair of versions, in their order, and find what moved from one file to another.

    With `nodes`, changes of single nodes are in it. `total_bytes` is about how much there is to parse.
    """
    files: list[_File] = []
    for pair, old, new in _parsed(pairs, trees, total_bytes):
        files.append(_file(len(files), pair, old, new, nodes))
    _find_moved(files)
    return [_finished(files, file) for file in files]


Parsed = tuple[Pair, ParsedFile | None, ParsedFile | None]


def _parsed(pairs: Iterable[Pair], trees: Trees, total_bytes: int) -> Iterator[Parsed]:
    waiting: list[Pair] = []
    for pair in pairs:
        waiting.append(pair)
        if len(waiting) == _PAIRS_AT_ONCE:
            yield from _parsed_batch(waiting, trees, total_bytes)
            waiting = []
    yield from _parsed_batch(waiting, trees, total_bytes)


def _parsed_batch(pairs: Sequence[Pair], trees: Trees, total_bytes: int) -> Iterator[Parsed]:
    texts = [side.text for pair in pairs if not _note(pair) for side in (pair.old, pair.new) if side]
    found = iter(list(trees.parsed(texts, total_bytes=total_bytes)))
    for pair in pairs:
        old, new = (next(found)[1] if side and not _note(pair) else None for side in (pair.old, pair.new))
        yield pair, old, new


def _note(pair: Pair) -> str:
    """Return why a pair isn't looked into, "" if it is."""
    return next((side.note for side in (pair.new, pair.old) if side and side.note), "")


def _file(number: int, pair: Pair, old: ParsedFile | None, new: ParsedFile | None, nodes: bool) -> _File:
    """Compare the two versions of one file."""
    extent, note = _extent(pair, old, new)
    shown = pair.new or pair.old
    assert shown is not None
    file = _File(
        FileDiff(
            pair.status, pair.old.text.path if pair.old else "", pair.new.text.path if pair.new else "",
            shown.text.language, extent, note,
        )
    )  # fmt: skip
    if extent in ("text", "binary"):
        return file
    file.old, file.new = _side(pair.old, old), _side(pair.new, new)
    for change in compare(file.old.declarations, file.new.declarations):
        file.fates.append(_fate(number, change))
    is_outside, lines = _outside(old, new) if extent == "code" else (False, ())
    file.diff = FileDiff(
        pair.status, file.diff.old_path, file.diff.new_path, shown.text.language, extent, note, is_outside=is_outside,
        outside_lines=lines, nodes=_nodes(old, new) if nodes and extent != "none" else (),
    )  # fmt: skip
    return file


def _side(version: Version | None, parsed: ParsedFile | None) -> _Side:
    if version is None or parsed is None:
        return _Side()
    return _Side(parsed.declarations, sites(version.text.path, version.text.data, parsed.declarations))


def _fate(number: int, change: DeclarationChange) -> _Fate:
    old = _Place(number, change.old) if change.old >= 0 else None
    new = _Place(number, change.new) if change.new >= 0 else None
    return _Fate(change.status, change.parts, old, new)


def _extent(pair: Pair, old: ParsedFile | None, new: ParsedFile | None) -> tuple[str, str]:
    """Return what the difference is in, and why it wasn't looked for more closely."""
    note = _note(pair)
    if note == "binary":
        return "binary", ""
    if not note and pair.old and pair.new and pair.old.text.digest == pair.new.text.digest:
        return "none" if old and new else "text", ""
    sides = [side for side in ((pair.old, old), (pair.new, new)) if side[0] is not None]
    if note or any(parsed is None for _, parsed in sides):
        has_syntax = any(version is not None and has_grammar(version.text.language) for version, _ in sides)
        return "text", note or ("unparsable" if has_syntax else "")
    if old is None or new is None or old.language != new.language:
        return "code", ""
    if _whole(subtree_hashes(old.tree)) == _whole(subtree_hashes(new.tree)):
        return "layout", ""
    without = (_whole(subtree_hashes(one.tree, comments=False)) for one in (old, new))
    return "comments" if next(without) == next(without) else "code", ""


def _whole(hashes: Hashes) -> int:
    return int(hashes.subtree[0]) if len(hashes.subtree) else 0


# -- code that is in no declaration --------------------------------------------------------------------------------


def _outside(old: ParsedFile | None, new: ParsedFile | None) -> tuple[bool, tuple[tuple[int, int], ...]]:
    """Return whether code between declarations differs, and the lines where there is new one."""
    if old is None or new is None or old.language != new.language:
        return False, ()
    ours, theirs = _between(old), _between(new)
    if np.array_equal(ours[0], theirs[0]):
        return False, ()
    known = set(_by_line(*ours).values())
    fresh = [line for line, words in _by_line(*theirs).items() if words not in known]
    return True, tuple(_spans(fresh))


def _between(file: ParsedFile) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """Return a hash, and the line, of each node that has a text and is neither in a declaration nor in a comment."""
    tree = file.tree
    hashes = subtree_hashes(tree, comments=False)
    is_inside = np.zeros(len(tree), np.bool_)
    for one in file.declarations:
        if one.parent < 0:
            is_inside[np.searchsorted(tree.start, one.start) : np.searchsorted(tree.start, one.end)] = True
    rows = np.flatnonzero(~is_inside & (hashes.own > 0) & (tree.size == 1) & (tree.end > tree.start))
    return hashes.shallow[rows], Lines(tree.source or b"").of_all(tree.start[rows])


def _by_line(words: NDArray[np.uint64], lines: NDArray[np.intp]) -> dict[int, tuple[int, ...]]:
    pairs = zip(lines.tolist(), words.tolist(), strict=True)
    return {line: tuple(word for _, word in group) for line, group in groupby(pairs, key=lambda pair: pair[0])}


def _spans(lines: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield runs of consecutive numbers as first and last."""
    start = last = -1
    for line in lines:
        if line != last + 1:
            if last >= 0:
                yield start, last
            start = line
        last = line
    if last >= 0:
        yield start, last


def _nodes(old: ParsedFile | None, new: ParsedFile | None) -> tuple[NodeDiff, ...]:
    if old is None or new is None or old.language != new.language:
        return ()
    ours, theirs = old.tree, new.tree
    return tuple(
        NodeDiff(
            change.status.name.lower(),
            theirs.kind_name(change.new) if change.new >= 0 else ours.kind_name(change.old),
            (int(ours.start[change.old]), int(ours.end[change.old])) if change.old >= 0 else None,
            (int(theirs.start[change.new]), int(theirs.end[change.new])) if change.new >= 0 else None,
        )
        for change in diff(ours, theirs).changes()
    )


# -- from one file to another --------------------------------------------------------------------------------------


def _find_moved(files: Sequence[_File]) -> None:
    """Join what vanished from one file with what appeared in another."""
    gone = [fate.old for file in files for fate in file.fates if fate.old and fate.status == "removed"]
    come = [fate.new for file in files for fate in file.fates if fate.new and fate.status == "added"]
    lost = [files[place.file].old.declarations[place.number] for place in gone]
    found = [files[place.file].new.declarations[place.number] for place in come]
    pairs = find_in_other_files(lost, found)
    moved = {come[there]: (gone[here], lost[here], found[there]) for here, there in pairs}
    taken = {place for place, _, _ in moved.values()}
    for file in files:
        file.fates = [
            fate if fate.new not in moved else _moved(fate.new, *moved[fate.new])
            for fate in file.fates
            if fate.status != "removed" or fate.old not in taken
        ]


def _moved(there: _Place, here: _Place, lost: Declared, found: Declared) -> _Fate:
    (change, *_) = compare([lost._replace(parent=-1)], [found._replace(parent=-1)])
    parts = ("place" if here.file == there.file else "file", *change.parts)
    is_renamed = lost.own_name != found.own_name
    return _Fate("renamed" if is_renamed else "moved", parts, here, there)


def _finished(files: Sequence[_File], file: _File) -> FileDiff:
    """Return a file's difference with the fates of its declarations."""
    by_new = {fate.new: fate for fate in file.fates if fate.new}
    by_old = {fate.old: fate for fate in file.fates if fate.old and not fate.new}
    told, aliases = [], []
    for fate in file.fates:
        old = files[fate.old.file].old.sites[fate.old.number] if fate.old else None
        new = files[fate.new.file].new.sites[fate.new.number] if fate.new else None
        if old and new and old.id != new.id:
            aliases.append((old.id, new.id))
        if fate.status != "unchanged":
            together = _is_with_parent(files, fate, by_new, by_old)
            told.append(DeclarationDiff(fate.status, fate.parts, old, new, together))
    return FileDiff(
        file.diff.status, file.diff.old_path, file.diff.new_path, file.diff.language, file.diff.extent, file.diff.note,
        tuple(told), file.diff.is_outside, file.diff.outside_lines, tuple(aliases), file.diff.nodes,
    )  # fmt: skip


def _is_with_parent(
    files: Sequence[_File], fate: _Fate, by_new: dict[_Place, _Fate], by_old: dict[_Place, _Fate]
) -> bool:
    """Whether the declaration around has the same fate, and that says all."""
    above_old = fate.old and _parent(fate.old, files[fate.old.file].old)
    above_new = fate.new and _parent(fate.new, files[fate.new.file].new)
    if fate.status == "removed":
        return above_old in by_old
    around = by_new.get(above_new) if above_new else None
    if fate.status == "added":
        return around is not None and around.status == "added"
    return fate.parts == ("file",) and around is not None and around.old is not None and around.old == above_old


def _parent(place: _Place, side: _Side) -> _Place | None:
    above = side.declarations[place.number].parent
    return None if above < 0 else _Place(place.file, above)
