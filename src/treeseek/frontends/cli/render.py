"""What a person reads: hits, outlines and reports as lines of text, each with its line break."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from treeseek.frontends.cli.consent import described
from treeseek.frontends.escapes import printable

if TYPE_CHECKING:
    from treeseek.model import (
        Declaration,
        Estimate,
        Hit,
        IndexStatus,
        Maintenance,
        Migration,
        Repair,
        SyncReport,
        Syntax,
        Verification,
    )

__all__ = [
    "Paint",
    "changes",
    "estimate",
    "hits",
    "index_report",
    "maintenance",
    "migration",
    "outline",
    "paint_for",
    "plain",
    "repair",
    "standard_paint",
    "status",
    "symbols",
    "verification",
    "width",
]

SNIPPET_LINES = 6
SHOWN_REASONS = 8
PIPE_WIDTH = 240
"""Columns of a line when nobody says how wide the terminal is."""

Paint = Callable[[str, str], str]
"""Gives a text a style: `path`, `line`, `name`, `dim`, or that of what was added, removed, modified, moved, renamed."""

_STYLES = {
    "path": "35", "line": "32", "name": "1", "dim": "2", "added": "32", "removed": "31", "modified": "33",
    "moved": "36", "renamed": "36",
}  # fmt: skip


def plain(_: str, text: str) -> str:
    """Return the text as it is."""
    return text


def paint_for(*, colored: bool) -> Paint:
    """Return how to style texts: with ANSI sequences, or not at all."""
    return (lambda style, text: f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if text else "") if colored else plain


def standard_paint() -> Paint:
    """Return how to style what goes to standard output: only on a terminal, unless NO_COLOR is set."""
    from treeseek.settings import no_color

    return paint_for(colored=sys.stdout.isatty() and not no_color())


def width() -> int:
    """Return the columns of the terminal, or PIPE_WIDTH."""
    try:
        return max(os.get_terminal_size(sys.stdout.fileno()).columns, 40)
    except (OSError, ValueError):
        return PIPE_WIDTH


def hits(found: Sequence[Hit], paint: Paint, columns: int) -> list[str]:
    """Return for each hit a heading and a few of its lines, with a blank line between hits."""
    lines: list[str] = []
    for hit in found:
        if lines:
            lines.append("\n")
        stale = "" if hit.is_fresh else f"  {paint('removed', 'changed since')}"
        lines.append(f"{_place(hit, paint)}  {_title(hit, paint)}   {paint('dim', f'{hit.score:.2f}')}{stale}\n")
        lines += _snippet(hit, paint, columns)
        if hit.reasons:
            lines.append(f"  {paint('dim', clipped(_reasons(hit.reasons), columns - 2))}\n")
    return lines


def _reasons(reasons: Mapping[str, float]) -> str:
    """Return the largest of the reasons, in words."""
    largest = list(reasons.items())[:SHOWN_REASONS]
    return "because: " + ", ".join(f"{name.replace('_', ' ')} {weight:+.1f}" for name, weight in largest)


def symbols(found: Sequence[Hit], paint: Paint, columns: int) -> list[str]:
    """Return one line for each declaration: where it is, what it is, and how it begins."""
    lines = []
    for hit in found:
        start = one_line(hit.signature or _stripped(hit.text.partition("\n")[0]).rstrip(" :{"))
        room = columns - len(f"{_place(hit, plain)}  {_title(hit, plain)}   ")
        beginning = f"   {paint('dim', clipped(printable(start), room))}" if start and room > 10 else ""
        lines.append(f"{_place(hit, paint)}  {_title(hit, paint)}{beginning}\n")
    return lines


def _place(hit: Hit, paint: Paint) -> str:
    span = f"{hit.start_line}" if hit.start_line == hit.end_line else f"{hit.start_line}-{hit.end_line}"
    return f"{paint('path', printable(hit.path))}:{paint('line', span)}"


def _title(hit: Hit, paint: Paint) -> str:
    return f"{hit.kind} {paint('name', printable(hit.name))}".rstrip()


def _snippet(hit: Hit, paint: Paint, columns: int) -> Iterator[str]:
    """Yield the lines that matched, or the first that aren't blank, numbered and without common indentation."""
    lines = [_stripped(line) for line in hit.text.split("\n")]
    numbers = [line - hit.start_line for line in hit.matched_lines if 0 <= line - hit.start_line < len(lines)]
    shown = (numbers or [i for i, line in enumerate(lines) if line.strip()])[:SNIPPET_LINES]
    margin = min((len(lines[i]) - len(lines[i].lstrip()) for i in shown if lines[i].strip()), default=0)
    digits = len(str(hit.start_line + shown[-1])) if shown else 0
    for i in shown:
        number = f"{hit.start_line + i:>{digits}}"
        text = clipped(printable(lines[i][margin:]), columns - digits - 4)
        yield f"  {paint('line', number)}  {text}".rstrip() + "\n"


