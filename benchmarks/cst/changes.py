"""How long it takes to tell what changed between two versions of a file, and whether what is told is right.

Over consecutive versions of real files; the time is for the status of every node on both sides. The peer is the parse
of the new version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.cst.clock import best
from benchmarks.cst.corpus import Source, by_language, lines_of, long_text, one_line_edit
from benchmarks.cst.figures import Figure, percentile
from benchmarks.cst.histories import Repository, Touched
from treeseek.syntax.columns import to_columns
from treeseek.syntax.compare import compare
from treeseek.syntax.diff import TreeDiff, apply, diff
from treeseek.syntax.grammars import load
from treeseek.syntax.hashes import Hashes, subtree_hashes
from treeseek.syntax.live import LiveFile, parse_live, reparse
from treeseek.syntax.parsed import parse_file
from treeseek.syntax.tree import SyntaxTree

__all__ = ["Pair", "change_figures", "edit_figures", "measured_pair", "modified", "wrongs"]

PART = "change detection"
COLUMNS_BAR, EXTRACTION_BAR, EDIT_BAR = 0.5, 1.0, 10.0
LARGE_NODES, EDITED_LINES = 1_000, 5_000
_EDITS = 12
_DEADLINE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two versions of a file, compared. Times in seconds; `nodes` are the new version's, `wrong` names what was."""

    path: str
    nodes: int
    changed: int
    parse: float
    extraction: float
    known: float
    both: float
    all: float
    declarations: float
    edited_bytes: int
    wrong: tuple[str, ...]


def modified(repository: Repository, commits: int) -> Iterator[Touched]:
    """Yield the files that the last commits modified, not those that they added or deleted."""
    for commit in repository.commits(commits):
        yield from (file for file in commit.files if file.old is not None and file.new is not None)


def measured_pair(file: Touched, rounds: int) -> Pair:
    """Compare the two versions of a file `rounds` times."""
    assert file.old is not None
    assert file.new is not None
    parser, language, data = load(file.language).parser, file.language, file.new
    live = parser.parse(data)
    old = to_columns(parser.parse(file.old), language, file.old)
    new = to_columns(live, language, data)
    before = subtree_hashes(old)
    was, now = (parse_file(text, language, deadline_seconds=_DEADLINE_SECONDS) for text in (file.old, data))
    assert was is not None
    assert now is not None
    parse, extraction, known, both, everything, declarations = best(
        (
            lambda: parser.parse(data),
            lambda: to_columns(live, language, data),
            lambda: _statuses(old, new, before),
            lambda: _statuses(old, new),
            lambda: _statuses(old, to_columns(live, language, data)),
            lambda: compare(was.declarations, now.declarations),
        ),
        rounds,
    )
    found = diff(old, new)
    edits = sum(edit.old_end - edit.old_start + edit.new_end - edit.new_start for edit in found.edits())
    changed = int(np.count_nonzero(found.new_status))
    return Pair(file.path, len(new), changed, parse, extraction, known, both, everything, declarations, edits,
                tuple(wrongs(found)))  # fmt: skip


def _statuses(old: SyntaxTree, new: SyntaxTree, before: Hashes | None = None) -> None:
    """Compare two trees, as if nothing had been derived from their columns before."""
    assert old.source is not None
    assert new.source is not None
    found = diff(old.with_source(old.source), new.with_source(new.source), before)
    assert len(found.new_status) == len(new)
    assert len(found.old_status) == len(old)


def wrongs(found: TreeDiff) -> Iterator[str]:
    """Yield which of its promises a difference breaks: the patch makes the new tree, the edits the new text."""
    made, texts = apply(found.old, found.patch())
    new = found.new
    alike = all(np.array_equal(getattr(made, name), getattr(new, name)) for name in ("kind", "field", "flags", "size"))
    leaves = np.flatnonzero(new.size == 1).tolist()
    if not alike or texts != [new.text(row) for row in leaves]:
        yield "patch"
    ours, theirs = found.old.source or b"", found.new.source or b""
    parts, at = [], 0
    for edit in found.edits():
        parts += [ours[at : edit.old_start], theirs[edit.new_start : edit.new_end]]
        at = edit.old_end
    if b"".join([*parts, ours[at:]]) != theirs:
        yield "edits"


def change_figures(pairs: Sequence[Pair]) -> Iterator[Figure]:
    """Yield the figures over all pairs, then over those of large files."""
    for title, some in ((f"all {len(pairs):,} pairs", pairs), *_large(pairs)):
        if some:
            yield from _timed(title, some)
    wrong = [f"{pair.path}: {', '.join(pair.wrong)}" for pair in pairs if pair.wrong]
    yield Figure(PART, "patch or edits give something else than the new version", len(wrong), "pairs", 0,
                 details={"wrong": wrong})  # fmt: skip
    shares = [pair.changed / pair.nodes for pair in pairs if pair.nodes]
    if shares:
        edited = percentile([pair.edited_bytes for pair in pairs], 0.5)
        yield Figure(PART, "nodes that aren't unchanged, p50", 100 * percentile(shares, 0.5), "%",
                     note=f"p50 of bytes in edits {edited:,.0f}")  # fmt: skip


