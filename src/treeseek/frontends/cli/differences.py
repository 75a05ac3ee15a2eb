"""What a person reads of changes and of what a query found: lines of text, each with its line break."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from treeseek.frontends.cli.render import clipped, counted, one_line, plain, tally
from treeseek.frontends.escapes import printable

if TYPE_CHECKING:
    from treeseek.frontends.cli.render import Paint
    from treeseek.model import Capture, DeclarationDiff, Difference, FileDiff, Found, NodeDiff, Site

__all__ = ["found", "lines"]

SYMBOLS = {"added": "+", "removed": "−", "modified": "~", "moved": "→", "renamed": "→"}
_EXTENTS = {
    "comments": "only comments", "layout": "only layout", "text": "text changed", "binary": "binary", "none": "",
    "code": "",
}  # fmt: skip
_TOLD = {"comments": "only comments", "layout": "only layout", "text": "plain text", "binary": "binary",
         "none": "only renamed", "code": ""}  # fmt: skip
_STATUSES = {"added": "new file", "removed": "deleted", "renamed": "renamed", "modified": ""}
NAME_COLUMNS = 60
"""Names up to this are made equally wide, so that what is said of them stands in a column."""

Row = tuple[str, str, str, str, str]
"""Status, kind, name, what is said of it, and its lines."""


def lines(difference: Difference, paint: Paint, *, stat: bool) -> list[str]:
    """Return a block for each file, or with `stat` a line, and at the end what it comes to."""
    out: list[str] = []
    gone = _gone(difference.files)
    was_long = False
    for file in difference.files:
        if stat:
            out.append(_stat(file, paint))
        else:
            block = list(_block(file, gone.get(file.old_path, []), paint))
            if out and (len(block) > 1 or was_long):
                out.append("\n")
            out += block
            was_long = len(block) > 1
    if difference.files or difference.left_out:
        out += ["\n", *_summary(difference)]
    return out


def _gone(files: Iterable[FileDiff]) -> dict[str, list[DeclarationDiff]]:
    """Return by old path what is now in another file: it is told of there, and mentioned here."""
    gone: dict[str, list[DeclarationDiff]] = {}
    for file in files:
        for one in file.declarations:
            if one.old and one.new and "file" in one.parts and not one.with_parent:
                gone.setdefault(one.old.path, []).append(one)
    return gone


def _block(file: FileDiff, gone: Sequence[DeclarationDiff], paint: Paint) -> Iterator[str]:
    yield f"{_heading(file, paint)}\n"
    rows = [] if file.extent == "comments" else list(_rows(file))
    rows += [
        ("moved", one.old.kind, _name(one.old), f"to {_place(one.new)}", _span(one.old))
        for one in gone
        if one.old and one.new
    ]
    kinds = max((len(kind) for _, kind, *_ in rows), default=0)
    names = max((len(name) for _, _, name, *_ in rows if len(name) <= NAME_COLUMNS), default=0)
    told = max((len(text) for _, _, name, text, _ in rows if len(name) <= NAME_COLUMNS), default=0)
    for status, kind, name, text, span in rows:
        symbol = paint(status, SYMBOLS[status])
        shown = paint("name", name) + " " * (names - len(name))
        said = f"{paint('dim', text)}{' ' * (told - len(text))}"
        yield f"  {symbol} {kind.ljust(kinds)}  {shown}  {said}  {paint('line', span)}".rstrip() + "\n"
    for node in file.nodes:
        yield f"    {_node(node, paint)}\n"


def _heading(file: FileDiff, paint: Paint) -> str:
    path = paint("path", printable(file.path))
    if file.old_path and file.new_path and file.old_path != file.new_path:
        path = f"{paint('path', printable(file.old_path))} → {path}"
    said = [_STATUSES[file.status], _EXTENTS[file.extent] if file.status not in ("added", "removed") else "", file.note]
    if file.extent == "binary" and file.status == "modified":
        said[1] = "binary changed"
    told = ", ".join(part for part in said if part)
    return f"{path}  {paint('dim', told)}".rstrip()


def _rows(file: FileDiff) -> Iterator[Row]:
    members = _members(file.declarations)
    for number, one in enumerate(file.declarations):
        if not one.with_parent and one.parts != ("members",):
            yield _row(one, members[number])
    if file.is_outside:
        spans = ", ".join(_lines(*span) for span in file.outside_lines[:4])
        more = ", …" if len(file.outside_lines) > 4 else ""
        yield "modified", "code", "between declarations", "", spans + more


def _members(declarations: Sequence[DeclarationDiff]) -> list[int]:
    """Return for each declaration how many that it encloses share its fate, and so aren't listed."""
    counts = [0] * len(declarations)
    for number, one in enumerate(declarations):
        for other in range(number + 1, len(declarations)):
            if not declarations[other].with_parent or not _encloses(one, declarations[other]):
                break
            counts[number] += 1
    return counts