def _stripped(line: str) -> str:
    """Drop a line's end and a byte order mark, and put spaces for tabs."""
    return line.rstrip().removeprefix("\ufeff").expandtabs(4)


def one_line(signature: str) -> str:
    """Return a signature that was written on several lines in one."""
    return " ".join(signature.split()).replace("( ", "(").replace(", )", ")").replace(" )", ")")


def clipped(text: str, room: int) -> str:
    """Return a text, or as much of it as fits in so many columns."""
    return text if len(text) <= room else text[: max(room - 1, 0)] + "…"


def outline(path: str, syntax: Syntax, paint: Paint, columns: int) -> list[str]:
    """Return a heading, then a line for each declaration, indented by what encloses it."""
    count = len(syntax.declarations)
    by_lines = f", cut by lines: {printable(syntax.fallback)}" if syntax.fallback else ""
    lines = [f"{paint('path', printable(path))}  {syntax.language}, {counted(count, 'declaration')}{by_lines}\n"]
    spans = [_span(declaration) for declaration in syntax.declarations]
    span_width = max(map(len, spans), default=0)
    kind_width = max((len(declaration.kind) for declaration in syntax.declarations), default=0)
    for declaration, span, depth in zip(syntax.declarations, spans, _depths(syntax.declarations), strict=True):
        head = f"  {paint('line', span.ljust(span_width))}  {paint('dim', declaration.kind.ljust(kind_width))}  "
        text = printable(one_line(declaration.signature or declaration.name))
        lines.append(head + "  " * depth + clipped(text, columns - span_width - kind_width - 6 - 2 * depth) + "\n")
    return lines


def _span(declaration: Declaration) -> str:
    start, end = declaration.start_line, declaration.end_line
    return f"{start}" if start == end else f"{start}-{end}"


def _depths(declarations: Sequence[Declaration]) -> list[int]:
    """Return how many earlier declarations enclose each one."""
    ends: list[int] = []
    depths = []
    for declaration in declarations:
        while ends and ends[-1] < declaration.end_byte:
            ends.pop()
        depths.append(len(ends))
        ends.append(declaration.end_byte)
    return depths


def index_report(root: str, directory: str, report: SyncReport) -> list[str]:
    """Return what a sync did, in a few lines."""
    seconds = f"{report.seconds:.1f} s"
    changes = (("added", report.added), ("changed", report.changed), ("deleted", report.deleted))
    if any(count for _, count in changes):
        done = ", ".join(f"{count:,} {what}" for what, count in changes if count)
        chunks = f"{counted(report.chunks_embedded, 'chunk')} embedded"
        reused = f", {report.chunks_reused:,} reused" if report.chunks_reused else ""
        first = f"{printable(root)}: {counted(report.files, 'file')}, {done}, {chunks}{reused}, in {seconds}\n"
    else:
        first = f"{printable(root)}: {counted(report.files, 'file')}, up to date, in {seconds}\n"
    lines = [first]
    if report.causes or report.pending:
        lines.append(f"  {_looked_at(report)}\n")
    if report.reasons:
        lines.append(f"  left out or cut by lines: {tally(report.reasons)} (listed by `treeseek status --skipped`)\n")
    if "requests" in report.usage:
        lines.append(f"  {_sent(report.usage)}\n")
    return [*lines, f"  index: {printable(directory)}\n"]


def _sent(usage: Mapping[str, float]) -> str:
    """Say what a remote embedder was asked, and how that went."""
    sent = f"sent {counted(int(usage.get('texts', 0)), 'text')} in {counted(int(usage['requests']), 'request')}"
    told = [
        sent,
        f"{int(usage.get('tokens', 0)):,} tokens",
        *([f"${usage['dollars']:.4f}"] if "dollars" in usage else []),
    ]
    went = [(name, int(usage[name])) for name in ("retries", "throttles", "truncated") if name in usage]
    return ", ".join([*told, *(f"{amount:,} {name}" for name, amount in went)])


def estimate(root: str, found: Estimate) -> str:
    """Return what a sync would ask of the embedder, in a line or two."""
    head = (
        f"{printable(root)}: {counted(found.files, 'file')} to index by {printable(found.embedder.partition('@')[0])}"
    )
    if not found.texts and not found.is_remote:
        return f"{head}, on this machine: nothing is sent\n"
    if not found.is_remote:
        return f"{head}, on this machine: {found.texts:,} texts, of which {found.known:,} are known; nothing is sent\n"
    return f"{head}: {found.texts:,} texts, of which {found.known:,} are known\n  to send: {described(found)}\n"


def _looked_at(report: SyncReport) -> str:
    """Say of how many files a sync looked at which, and what that took."""
    parts = [f"scanned {counted(report.scanned, 'file')}"]
    if report.causes:
        parts.append(f"looked at {tally(report.causes)}")
    parts.append(f"parsed {report.parsed:,}, reused {report.reused:,}")
    if report.pending:
        parts.append(f"{report.pending:,} left for the next time")
    return "; ".join(parts)


