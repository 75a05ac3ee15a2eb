"""The plain data that the parts of treeseek hand to each other. No IO, no behaviour beyond derived values.

Lines are 1-based and inclusive; bytes are 0-based and half-open; paths are relative to the root, with `/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Capture",
    "Chunk",
    "Declaration",
    "DeclarationDiff",
    "DeclarationQuery",
    "Difference",
    "FileDiff",
    "Filters",
    "Found",
    "Hit",
    "IndexStatus",
    "Maintenance",
    "Migration",
    "NodeDiff",
    "Problem",
    "Progress",
    "QueryResult",
    "Repair",
    "SearchResult",
    "Site",
    "Skipped",
    "SourceFile",
    "SyncReport",
    "Syntax",
    "UnitColumns",
    "Verification",
]

DECLARATION_KINDS = (
    "module", "namespace", "class", "interface", "struct", "enum", "type", "function", "method",
    "constant", "variable",
)  # fmt: skip
"""What a declaration can be. Traits and protocols are interfaces; unions are structs; macros are functions."""

CHUNK_KINDS = (*DECLARATION_KINDS, "block", "section", "text")
"""What a chunk can be: a declaration, a `block` of code between declarations, a `section` of a document with
headings, or lines of `text`."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that the walk found: its path and what the file system says of it."""

    path: str
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was left out, or indexed in a lesser way, and why (`reason` is a stable, short code)."""

    path: str
    reason: str
    detail: str = ""


class Declaration(NamedTuple):
    """Something that the code names. `name` is qualified with dots (`Session.get`), whatever the language."""

    kind: str
    name: str
    signature: str
    doc: str
    start_byte: int
    end_byte: int
    start_line: int
    end_line: int


class Chunk(NamedTuple):
    """A piece of a file that is retrieved as one: a declaration, part of one, or what lies between.

    `name` and `signature` are those of the main declaration in it, or of the one that encloses it, or empty.
    `declarations` are the indices, in the file's list, of the declarations whose names stand in this chunk.
    """

    kind: str
    name: str
    signature: str
    start_byte: int
    end_byte: int
    start_line: int
    end_line: int
    declarations: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Syntax:
    """What the structure of one file's text gives. `fallback` says why it was cut by lines, if it was."""

    language: str
    declarations: tuple[Declaration, ...]
    chunks: tuple[Chunk, ...]
    fallback: str = ""


