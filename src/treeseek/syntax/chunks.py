"""Cutting a parsed file into chunks along its declarations; see `lines.py` for text without structure.

All borders are at starts of lines, unless a single line is too long for a chunk. Chunks keep the order of the file,
don't overlap, and cover every line that isn't blank.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from treeseek.syntax.declarations import SCOPE, Item
from treeseek.syntax.lines import split

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["MAX_CHUNK_BYTES", "MIN_CHUNK_BYTES", "Piece", "cut"]

MAX_CHUNK_BYTES = 2_000
"""No chunk is longer."""
MIN_CHUNK_BYTES = 400
"""The least that is cut off something too long for one chunk."""
JOIN_BYTES = 800
"""Neighbours of one parent are joined while they stay under this together."""
WHOLE_TYPE_BYTES = 1_200
"""A declaration with others inside is one chunk up to this."""
SLIVER_BYTES = 100
"""Less than this, like a header or a closing brace, goes with its neighbour wherever both fit in one chunk."""


@dataclass(slots=True)
class Piece:
    """A run of whole lines, `start` to `end`: the declarations standing in it, and the one that it is inside of.

    `main` is the declaration that fills most of it, `weight` how many bytes of it that is.
    """

    start: int
    end: int
    owner: Item | None
    main: Item | None = None
    weight: int = 0


def cut(data: bytes, items: Sequence[Item], root: Node) -> list[Piece]:
    """Return the pieces of a file whose top-level declarations are `items`, in order."""
    pieces: list[Piece] = []
    _region(data, 0, len(data), items, None, root, pieces)
    return pieces


def _region(
    data: bytes, start: int, end: int, items: Sequence[Item], owner: Item | None, node: Node, out: list[Piece]
) -> None:
    """Append the pieces of the lines from `start` to `end`, where `items` stand, all directly inside `owner`."""
    first = len(out)
    position = start
    for begin, stop, group in _groups(data, start, end, items):
        if begin > position and not data[position:begin].isspace():
            _gap(data, position, begin, owner, node, out)
        main = group[0]
        if stop - begin <= MAX_CHUNK_BYTES and len(group) == 1 and not main.children:
            out.append(Piece(begin, stop, owner, main, stop - begin))
        else:
            _declared(data, begin, stop, group, owner, node, out)
        position = stop
    if end > position and not data[position:end].isspace():
        _gap(data, position, end, owner, node, out)
    if owner is not None and owner.kind != SCOPE and len(out) > first and out[first].main is None:
        out[first].main = owner  # the header declares it
        out[first].weight = out[first].end - out[first].start
    _join(out, first)


def _groups(data: bytes, start: int, end: int, items: Sequence[Item]) -> Iterator[tuple[int, int, list[Item]]]:
    """Yield runs of whole lines with the items on them; items that share a line are in one run."""
    begin = stop = -1
    group: list[Item] = []
    for item in items:
        item_start = data.rfind(b"\n", start, item.start) + 1 or start
        if item_start < stop:
            group.append(item)
        else:
            if group:
                yield begin, stop, group
            begin, stop, group = item_start, item_start, [item]
        if item.end > stop:
            stop = data.find(b"\n", item.end - 1, end) + 1 or end
    if group:
        yield begin, stop, group


def _gap(data: bytes, start: int, end: int, owner: Item | None, node: Node, out: list[Piece]) -> None:
    """Append the pieces of lines that declare nothing."""
    if end - start <= MAX_CHUNK_BYTES:
        out.append(Piece(start, end, owner))
    else:
        out += [Piece(a, b, owner) for a, b in _split(data, start, end, node)]


def _declared(
    data: bytes, start: int, end: int, group: list[Item], owner: Item | None, node: Node, out: list[Piece]
) -> None:
    """Append the pieces of lines on which declarations stand."""
    main = group[0] if len(group) == 1 else max(group, key=_size)
    inside = main.children
    if end - start <= (WHOLE_TYPE_BYTES if inside else MAX_CHUNK_BYTES):
        if main.kind == SCOPE and inside:
            main = max(inside, key=_size)
        out.append(Piece(start, end, owner, main, _size(main)))
    elif len(group) > 1:
        out += [Piece(a, b, owner) for a, b in _split(data, start, end, node)]
    elif inside:
        _region(data, start, end, inside, main, main.node, out)
    else:
        out += [Piece(a, b, main, main, b - a) for a, b in _split(data, start, end, main.node)]


def _size(item: Item) -> int:
    return item.end - item.start


def _join(out: list[Piece], first: int) -> None:
    """Join small neighbours from `first` on: siblings up to JOIN_BYTES, slivers with any neighbour."""
    if len(out) - first < 2:
        return
    last = out[first]
    kept = [last]
    for piece in out[first + 1 :]:
        size = piece.end - last.start
        if size > MAX_CHUNK_BYTES:
            is_joined = False
        elif size <= JOIN_BYTES and last.owner is piece.owner:
            is_joined = True
        else:
            is_joined = _is_sliver(last) or _is_sliver(piece)
        if is_joined:
            if piece.weight > last.weight:
                last.main, last.weight = piece.main, piece.weight
            if last.end - last.start < SLIVER_BYTES:
                last.owner = piece.owner
            last.end = piece.end
        else:
            kept.append(piece)
            last = piece
    out[first:] = kept


def _is_sliver(piece: Piece) -> bool:
    """Whether this is hardly anything, and no declaration of its own but the header of one or what lies between."""
    return piece.end - piece.start < SLIVER_BYTES and (piece.main is None or piece.main is piece.owner)


def _split(data: bytes, start: int, end: int, node: Node) -> list[tuple[int, int]]:
    """Cut lines that are too many for one chunk where statements begin, as high in the tree as sizes allow."""
    return split(data, start, end, MAX_CHUNK_BYTES, MIN_CHUNK_BYTES, statement_borders(data, start, end, node))


def statement_borders(data: bytes, start: int, end: int, node: Node) -> dict[int, int]:
    """Return starts of lines in (start, end) at which nodes begin, with their depth; only big nodes are entered."""
    borders: dict[int, int] = {}
    stack = [(node, 0)]
    while stack:
        parent, depth = stack.pop()
        cursor = parent.walk()
        if cursor.goto_first_child_for_byte(start) is None:
            continue
        after_comment = False
        line, looked = 0, start
        while True:
            child = cursor.node
            if child is None:
                break
            begin, stop = child.byte_range
            if begin >= end:
                break
            if child.is_named:
                # Lines are looked for onwards from the last child, as the one line of a minified file is all of it.
                line = data.rfind(b"\n", looked, begin) + 1 or line
                looked = max(looked, begin)
                if line > start and not after_comment and (line == begin or _is_blank(data, line, begin)):
                    borders.setdefault(line, depth)
                after_comment = child.is_extra
                if stop - begin > MAX_CHUNK_BYTES - MIN_CHUNK_BYTES:
                    stack.append((child, depth + 1))
            if not cursor.goto_next_sibling():
                break
    return borders


def _is_blank(data: bytes, start: int, end: int) -> bool:
    return data[start] <= 32 and not data[start:end].strip()  # the first test saves copying a very long line
