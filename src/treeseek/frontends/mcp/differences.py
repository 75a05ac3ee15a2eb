"""How does a model read what changed? A line a declaration, under the file that it is in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from treeseek.frontends.mcp.text import listing, shown

if TYPE_CHECKING:
    from treeseek.frontends.documents import Document

__all__ = ["changes"]

_SIGNS = {"added": "+", "removed": "-", "modified": "~", "moved": ">", "renamed": ">"}
_FILES = {"added": "new file", "removed": "deleted", "renamed": "", "modified": ""}
_EXTENTS = {"comments": "only comments", "layout": "only layout", "text": "text", "binary": "binary", "none": "moved"}


def changes(document: Document, room: int) -> str:
    """Return the text of a difference. `+` is added, `-` removed, `~` changed, `>` moved or renamed."""
    versions = f"{shown(document['old'])} to {shown(document['new']) or 'the files as they are'}"
    if not document["files"]:
        lines = [f"nothing changed from {versions}"]
    else:
        lines = [f"{len(document['files'])} files changed from {versions} (+ added, - removed, ~ changed, > moved)"]
    for file in document["files"]:
        lines += _file(file)
    if document["left_out"]:
        left = ", ".join(f"{count:,} {shown(reason)}" for reason, count in document["left_out"].items())
        lines.append(f"changed, but left out: {left}")
    return listing(lines, room, "lines")


def _file(file: Mapping[str, Any]) -> Iterator[str]:
    path = shown(file["new_path"] or file["old_path"])
    if file["old_path"] and file["new_path"] and file["old_path"] != file["new_path"]:
        path = f"{shown(file['old_path'])} > {path}"
    extent = "" if file["status"] in ("added", "removed") else _EXTENTS.get(file["extent"], "")
    said = ", ".join(filter(None, (_FILES[file["status"]], extent, file["note"])))
    yield f"{path}  {said}".rstrip()
    if file["extent"] == "comments":
        return
    for one in file.get("declarations", ()):
        if not one["with_parent"] and one["parts"] != ["members"]:
            yield _declaration(one)
    if file["outside"]:
        spans = ", ".join(f"{start}-{end}" if start != end else f"{start}" for start, end in file["outside_lines"][:4])
        yield f"  ~ code between declarations  {spans}".rstrip()


def _declaration(one: Mapping[str, Any]) -> str:
    old, new = one["old"], one["new"]
    site = new or old
    name = shown(site["name"])
    if old and new and old["name"] != new["name"]:
        name = f"{shown(old['name'])} > {name}"
    elsewhere = f"  from {shown(old['path'])}:{old['start_line']}" if old and new and old["path"] != new["path"] else ""
    parts = ", ".join(part for part in one["parts"] if part not in ("name", "file"))
    span = f"{site['start_line']}-{site['end_line']}"
    what = f"  {parts}" if parts and one["status"] not in ("added", "removed") else ""
    return f"  {_SIGNS[one['status']]} {span}  {site['kind']} {name}{what}{elsewhere}"