def _large(pairs: Sequence[Pair]) -> list[tuple[str, list[Pair]]]:
    large = [pair for pair in pairs if pair.nodes >= LARGE_NODES]
    return [(f"{len(large):,} of at least {LARGE_NODES:,} nodes", large)]


def _timed(title: str, pairs: Sequence[Pair]) -> Iterator[Figure]:
    """Yield the figures in ms per 1,000 nodes."""
    for what, name, bar in (
        ("columns, old one hashed", "known", COLUMNS_BAR),
        ("columns, both to hash", "both", COLUMNS_BAR),
        ("with extraction of the new columns", "all", EXTRACTION_BAR),
        ("declarations compared", "declarations", None),
    ):
        rates = [_rate(pair, name) for pair in pairs]
        ratio = percentile([getattr(pair, name) / pair.parse for pair in pairs], 0.5)
        note = f"p50 {percentile(rates, 0.5):.3f}; p50 of the ratio to the bare parse {ratio:.2f}"
        yield Figure(PART, f"{what}, p95, {title}", percentile(rates, 0.95), "ms/1k nodes", bar, note=note,
                     details={"slowest": _slowest(pairs, name)})  # fmt: skip


def _rate(pair: Pair, name: str) -> float:
    """Return ms per 1,000 nodes; an empty tree counts as one node."""
    seconds: float = getattr(pair, name)
    return 1e6 * seconds / max(pair.nodes, 1)


def _slowest(pairs: Sequence[Pair], name: str) -> list[Mapping[str, object]]:
    slowest = sorted(pairs, key=lambda pair: -_rate(pair, name))[:10]
    return [
        {"path": pair.path, "nodes": pair.nodes, "changed": pair.changed, "rate": _rate(pair, name)} for pair in slowest
    ]


def edit_figures(files: Iterable[Source], rounds: int) -> Iterator[Figure]:
    """Yield what a one-line edit of a long file costs: incremental parse with its columns, and difference.

    The peer parses the whole text again. Edits are at even distances over the file: a real one if there is one so
    long, or else several in one. A text with syntax errors is measured but not judged.
    """
    for language, some in by_language(files).items():
        data = long_text(some, EDITED_LINES, lines_of)
        live = parse_live(data, language, deadline_seconds=_DEADLINE_SECONDS) if data else None
        if live is None:
            continue
        before = subtree_hashes(live.columns)
        texts = [one_line_edit(live.columns, (at + 0.5) / (_EDITS + 1)) for at in range(_EDITS)]
        timed = [_timed_edit(live, before, text, rounds) for text in texts]
        whole, again, difference, peer = (percentile(column, 0.5) for column in zip(*timed, strict=True))
        is_broken = live.columns.has_errors
        note = (
            f"{len(live.columns):,} nodes; parse, columns {1000 * again:.1f}, hash, diff {1000 * difference:.1f}; "
            f"full parse instead {1000 * peer:.1f}, x{peer / whole:.1f}"
            + ("; with syntax errors, hence not judged" if is_broken else "")
        )
        yield Figure(PART, f"one-line edit, {data.count(10) + 1:,} lines of {language}, p50", 1000 * whole, "ms",
                     None if is_broken else EDIT_BAR, note=note)  # fmt: skip
        wrong = sum(not _is_same(live, text) for text in texts)
        if wrong:
            yield Figure(PART, f"columns after an edit of {language} aren't those of a full parse", wrong, "edits", 0)


def _is_same(live: LiveFile, data: bytes) -> bool:
    again = reparse(live, data, deadline_seconds=_DEADLINE_SECONDS)
    return again is not None and again.columns == to_columns(again.tree, live.language, data)


def _timed_edit(live: LiveFile, before: Hashes, data: bytes, rounds: int) -> list[float]:
    """Return seconds of: all, the incremental parse with columns, the difference, and all with a full parse."""
    language, parser, old = live.language, load(live.language).parser, live.columns
    again = reparse(live, data, deadline_seconds=_DEADLINE_SECONDS)
    assert again is not None

    def incremental() -> None:
        edited = reparse(live, data, deadline_seconds=_DEADLINE_SECONDS)
        assert edited is not None
        _statuses(old, edited.columns, before)

    return best(
        (
            incremental,
            lambda: reparse(live, data, deadline_seconds=_DEADLINE_SECONDS),
            lambda: _statuses(old, again.columns, before),
            lambda: _statuses(old, to_columns(parser.parse(data), language, data), before),
        ),
        rounds,
    )