def changes(report: SyncReport) -> str:
    """Return what a sync changed, in a few words."""
    counts = (("added", report.added), ("changed", report.changed), ("deleted", report.deleted))
    done = ", ".join(f"{count:,} {what}" for what, count in counts if count)
    return f"{done or 'time stamps only'}, {counted(report.chunks_embedded, 'chunk')} embedded, {report.seconds:.2f} s"


def verification(root: str, found: Verification) -> list[str]:
    """Return whether an index holds together, and a line for everything that is wrong."""
    read = f", {counted(found.files_read, 'file')} read ({_size(found.bytes_read)})" if found.files_read else ""
    state = "clean" if found.is_clean else counted(sum(not one.is_harmless for one in found.problems), "problem")
    lines = [f"{printable(root)}: {state}, version {found.version}, {counted(found.files, 'file')} checked{read}\n"]
    lines += [f"  {one.kind}  {printable(one.path)}: {printable(one.detail)}\n" for one in found.problems]
    return lines


def repair(root: str, done: Repair) -> list[str]:
    """Return what was done to mend an index."""
    told = {
        "clean": "nothing was damaged",
        "mended": "mended, nothing was lost",
        "went-back": "mended, and brought up to date from the source",
        "lost": "made anew from the source",
    }
    return [f"{printable(root)}: {told[done.outcome]}\n", *(f"  {printable(action)}\n" for action in done.actions)]


def maintenance(root: str, done: Maintenance, orphans: Sequence[str]) -> list[str]:
    """Return what tidying came to."""
    lines = [
        f"{printable(root)}: {_size(done.bytes_before)} → {_size(done.bytes_after)}, "
        f"{counted(done.pieces_before, 'piece')} → {done.pieces_after}, "
        f"{counted(done.versions_dropped, 'version')} dropped, in {done.seconds:.1f} s\n"
    ]
    if done.generations_dropped:
        lines.append(f"  {counted(done.generations_dropped, 'older generation')} dropped\n")
    return lines + [f"  removed the index of {printable(orphan)}, which is gone\n" for orphan in orphans]


def migration(root: str, done: Migration | None, *, dry_run: bool) -> list[str]:
    """Return how an index came, or would come, to the format of now."""
    if done is None:
        return [f"{printable(root)}: the index has the format of now\n"]
    verb = "would take over" if dry_run else "took over"
    return [
        f"{printable(root)}: from format {done.from_format} to {done.to_format}\n",
        f"  {verb} {counted(done.rows, 'row')} with {counted(done.vectors, 'embedding')}, "
        f"about {_size(done.bytes_needed)}\n",
    ]


def status(state: IndexStatus, paint: Paint, *, skipped: bool) -> list[str]:
    """Return the state of an index, and with `skipped` a line for everything that was left out."""
    lines = [f"{paint('path', printable(state.root))}\n"]
    for name, value in _state_rows(state, skipped=skipped):
        lines.append(f"  {paint('dim', name.ljust(9))}  {printable(value)}\n")
    if skipped and state.skipped:
        widest = max(len(left.reason) for left in state.skipped)
        lines.append("\n")
        for left in state.skipped:
            detail = f"  {paint('dim', printable(left.detail))}" if left.detail else ""
            lines.append(f"{left.reason.ljust(widest)}  {printable(left.path)}{detail}\n")
    return lines


def _state_rows(state: IndexStatus, *, skipped: bool) -> Iterator[tuple[str, str]]:
    if state.indexed:
        yield "indexed", f"{counted(state.files, 'file')}, {counted(state.chunks, 'chunk')}, version {state.version}"
        yield "languages", tally(state.languages) or "none"
        yield "embedder", state.embedder
        if state.redaction != "off":
            yield "redaction", state.redaction
        yield "on disk", f"{_size(state.bytes_on_disk)} in {state.directory}"
    else:
        yield "indexed", "not yet; `treeseek index` or a first search does it"
    waiting = ", ".join(f"{count:,} {what}" for what, count in state.pending.items() if count)
    yield "pending", waiting or "nothing"
    if skipped:
        yield "left out", tally(Counter(left.reason for left in state.skipped)) or "nothing"
    else:
        yield "left out", "listed by `treeseek status --skipped`"


def tally(counts: Mapping[str, int]) -> str:
    """Return numbers of things, the most first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {name}" for name, count in ordered)


def counted(count: int, what: str) -> str:
    """Return a number of things."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _size(count: int) -> str:
    return (
        f"{count / 1e9:.1f} GB"
        if count >= 1e9
        else f"{count / 1e6:.1f} MB"
        if count >= 1e6
        else f"{count / 1e3:.0f} kB"
    )
