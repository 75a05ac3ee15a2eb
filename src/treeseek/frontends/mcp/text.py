"""How does a model read an answer? Documents as compact text, never longer than the room that there is for it.

What is most worth its room comes first: a hit's place and name, then code as far as it goes, then names alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from treeseek.frontends.escapes import printable
from treeseek.frontends.fit import cut_lines
from treeseek.retrieval.budget import count_tokens
from treeseek.retrieval.result import DOUBT_NOTE, DOUBTFUL

if TYPE_CHECKING:
    from treeseek.frontends.documents import Document

__all__ = ["declarations", "hits", "listing", "outline", "status"]

MANY_NOTES = 0.4
"""The part of the room that what is said about an answer may take."""
FEW_LINES = 3
"""So many lines of a piece of code are the least that is worth showing."""
SEPARATORS = 40
"""Room for a blank line, and for saying that there is more."""
REST = "…"
NOTHING_FOUND = "nothing found"
DOUBT = (
    "No good answer here: the index most likely holds none (confidence {confidence:.2f}). The nearest places follow, "
    "by name. Try other words, `symbols` if you know part of a name, or grep for an exact string."
)
TRY = "Try other words or fewer filters, `symbols` for a name, or grep for an exact string."


def shown(text: str) -> str:
    """Return text in one line without what a screen would obey, or a reader not see. Tabs stay."""
    return "\t".join(map(printable, text.split("\t")))


def hits(document: Document, freshness: Sequence[str], room: int, *, coded: int | None = None) -> str:
    """Return the text of a document with hits: places and names of all as far as there is room, code of the first.

    `coded` is of how many code is shown at the most. If the answer is doubtful, that is said first, and no code shown.
    """
    found = document["hits"]
    confidence = document["confidence"]
    doubtful = bool(found) and confidence is not None and confidence < DOUBTFUL
    notes = [note for note in document["notes"] if not doubtful or note != DOUBT_NOTE]
    top = [DOUBT.format(confidence=confidence)] if doubtful else [] if found else [f"{NOTHING_FOUND}. {TRY}"]
    tail = _kept([f"note: {shown(note)}" for note in notes] + list(freshness), int(room * MANY_NOTES))
    left = room - _cost([*top, *tail]) - SEPARATORS
    heads = _kept([_head(hit) for hit in found], left)
    left -= _cost(heads) + 2 * len(heads)  # with a blank line before and after each
    coded = 0 if doubtful else len(heads) if coded is None else coded
    blocks: list[list[str]] = []
    for head, hit in zip(heads, found, strict=False):
        code, is_all = _code(hit, left) if len(blocks) < coded else ([], True)
        coded = coded if is_all else 0  # what comes after may be smaller, but it is worse
        left -= _cost(code)
        blocks.append([head, *code])
    lines = [*top, *_spaced(blocks)]
    if len(heads) < len(found):
        lines.append(f"… and {len(found) - len(heads)} more; give max_tokens more, or ask more narrowly")
    return "\n".join([*lines, *([""] if lines and tail else []), *tail])


def _spaced(blocks: Sequence[list[str]]) -> Iterator[str]:
    """Yield the lines of blocks, with a blank line around each that has code."""
    before = 1
    for block in blocks:
        if max(before, len(block)) > 1 and block is not blocks[0]:
            yield ""
        yield from block
        before = len(block)


def declarations(document: Document, freshness: Sequence[str], room: int) -> str:
    """Return the text of declarations that were asked for by name: places, and code if it is plain which is meant."""
    found = document["hits"]
    exact = sum(1 for hit in found if hit["score"] >= 1)
    return hits(document, freshness, room, coded=1 if len(found) == 1 else exact if exact < 3 else 0)


def outline(document: Document, room: int) -> str:
    """Return the text of an outline: a line a declaration, indented by what it stands in."""
    declared = document["declarations"]
    by_lines = f", cut by lines: {shown(document['fallback'])}" if document["fallback"] else ""
    lines = [f"{shown(document['path'])}  {document['language']}, {len(declared)} declarations{by_lines}"]
    ends: list[int] = []
    for one in declared:
        while ends and ends[-1] < one["end_byte"]:
            ends.pop()
        begins = " ".join(one["signature"].split()) or f"{one['kind']} {one['name']}"
        lines.append(f"{_span(one)}  {'  ' * len(ends)}{shown(begins)}")
        ends.append(one["end_byte"])
    return listing(lines, room, "declarations")


def status(document: Document, freshness: Sequence[str], room: int) -> str:
    """Return the text of a status."""
    if not document["indexed"]:
        lines = [f"{shown(document['root'])}: not indexed yet"]
    else:
        languages = sorted(document["languages"].items(), key=lambda item: (-item[1], item[0]))
        lines = [
            f"{shown(document['root'])}: {document['files']:,} files, {document['chunks']:,} chunks, "
            f"version {document['index_version']}",
            "languages: " + ", ".join(f"{shown(name)} {count:,}" for name, count in languages[:12]),
        ]
        pending = {name: count for name, count in document["pending"].items() if count}
        waiting = ", ".join(f"{count:,} {name}" for name, count in pending.items())
        lines.append(f"not indexed yet: {waiting}" if pending else "nothing has changed since")
    lines += [shown(one) for one in freshness]
    for left in document.get("skipped", ()):
        detail = f" ({shown(left['detail'])})" if left["detail"] else ""
        lines.append(f"left out: {shown(left['path'])}  {left['reason']}{detail}")
    return listing(lines, room, "lines")


def listing(lines: Sequence[str], room: int, what: str) -> str:
    """Return lines, as many as there is room for, and how many there would be more."""
    if _cost(lines) <= room:
        return "\n".join(lines)
    kept = _kept(lines, room - 30)
    return "\n".join([*kept, f"… and {len(lines) - len(kept):,} more {what}; give max_tokens more, or ask for less"])


def _head(hit: Mapping[str, Any]) -> str:
    stale = "" if hit["fresh"] else "  changed since it was indexed"
    return f"{shown(hit['path'])}:{_span(hit)}  {hit['kind']} {shown(hit['name'])}".rstrip() + stale


def _span(one: Mapping[str, Any]) -> str:
    start, end = one["start_line"], one["end_line"]
    return f"{start}" if start == end else f"{start}-{end}"


def _code(hit: Mapping[str, Any], left: int) -> tuple[list[str], bool]:
    """Return the code of a hit, or as many of its lines as there is room for, if that is worth it, and if it is all."""
    lines = [shown(line.removesuffix("\r")) for line in hit["text"].removesuffix("\n").split("\n")]
    if hit["cut"]:
        lines.append(REST)
    if _cost(lines) <= left:
        return lines, True
    kept = _kept(lines, left - _cost([REST]))
    return ([*kept, REST] if len(kept) >= FEW_LINES else []), False


def _cost(lines: Sequence[str]) -> int:
    return count_tokens("".join(f"{line}\n" for line in lines))


def _kept(lines: Sequence[str], room: int) -> list[str]:
    return [line.removesuffix("\n") for line in cut_lines([f"{line}\n" for line in lines], max(room, 0))]