@dataclass(slots=True)
class UnitColumns:
    """Rows of the `units` table, column by column: one row for every file (kind `file`) and every chunk.

    A file that was left out has a row of kind `skipped`, with the reason in `note`; `note` of a `file` row says
    why its text was cut by lines, if it was. Stat fields are 0 on chunk rows. `text` is empty on rows that are
    not chunks, and so are their terms; their vector is null (`has_vector` is False, the row of `vector` zero).

    Ragged columns are flat with offsets of length n + 1: the terms of row i are
    `terms[term_offsets[i]:term_offsets[i + 1]]`, ascending and unique, with as many `term_counts`.
    """

    id: list[str]
    path: list[str]
    language: list[str]
    kind: list[str]
    name: list[str]
    signature: list[str]
    text: list[str]
    note: list[str]
    content_hash: list[str]
    start_line: NDArray[np.int32]
    end_line: NDArray[np.int32]
    start_byte: NDArray[np.int64]
    end_byte: NDArray[np.int64]
    size: NDArray[np.int64]
    mtime_ns: NDArray[np.int64]
    inode: NDArray[np.uint64]
    terms: NDArray[np.uint32]
    term_counts: NDArray[np.uint8]
    term_offsets: NDArray[np.int64]
    declaration_kind: list[str]
    declaration_name: list[str]
    declaration_start_line: NDArray[np.int32]
    declaration_end_line: NDArray[np.int32]
    declaration_offsets: NDArray[np.int64]
    vector: NDArray[np.float16]
    has_vector: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a query is restricted to. Empty means no restriction; globs are gitignore-like, relative to the root."""

    languages: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    path: str = ""
    min_score: float = 0.0


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer: a place in a file.

    `score` is between 0 and 1: for a search the calibrated chance that the file answers the query, for related code the
    cosine, for symbols how well the name fits. `matched_lines` are those that speak to the query. `content_hash` is
    that of the file as it was indexed; `is_fresh` says whether the file still has those bytes.

    `text` begins with line `start_line`. Of a long declaration, or one that holds others, it has the first part only.
    `reasons`, if they were asked for, say what each kind of evidence adds to the file's place in the ranking.
    """

    id: str
    path: str
    language: str
    kind: str
    name: str
    signature: str
    start_line: int
    end_line: int
    score: float
    text: str
    matched_lines: tuple[int, ...] = ()
    content_hash: str = ""
    is_fresh: bool = True
    reasons: Mapping[str, float] | None = None

    @property
    def is_cut(self) -> bool:
        """Whether the text ends before the last line."""
        return self.text.removesuffix("\n").count("\n") < self.end_line - self.start_line


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some lines of a file as it is now, without the last line break; `lines` is how many the file has.

    `is_cut` says that they were too many, or too long, to be given whole.
    """

    path: str
    language: str
    start_line: int
    end_line: int
    lines: int
    text: str
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The hits of a query, best first, and what a caller must know to trust them.

    `confidence` is the calibrated chance that the index has an answer at all, None where that isn't the question.
    """

    query: str
    hits: tuple[Hit, ...]
    version: int
    notes: tuple[str, ...] = ()
    truncated: bool = False
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sync is; `stage` is walk, analyse, commit or index. Totals are 0 while they aren't known."""

    stage: str
    files_done: int = 0
    files_total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync saw and did, and why. `reasons` counts what was left out or indexed in a lesser way.

    Of the `scanned` files that the walk found, those were read that are new or whose stat differs. `parsed` had to be
    analysed; `reused` were new or changed too, but what their bytes give was known. `chunks_embedded` got a vector
    computed now, `chunks_reused` one that was known, those of the reused files included. `causes` counts why files were
    looked at, one cause a file: "new"; "content" (it differs); "stat-only" (new time stamp or inode, same bytes);
    "retry" (last time it couldn't be read, or had only just been written); "deleted". `pending` files were left for the
    next sync, as the time was up.

    `aliases` counts declarations that have another id than before, because they were renamed or moved. `version` is 0
    if there is no index: a first sync with a time limit got nothing done. `usage` has what an embedder that counts was
    asked: texts, requests, tokens, retries, throttles, truncated, dollars, waited (seconds), those that aren't 0.
    `is_whole`: all of the root was looked at, not only what had changed by a watch's word; else `scanned` and `reasons`
    tell of that part alone.
    """

    version: int
    files: int = 0
    scanned: int = 0
    added: int = 0
    changed: int = 0
    touched: int = 0
    deleted: int = 0
    parsed: int = 0
    reused: int = 0
    chunks_embedded: int = 0
    chunks_reused: int = 0
    rows_written: int = 0
    aliases: int = 0
    pending: int = 0
    bytes_read: int = 0
    seconds: float = 0.0
    causes: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    usage: Mapping[str, float] = field(default_factory=dict)
    is_whole: bool = True

    @property
    def committed(self) -> bool:
        """Whether the sync changed the index."""
        return self.rows_written > 0 or self.deleted > 0


@dataclass(frozen=True, slots=True)
class Measures:
    """What an index, and what is held of it in memory, comes to; nothing of it is looked up in the root.

    `versions` are those that readers could still open, `set_aside_bytes` what was quarantined on disk, `behind` how
    many commits lie between what searches have in memory and the newest.
    """

    files: int = 0
    chunks: int = 0
    sequence: int = 0
    behind: int = 0
    versions: int = 0
    generations: int = 0
    bytes_on_disk: int = 0
    set_aside_bytes: int = 0
    format: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a sync would ask of the embedder. Of `texts`, chunks and paths of `files`, so many are `known` already.

    `dollars` is None without a known price; `seconds` is the least that limits allow, None without any.
    """

    embedder: str
    is_remote: bool
    files: int = 0
    texts: int = 0
    known: int = 0
    requests: int = 0
    tokens: int = 0
    dollars: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """The state of a root's index, as `status` tells it. `redaction` is what it was built under: "off", or a policy."""

    root: str
    indexed: bool
    directory: str
    version: int = 0
    files: int = 0
    chunks: int = 0
    bytes_on_disk: int = 0
    embedder: str = ""
    languages: Mapping[str, int] = field(default_factory=dict)
    skipped: Sequence[Skipped] = ()
    pending: Mapping[str, int] = field(default_factory=dict)
    redaction: str = "off"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with an index. `kind` is a stable, short code; `path` is relative to the index's generation.

    Kinds: current, format, version, journal, aliases, missing, size, hash, unreadable, duplicate; leftover and hint are
    harmless: a crash left them, and the next writer sets them right.
    """

    kind: str
    path: str
    detail: str
    is_harmless: bool = False


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` looked at, and what is wrong. `files` belong to the index; so many were read whole."""

    version: int
    files: int
    files_read: int
    bytes_read: int
    problems: tuple[Problem, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong that matters."""
        return all(problem.is_harmless for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What tidying an index came to: versions and generations dropped, pieces of the table and bytes on disk."""

    versions_dropped: int
    pieces_before: int
    pieces_after: int
    bytes_before: int
    bytes_after: int
    seconds: float
    generations_dropped: int = 0


@dataclass(frozen=True, slots=True)
class Repair:
    """What was done to mend an index, in order. `outcome`: "clean" (nothing was wrong), "mended" (what is committed is
    sound again), "went-back" (to an earlier version: a sync brings it up to date) or "lost" (it must be made anew).
    """

    outcome: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Migration:
    """How an index came, or would come, to the format of now. `rows` and `vectors` are taken over as they are."""

    from_format: str
    to_format: str
    rows: int
    vectors: int
    bytes_needed: int
    generation: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """A declaration in one version of one file. `complexity` is cyclomatic; the span holds its doc comment too."""

    id: str
    path: str
    kind: str
    name: str
    signature: str
    start_line: int
    end_line: int
    start_byte: int
    end_byte: int
    complexity: int


@dataclass(frozen=True, slots=True)
class DeclarationDiff:
    """What became of one declaration; `old` is None if it was added, `new` if it was removed.

    `status` is the strongest of: added, removed, renamed, moved, modified. `parts` says what differs: "name", "file",
    "place" (what it stands in, or the order there), "signature", "value", "body", "members" (only in what is inside
    it), "comments". `with_parent`: the declaration around it has the same fate, so this one says nothing new.
    """

    status: str
    parts: tuple[str, ...]
    old: Site | None
    new: Site | None
    with_parent: bool = False


class NodeDiff(NamedTuple):
    """The top of a change in a syntax tree: the grammar's name of the node, and its bytes in both versions.

    `status` is added, removed, moved or modified (a leaf whose text differs).
    """

    status: str
    kind: str
    old: tuple[int, int] | None
    new: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What changed in a file between two versions. A path is empty where there is no file.

    `status` is added, removed, modified or renamed. `extent` says what the difference is in: "code", "comments" (only),
    "layout" (only white space), "none" (the bytes are equal), "text" (there is no syntax to compare) or "binary";
    `note` says why the text wasn't looked into, if it wasn't: "generated", "minified", "too-large", "unparsable" or
    another reason not to read it.

    A declaration that moved from another file is listed where it is now. `is_outside`: code between declarations
    differs; `outside_lines` are the spans of lines in the new version that hold some. `aliases` pair each old id with
    the new one, for all declarations that have another id now.
    """

    status: str
    old_path: str
    new_path: str
    language: str
    extent: str
    note: str = ""
    declarations: tuple[DeclarationDiff, ...] = ()
    is_outside: bool = False
    outside_lines: tuple[tuple[int, int], ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    nodes: tuple[NodeDiff, ...] = ()

    @property
    def path(self) -> str:
        """Where the file is, or was."""
        return self.new_path or self.old_path

    @property
    def counts(self) -> dict[str, int]:
        """How many declarations have each status; not those in whose members alone something differs."""
        statuses = [one.status for one in self.declarations if one.parts != ("members",)]
        return {status: statuses.count(status) for status in ("added", "removed", "modified", "moved", "renamed")}


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed between two revisions, or two files; `new` is empty for the files as they are on disk.

    `left_out` counts changed files that weren't compared, by reason. Files come sorted by path.
    """

    old: str
    new: str
    files: tuple[FileDiff, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeclarationQuery:
    """What is looked for in syntax trees. What is empty asks for nothing.

    `pattern` is a tree-sitter query. The others choose declarations: `kinds`, `name` (a glob for the qualified name or
    the last part of it), `inside` (the name, qualified or not, of a declaration around it), `over_complexity`,
    `changed_since` (a revision). `languages`, `include` and `exclude` choose files. `sort` is "path" or "complexity".
    """

    pattern: str = ""
    kinds: tuple[str, ...] = ()
    name: str = ""
    inside: str = ""
    over_complexity: int | None = None
    changed_since: str = ""
    languages: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    sort: str = "path"


class Capture(NamedTuple):
    """A node that a pattern captured."""

    name: str
    kind: str
    text: str
    start_line: int
    end_line: int
    start_byte: int
    end_byte: int


@dataclass(frozen=True, slots=True)
class Found:
    """A declaration that was asked for, or a match of a pattern with its captures and the declaration around it."""

    path: str
    language: str
    site: Site | None
    captures: tuple[Capture, ...] = ()


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What a query found. `is_complete` is False if there is more than the limit allowed.

    `files` are those that were looked into, `unparsed` those of a fitting language that have no tree.
    """

    found: tuple[Found, ...]
    is_complete: bool
    files: int
    unparsed: tuple[str, ...] = ()