def _encloses(one: DeclarationDiff, other: DeclarationDiff) -> bool:
    outer, inner = (one.new, other.new) if one.new and other.new else (one.old, other.old)
    if outer is None or inner is None:
        return False
    return outer.start_byte <= inner.start_byte and inner.end_byte <= outer.end_byte and one.status == other.status


def _row(one: DeclarationDiff, members: int) -> Row:
    site = one.new or one.old
    assert site is not None
    name = _name(site)
    said = [part for part in one.parts if part not in ("name", "file", "place")]
    if one.old and one.new and one.status in ("renamed", "moved"):
        if one.old.name != one.new.name:
            name = f"{_name(one.old)} → {name}"
        if "file" in one.parts:
            said.insert(0, f"from {_place(one.old)}")
        elif one.status == "moved" and one.old.name == one.new.name:
            said.insert(0, "order")
    if members:
        said.append(f"with {members:,} inside")
    return one.status, site.kind, name, ", ".join(said), _span(site)


def _name(site: Site) -> str:
    return printable(site.name)


def _place(site: Site) -> str:
    return f"{printable(site.path)}:{_span(site)}"


def _span(site: Site) -> str:
    return _lines(site.start_line, site.end_line)


def _lines(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first}-{last}"


def _node(node: NodeDiff, paint: Paint) -> str:
    spans = " → ".join(f"{span[0]}-{span[1]}" for span in (node.old, node.new) if span)
    return f"{paint(node.status, SYMBOLS[node.status])} {printable(node.kind)}  {paint('line', spans)}"


def _stat(file: FileDiff, paint: Paint) -> str:
    counts = [
        paint(status, f"{SYMBOLS[status]}{count:,}")
        for status, count in (_folded(file.counts)).items()
        if count and file.extent != "comments"
    ]
    if file.is_outside and not counts:
        counts = [paint("modified", "~") + " code between declarations"]
    return f"{_heading(file, paint)}  {' '.join(counts)}".rstrip() + "\n"


def _folded(counts: dict[str, int]) -> dict[str, int]:
    """Return counts with one for all that the arrow stands for."""
    return {
        "added": counts["added"], "removed": counts["removed"], "modified": counts["modified"],
        "moved": counts["moved"] + counts["renamed"],
    }  # fmt: skip


def _summary(difference: Difference) -> Iterator[str]:
    files = difference.files
    totals: dict[str, int] = {}
    for file in files:
        for status, count in file.counts.items():
            totals[status] = totals.get(status, 0) + (count if file.extent != "comments" else 0)
    parts = [(status, count) for status, count in totals.items() if count]
    told = [f"{counted(count, 'declaration')} {status}" for status, count in parts[:1]]
    told += [f"{count:,} {status}" for status, count in parts[1:]]
    extents = Counter(file.extent for file in files if _TOLD[file.extent])
    lesser = [f"{count:,} {_TOLD[extent]}" for extent, count in sorted(extents.items())]
    yield f"{counted(len(files), 'file')}: {'; '.join(filter(None, (', '.join(told), ', '.join(lesser))))}\n"
    if difference.left_out:
        yield f"changed, but left out: {tally(difference.left_out)}\n"


# -- what a query found --------------------------------------------------------------------------------------------


def found(places: Sequence[Found], paint: Paint, columns: int) -> list[str]:
    """Return a line for each declaration, or for each capture of each match."""
    out = []
    for place in places:
        if place.captures:
            out += [_capture(place, capture, paint, columns) for capture in place.captures]
        elif place.site:
            out.append(_declaration(place.site, paint, columns))
    return out


def _declaration(site: Site, paint: Paint, columns: int) -> str:
    def head(paint: Paint) -> str:
        place = f"{paint('path', printable(site.path))}:{paint('line', _span(site))}"
        complexity = f"   complexity {site.complexity}" if site.complexity > 1 else ""
        return f"{place}  {site.kind} {paint('name', printable(site.name))}{complexity}"

    return _with_rest(head(paint), len(head(plain)), one_line(site.signature), paint, columns)


def _capture(place: Found, capture: Capture, paint: Paint, columns: int) -> str:
    def head(paint: Paint) -> str:
        where = f"{paint('path', printable(place.path))}:{paint('line', _lines(capture.start_line, capture.end_line))}"
        inside = f"  in {printable(place.site.name)}" if place.site else ""
        return f"{where}  {paint('name', '@' + printable(capture.name))}{inside}"

    return _with_rest(head(paint), len(head(plain)), " ".join(capture.text.split()), paint, columns)


def _with_rest(head: str, width: int, rest: str, paint: Paint, columns: int) -> str:
    """Return a line with as much of `rest` after its head as there is room for."""
    room = columns - width - 3
    return head + (f"   {paint('dim', clipped(printable(rest), room))}" if rest and room > 10 else "") + "\n"
