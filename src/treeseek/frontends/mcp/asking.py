"""What is a call answered with? The engine is asked, and its answer cut to the room that there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from treeseek.errors import UsageError
from treeseek.frontends import documents, fit
from treeseek.frontends.globs import globs_of
from treeseek.frontends.mcp import differences, text
from treeseek.frontends.mcp.arguments import filters_of
from treeseek.frontends.mcp.desk import Reply
from treeseek.frontends.mcp.waiting import progress_line
from treeseek.workspace import client_path

if TYPE_CHECKING:
    from treeseek.frontends.documents import Document
    from treeseek.frontends.mcp.tools import Tool
    from treeseek.model import SearchResult
    from treeseek.service import Root

__all__ = ["ask"]


def ask(tool: Tool, root: Root, values: dict[str, Any]) -> Reply:
    """Return what a tool answers, about a root, to values as `arguments_of` returns them.

    Raises what the engine does, and UsageError if not even the least of an answer fits.
    """
    return _JOBS[tool.name](tool, root, values)


def _found(tool: Tool, root: Root, values: dict[str, Any]) -> Reply:
    engine, limit = root.engine, values["limit"]
    if tool.name == "search":
        result = engine.search(values["query"], limit=limit, filters=filters_of(values, path=values["path"]))
    elif tool.name == "symbols":
        result = engine.symbols(values["name"], limit=limit, filters=filters_of(values, path=values["path"]))
    else:
        result = engine.related(values["path"], values["line"], limit=limit, filters=filters_of(values))
    state = root.state
    if state.phase == "failing":
        result = replace(result, notes=(*result.notes, f"not brought up to date: {state.error}"))
    return _told(tool, root, result, values["max_tokens"], _freshness(root))


def _told(tool: Tool, root: Root, result: SearchResult, room: int, freshness: Sequence[str]) -> Reply:
    top = str(root.engine.root)

    def document(part: SearchResult) -> Document:
        return documents.answer(tool.name, top, part)

    most = root.engine.settings.max_response_bytes
    kept = fit.cut_result(result, room, lambda part: documents.dumped(document(part)), most)
    if kept is None:
        raise UsageError(f"nothing fits in {room:,} tokens; give max_tokens more")
    lay_out = text.declarations if tool.name == "symbols" else text.hits
    return Reply(
        lay_out(document(result), freshness, room), document(kept), outcome="found" if result.hits else "nothing"
    )


def _outline(_: Tool, root: Root, values: dict[str, Any]) -> Reply:
    engine = root.engine
    path = client_path(values["path"], engine.root)
    document = documents.outline(str(engine.root), path, engine.outline(path))
    said = text.outline(document, values["max_tokens"])
    outcome = "found" if document["declarations"] else "nothing"
    return Reply(said, _cut(document, "declarations", values["max_tokens"]), outcome=outcome)


def _changes(_: Tool, root: Root, values: dict[str, Any]) -> Reply:
    engine, room = root.engine, values["max_tokens"]
    found = engine.diff(values["old"], values["new"], paths=globs_of(values["path"], engine.root))
    whole = documents.difference(str(engine.root), found, stat=False, nodes=False)
    document = _cut(whole, "files", room)
    if whole["files"] and not document["files"]:
        document = _cut(documents.difference(str(engine.root), found, stat=True, nodes=False), "files", room, cut=True)
    return Reply(differences.changes(whole, room), document, outcome="found" if whole["files"] else "nothing")


def _status(_: Tool, root: Root, values: dict[str, Any]) -> Reply:
    state, room = root.state, values["max_tokens"]
    document = documents.status(root.engine.status(skipped=values["skipped"]), skipped=values["skipped"])
    said = text.status(document, _freshness(root) if state.has_answers else [_hindered(root)], room)
    return Reply(said, _cut(document, "skipped", room), outcome="found" if document["indexed"] else "nothing")


_JOBS: dict[str, Callable[[Tool, Root, dict[str, Any]], Reply]] = {
    "search": _found, "symbols": _found, "related": _found, "outline": _outline, "changes": _changes,
    "index_status": _status,
}  # fmt: skip


def _cut(document: Document, key: str, room: int, *, cut: bool = False) -> Document:
    """Return a document with as many of the entries under `key` as there is room for; one that is cut says so."""
    if not cut and fit.fits(documents.dumped(document), room):
        return document
    entries = document.get(key, [])
    few = fit.most(len(entries), lambda count: fit.fits(documents.dumped(_first(document, key, count)), room))
    if few < 0:
        raise UsageError(f"nothing fits in {room:,} tokens; give max_tokens more")
    return _first(document, key, few)


def _first(document: Document, key: str, count: int) -> Document:
    entries = document.get(key)
    return document | {"truncated": True} | ({} if entries is None else {key: entries[:count]})


def _hindered(root: Root) -> str:
    state = root.state
    return text.shown(f"no index: {state.error}" if state.phase == "failing" else progress_line(state.progress))


def _freshness(root: Root) -> list[str]:
    """Return what there is to know of the age of an index that answers."""
    state = root.state
    if state.phase == "indexing":
        lines = [f"index: {progress_line(state.progress)}"]
    elif not state.synced_at:
        lines = ["index: from before this server started, not compared with the files yet; hits are checked"]
    else:
        lines = [f"index: up to date as of {_ago(time.time() - state.synced_at)} ago"]
    if state.pending:
        lines.append(f"index: {state.pending:,} files are still to come")
    if state.notice:
        lines.append(f"index: {text.shown(state.notice)}")
    return lines


def _ago(seconds: float) -> str:
    seconds = max(seconds, 0)
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
