"""The JSON that `--json` prints: one document in one line, as `docs/json.md` describes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from treeseek.frontends.cli.output import escaped_json

if TYPE_CHECKING:
    from treeseek.model import Hit, IndexStatus, SearchResult, SyncReport, Syntax

__all__ = ["SCHEMA_VERSION", "answer", "failure", "index_report", "outline", "paths", "status"]

SCHEMA_VERSION = 1
"""Raised when a key goes or changes its meaning; new keys may appear without that."""


def failure(code: str, message: str, hint: str = "") -> str:
    """Return the document of a failed command."""
    error = {"code": code, "message": message} | ({"hint": hint} if hint else {})
    return _dumped({"schema_version": SCHEMA_VERSION, "ok": False, "error": error})


def answer(command: str, root: str, result: SearchResult) -> str:
    """Return the document of `search`, `related` or `symbols`."""
    return _document(command, _head(root, result) | {"hits": [_hit(hit) for hit in result.hits]})


def paths(command: str, root: str, result: SearchResult, found: Sequence[str]) -> str:
    """Return the document of the same commands with `--files-with-matches`."""
    return _document(command, _head(root, result) | {"paths": list(found)})


def index_report(root: str, directory: str, report: SyncReport) -> str:
    """Return the document of `index`."""
    return _document("index", {
        "root": root,
        "directory": directory,
        "index_version": report.version,
        "files": report.files,
        "added": report.added,
        "changed": report.changed,
        "touched": report.touched,
        "deleted": report.deleted,
        "parsed": report.parsed,
        "chunks_embedded": report.chunks_embedded,
        "rows_written": report.rows_written,
        "aliases": report.aliases,
        "bytes_read": report.bytes_read,
        "seconds": round(report.seconds, 3),
        "reasons": dict(report.reasons),
    })  # fmt: skip


def outline(root: str, path: str, syntax: Syntax) -> str:
    """Return the document of `outline`."""
    declarations = [
        {
            "kind": declaration.kind,
            "name": declaration.name,
            "signature": declaration.signature,
            "doc": declaration.doc,
            "start_line": declaration.start_line,
            "end_line": declaration.end_line,
            "start_byte": declaration.start_byte,
            "end_byte": declaration.end_byte,
        }
        for declaration in syntax.declarations
    ]
    head = {"root": root, "path": path, "language": syntax.language, "fallback": syntax.fallback}
    return _document("outline", head | {"declarations": declarations})


def status(state: IndexStatus, *, skipped: bool) -> str:
    """Return the document of `status`, with what was left out if it was asked for."""
    document: dict[str, Any] = {
        "root": state.root,
        "indexed": state.indexed,
        "directory": state.directory,
        "index_version": state.version,
        "files": state.files,
        "chunks": state.chunks,
        "bytes_on_disk": state.bytes_on_disk,
        "embedder": state.embedder,
        "languages": dict(state.languages),
        "pending": dict(state.pending),
    }
    if skipped:
        document["skipped"] = [
            {"path": left.path, "reason": left.reason, "detail": left.detail} for left in state.skipped
        ]
    return _document("status", document)


def _head(root: str, result: SearchResult) -> dict[str, Any]:
    return {
        "root": root,
        "query": result.query,
        "index_version": result.version,
        "notes": list(result.notes),
        "truncated": result.truncated,
    }


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "id": hit.id,
        "path": hit.path,
        "language": hit.language,
        "kind": hit.kind,
        "name": hit.name,
        "signature": hit.signature,
        "start_line": hit.start_line,
        "end_line": hit.end_line,
        "score": hit.score,
        "matched_lines": list(hit.matched_lines),
        "text": hit.text,
    }


def _document(command: str, content: dict[str, Any]) -> str:
    return _dumped({"schema_version": SCHEMA_VERSION, "ok": True, "command": command} | content)


def _dumped(document: dict[str, Any]) -> str:
    return escaped_json(json.dumps(document, ensure_ascii=False, separators=(",", ":"))) + "\n"
