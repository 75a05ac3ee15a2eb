"""What every frontend answers: the documents of `docs/json.md`, plain dicts, and their form as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from treeseek.frontends.escapes import escaped_json

if TYPE_CHECKING:
    from treeseek.evaluation.evaluate import Evaluation
    from treeseek.indexing.health import Check
    from treeseek.learning.adapt import Adapted
    from treeseek.model import (
        DeclarationDiff,
        Difference,
        Estimate,
        Excerpt,
        FileDiff,
        Found,
        Hit,
        IndexStatus,
        Maintenance,
        Migration,
        QueryResult,
        Repair,
        SearchResult,
        Site,
        SyncReport,
        Syntax,
        Verification,
    )
    from treeseek.scanning.report import Place, ScanReport
    from treeseek.service import Root

__all__ = [
    "SCHEMA_VERSION",
    "Document",
    "alive",
    "answer",
    "difference",
    "doctor",
    "dumped",
    "estimate",
    "evaluation",
    "failure",
    "index_report",
    "lines",
    "maintenance",
    "migration",
    "outline",
    "paths",
    "query_result",
    "repair",
    "rollback",
    "roots",
    "scan_report",
    "status",
    "training",
    "verification",
]

Document = dict[str, Any]

_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))

SCHEMA_VERSION = 1
"""Raised when a key goes or changes its meaning; new keys may appear without that."""


def failure(code: str, message: str, hint: str = "") -> Document:
    """Return the document of a failed command."""
    error = {"code": code, "message": message} | ({"hint": hint} if hint else {})
    return {"schema_version": SCHEMA_VERSION, "ok": False, "error": error}


def answer(command: str, root: str, result: SearchResult) -> Document:
    """Return the document of `search`, `related` or `symbols`."""
    return _document(command, _head(root, result) | {"hits": [_hit(hit) for hit in result.hits]})


def paths(command: str, root: str, result: SearchResult, found: Sequence[str]) -> Document:
    """Return the document of the same commands with `--files-with-matches`."""
    return _document(command, _head(root, result) | {"paths": list(found)})


def index_report(root: str, directory: str, report: SyncReport) -> Document:
    """Return the document of `index`."""
    return _document("index", {
        "root": root,
        "directory": directory,
        "index_version": report.version,
        "committed": report.committed,
        "files": report.files,
        "scanned": report.scanned,
        "added": report.added,
        "changed": report.changed,
        "touched": report.touched,
        "deleted": report.deleted,
        "parsed": report.parsed,
        "reused": report.reused,
        "chunks_embedded": report.chunks_embedded,
        "chunks_reused": report.chunks_reused,
        "rows_written": report.rows_written,
        "aliases": report.aliases,
        "pending": report.pending,
        "bytes_read": report.bytes_read,
        "seconds": round(report.seconds, 3),
        "causes": dict(report.causes),
        "reasons": dict(report.reasons),
        "usage": {name: round(amount, 6) for name, amount in report.usage.items()},
    })  # fmt: skip


def estimate(root: str, found: Estimate) -> Document:
    """Return the document of `index --estimate`."""
    return _document("index", {
        "root": root,
        "embedder": found.embedder,
        "remote": found.is_remote,
        "files": found.files,
        "texts": found.texts,
        "known": found.known,
        "requests": found.requests,
        "tokens": found.tokens,
        "dollars": None if found.dollars is None else round(found.dollars, 6),
        "seconds": None if found.seconds is None else round(found.seconds, 3),
    })  # fmt: skip


def outline(root: str, path: str, syntax: Syntax) -> Document:
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


def lines(root: str, found: Excerpt) -> Document:
    """Return the document of some lines of a file."""
    return _document("lines", {
        "root": root,
        "path": found.path,
        "language": found.language,
        "start_line": found.start_line,
        "end_line": found.end_line,
        "lines": found.lines,
        "text": found.text,
        "cut": found.is_cut,
    })  # fmt: skip


def roots(served: Sequence[Root]) -> Document:
    """Return the document of what a server serves, and how far the index of each is."""
    return _document("roots", {"roots": [_root(one) for one in served]})


def _root(served: Root) -> Document:
    state = served.state
    return {
        "name": served.name,
        "root": str(served.engine.root),
        "phase": state.phase,
        "has_answers": state.has_answers,
        "progress": None if state.progress is None else asdict(state.progress),
        "synced_at": round(state.synced_at, 3) if state.synced_at else None,
        "pending": state.pending,
        "error": {"code": state.error_code, "message": state.error} if state.error else None,
        "notice": state.notice,
        "chunks": served.engine.chunks() if state.has_answers else 0,
    }


def alive(command: str) -> Document:
    """Return the document of a server that is there (`health`), or ready to answer (`ready`)."""
    return _document(command, {})


def scan_report(report: ScanReport) -> Document:
    """Return the document of `scan`."""
    return _document("scan", {
        "root": report.root,
        "clean": not report.found,
        "files": report.files,
        "bytes_read": report.bytes_read,
        "known": report.known,
        "allowed": report.allowed,
        "seconds": round(report.seconds, 3),
        "counts": report.counts,
        "left_out": dict(report.left_out),
        "findings": [_finding(place) for place in report.found],
    })  # fmt: skip


def _finding(place: Place) -> dict[str, Any]:
    found = {
        "path": place.path, "rule": place.rule, "kind": place.kind, "tier": place.tier, "line": place.line,
        "column": place.column, "start_byte": place.start_byte, "end_byte": place.end_byte, "preview": place.preview,
        "fingerprint": place.fingerprint,
    }  # fmt: skip
    return found | ({"blob": place.blob, "commit": place.commit} if place.commit else {})


def status(state: IndexStatus, *, skipped: bool) -> Document:
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
        "redaction": state.redaction,
        "languages": dict(state.languages),
        "pending": dict(state.pending),
    }
    if skipped:
        document["skipped"] = [
            {"path": left.path, "reason": left.reason, "detail": left.detail} for left in state.skipped
        ]
    return _document("status", document)


def difference(root: str, found: Difference, *, stat: bool, nodes: bool) -> Document:
    """Return the document of `diff`; with `stat` without what became of each declaration."""
    return _document("diff", {
        "root": root,
        "old": found.old,
        "new": found.new,
        "files": [_file_diff(file, stat=stat, nodes=nodes) for file in found.files],
        "left_out": dict(found.left_out),
    })  # fmt: skip


def _file_diff(file: FileDiff, *, stat: bool, nodes: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "status": file.status,
        "old_path": file.old_path,
        "new_path": file.new_path,
        "language": file.language,
        "extent": file.extent,
        "note": file.note,
        "counts": file.counts,
        "outside": file.is_outside,
    }
    if not stat:
        document |= {
            "outside_lines": [list(span) for span in file.outside_lines],
            "declarations": [_declaration_diff(one) for one in file.declarations],
            "aliases": [{"old": old, "new": new} for old, new in file.aliases],
        }
    if nodes and not stat:
        document["nodes"] = [
            {"status": node.status, "kind": node.kind, "old": node.old, "new": node.new} for node in file.nodes
        ]
    return document


def _declaration_diff(one: DeclarationDiff) -> dict[str, Any]:
    return {
        "status": one.status,
        "parts": list(one.parts),
        "with_parent": one.with_parent,
        "old": None if one.old is None else _site(one.old),
        "new": None if one.new is None else _site(one.new),
    }


def query_result(root: str, result: QueryResult) -> Document:
    """Return the document of `query`."""
    return _document("query", {
        "root": root,
        "complete": result.is_complete,
        "files": result.files,
        "unparsed": list(result.unparsed),
        "found": [_found(place) for place in result.found],
    })  # fmt: skip


def _found(place: Found) -> dict[str, Any]:
    return {
        "path": place.path,
        "language": place.language,
        "declaration": None if place.site is None else _site(place.site),
        "captures": [capture._asdict() for capture in place.captures],
    }


def _site(site: Site) -> dict[str, Any]:
    return {
        "id": site.id,
        "path": site.path,
        "kind": site.kind,
        "name": site.name,
        "signature": site.signature,
        "start_line": site.start_line,
        "end_line": site.end_line,
        "start_byte": site.start_byte,
        "end_byte": site.end_byte,
        "complexity": site.complexity,
    }


def _head(root: str, result: SearchResult) -> dict[str, Any]:
    return {
        "root": root,
        "query": result.query,
        "index_version": result.version,
        "notes": list(result.notes),
        "truncated": result.truncated,
        "confidence": result.confidence,
    }


def evaluation(found: Evaluation) -> Document:
    """Return the document of `eval`."""
    comparison = found.comparison
    answers = next(iter(comparison.answers.values()))
    document: dict[str, Any] = {
        "root": found.root,
        "questions": len(answers),
        "unknown_places": list(found.unknown),
        "commits": found.commits,
        "left_out": dict(found.left_out),
        "variants": [
            {"name": one.name, "questions": len(answers), **asdict(one.score), "p50_seconds": one.p50,
             "p95_seconds": one.p95, "sync_seconds": one.sync_seconds,
             "groups": {group: {"questions": count, **asdict(score)} for group, (count, score) in one.groups.items()}}
            for one in comparison.figures
        ],
        "differences": [asdict(one) for one in comparison.differences],
        "chunking": {name: asdict(one) for name, one in found.chunking.items()},
        "answers": [
            {"query": answer.question.query, "targets": [asdict(place) for place in answer.question.targets],
             "scores": {name: asdict(own[number].score) for name, own in comparison.answers.items()}}
            for number, answer in enumerate(answers)
        ],
    }  # fmt: skip
    return _document("eval", document)


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
        "fresh": hit.is_fresh,
        "content_hash": hit.content_hash,
        "text": hit.text,
        "cut": hit.is_cut,
    } | ({} if hit.reasons is None else {"reasons": dict(hit.reasons)})


def verification(root: str, found: Verification) -> Document:
    """Return the document of `verify`."""
    problems = [
        {"kind": one.kind, "path": one.path, "detail": one.detail, "harmless": one.is_harmless}
        for one in found.problems
    ]
    return _document("verify", {
        "root": root,
        "clean": found.is_clean,
        "index_version": found.version,
        "files": found.files,
        "files_read": found.files_read,
        "bytes_read": found.bytes_read,
        "problems": problems,
    })  # fmt: skip


def repair(root: str, done: Repair) -> Document:
    """Return the document of `repair`."""
    return _document("repair", {"root": root, "outcome": done.outcome, "actions": list(done.actions)})


def maintenance(root: str, done: Maintenance, orphans: Sequence[str]) -> Document:
    """Return the document of `gc`."""
    return _document("gc", {
        "root": root,
        "versions_dropped": done.versions_dropped,
        "generations_dropped": done.generations_dropped,
        "pieces_before": done.pieces_before,
        "pieces_after": done.pieces_after,
        "bytes_before": done.bytes_before,
        "bytes_after": done.bytes_after,
        "seconds": round(done.seconds, 3),
        "orphans": list(orphans),
    })  # fmt: skip


def migration(root: str, done: Migration | None, *, dry_run: bool) -> Document:
    """Return the document of `migrate`."""
    content: dict[str, Any] = {"root": root, "dry_run": dry_run, "needed": done is not None}
    if done is not None:
        content |= {
            "from_format": done.from_format,
            "to_format": done.to_format,
            "rows": done.rows,
            "vectors": done.vectors,
            "bytes_needed": done.bytes_needed,
            "generation": done.generation,
        }
    return _document("migrate", content)


def doctor(root: str, checks: Sequence[Check], *, fine: bool) -> Document:
    """Return the document of `doctor`."""
    found = [{"name": one.name, "state": one.state, "detail": one.detail} for one in checks]
    return _document("doctor", {"root": root, "fine": fine, "checks": found})


def rollback(root: str, left: str, entered: str) -> Document:
    """Return the document of `rollback`."""
    return _document("rollback", {"root": root, "left": left, "entered": entered})


def training(roots: Sequence[str], done: Adapted, written: str) -> Document:
    """Return the document of `train`; `written` is the model's file, empty if none was."""
    return _document("train", {
        "roots": list(roots),
        "pairs": dict(done.pairs),
        "new_words": done.new_words,
        "commits_judged": len(done.judged),
        "ndcg_before": round(done.before, 4),
        "ndcg_after": round(done.after, 4),
        "standard_error": round(done.error, 4),
        "folds": [
            {"commits": fold.commits, "ndcg_before": round(fold.before, 4), "ndcg_after": round(fold.after, 4)}
            for fold in done.folds
        ],
        "helped": done.helped,
        "written": written,
    })  # fmt: skip


def _document(command: str, content: Document) -> Document:
    return {"schema_version": SCHEMA_VERSION, "ok": True, "command": command} | content


def dumped(document: Document) -> str:
    """Return a document as JSON in one line, with nothing that a terminal would obey."""
    return escaped_json(_ENCODER.encode(document)) + "\n"
