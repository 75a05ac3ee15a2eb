"""What do answers look like? The documents of `docs/json.md` as schemas, for OpenAPI; nothing is checked by them at run
time, as the documents are made by the same code for every frontend. Tests hold the two together.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

__all__ = [
    "Alive", "Diff", "Failure", "Hits", "Index", "Lines", "Outline", "Roots", "Status",
]  # fmt: skip

Bytes = list[int]


class Document(BaseModel):
    """What every document has."""

    schema_version: Literal[1] = Field(
        description="The version of these descriptions; keys may be added without notice."
    )
    ok: Literal[True] = Field(description="Whether it could be done; nothing found is `true`.")


class Error(BaseModel):
    """What went wrong."""

    code: str = Field(description="A stable word for programs, such as `usage` or `not-indexed`.")
    message: str = Field(description="One line for a person.")
    hint: str = Field("", description="What may help, if there is something to say.")


class Failure(BaseModel):
    """What is answered when it couldn't be done."""

    schema_version: Literal[1]
    ok: Literal[False]
    error: Error


class Alive(Document):
    """The server is there, or ready."""

    command: Literal["health", "ready"]


class Hit(BaseModel):
    """A place that answers."""

    id: str = Field(description="The id of the chunk: the same bytes at the same path have the same id anywhere.")
    path: str = Field(description="The file, relative to the root.")
    language: str
    kind: str = Field(description="What it is: a declaration's kind, `block`, `section` or `text`.")
    name: str = Field(description="Its qualified name, or empty.")
    signature: str = Field(description="How its declaration begins, or empty.")
    start_line: int = Field(ge=1, description="Its first line, counted from 1.")
    end_line: int = Field(ge=1, description="Its last line.")
    score: float = Field(
        ge=-1, le=1, description="Higher is better; for a search the calibrated chance that its file answers."
    )
    matched_lines: list[int] = Field(description="Lines of the file that speak to the question.")
    fresh: bool = Field(description="Whether the file still has the bytes that were indexed.")
    content_hash: str = Field(description="The BLAKE2b hash, 128 bits in hex, of the file as it was indexed.")
    text: str = Field(description="Its text, from `start_line` on.")
    cut: bool = Field(description="Whether the text ends before `end_line`.")
    reasons: dict[str, float] = Field({}, description="With `explain`: what each kind of evidence adds, most first.")


class Hits(Document):
    """The hits of a question, best first."""

    command: Literal["search", "related", "symbols"]
    root: str = Field(description="The absolute path of the root.")
    query: str = Field(description="The question, the name, or `path:line`.")
    index_version: int = Field(ge=0, description="The version of the index that answered.")
    notes: list[str] = Field(description="What limits the answer.")
    truncated: bool = Field(description="Whether hits, or lines of the last one's text, were left out to fit.")
    confidence: float | None = Field(description="For a search: the calibrated chance that there is an answer at all.")
    hits: list[Hit]


class Declaration(BaseModel):
    """Something that a file declares."""

    kind: str
    name: str = Field(description="Its qualified name.")
    signature: str = Field(description="How it begins.")
    doc: str = Field(description="Its documentation, or empty.")
    start_line: int = Field(ge=1)
    end_line: int = Field(ge=1)
    start_byte: int = Field(ge=0)
    end_byte: int = Field(ge=0)


class Outline(Document):
    """What a file declares, as it is now."""

    command: Literal["outline"]
    root: str
    path: str
    language: str
    fallback: str = Field(description="Why the file was cut by lines, or empty.")
    declarations: list[Declaration]


class Lines(Document):
    """Some lines of a file, as it is now."""

    command: Literal["lines"]
    root: str
    path: str
    language: str
    start_line: int = Field(ge=1)
    end_line: int = Field(ge=1, description="The last line that is given.")
    lines: int = Field(ge=1, description="How many lines the file has.")
    text: str = Field(description="The lines, without the last line break.")
    cut: bool = Field(description="Whether they were too many, or too long, to be given whole.")


class Skipped(BaseModel):
    """Something that is left out of an index, or cut by lines."""

    path: str
    reason: str = Field(description="A short, stable code.")
    detail: str


class Status(Document):
    """What an index holds, and what it lacks."""

    command: Literal["status"]
    root: str
    indexed: bool = Field(description="Whether there is an index that can answer.")
    directory: str = Field(description="Where the index is, or would be.")
    index_version: int = Field(ge=0)
    files: int = Field(ge=0)
    chunks: int = Field(ge=0)
    bytes_on_disk: int = Field(ge=0)
    embedder: str = Field(description="What made its vectors.")
    redaction: str = Field(
        description="What was painted over before it was stored: `off`, or the policy's fingerprint."
    )
    languages: dict[str, int] = Field(description="For each language, how many files.")
    pending: dict[str, int] = Field(description="How many files are `new`, `changed` and `deleted` since.")
    skipped: list[Skipped] = Field([], description="With `skipped`: what is left out, and why.")


class Progress(BaseModel):
    """How far a first index is; totals are 0 while they aren't known."""

    stage: str = Field(description="`walk`, `analyse`, `commit` or `index`.")
    files_done: int = Field(ge=0)
    files_total: int = Field(ge=0)
    bytes_done: int = Field(ge=0)
    bytes_total: int = Field(ge=0)


class ServedRoot(BaseModel):
    """A root that is served, and how its index is."""

    name: str = Field(description="What to call it by in `root`.")
    root: str = Field(description="Its absolute path.")
    phase: Literal["waiting", "indexing", "ready", "failing", "stopped"]
    has_answers: bool = Field(description="Whether there is a version to answer from.")
    progress: Progress | None = Field(description="How far a first index is, while it is made.")
    synced_at: float | None = Field(description="When it was last found or brought up to date, in seconds since 1970.")
    pending: int = Field(ge=0, description="Files that aren't up to date yet.")
    error: Error | None = Field(description="Why it isn't brought up to date any more.")
    notice: str = Field(description="What hinders the watch, or empty.")
    chunks: int = Field(ge=0)


class Roots(Document):
    """What is served."""

    command: Literal["roots"]
    roots: list[ServedRoot]


class Index(Document):
    """What bringing an index up to date came to."""

    command: Literal["index"]
    root: str
    directory: str
    index_version: int = Field(ge=0)
    committed: bool = Field(description="Whether the index was changed.")
    files: int = Field(ge=0)
    scanned: int = Field(ge=0)
    added: int = Field(ge=0)
    changed: int = Field(ge=0)
    touched: int = Field(ge=0)
    deleted: int = Field(ge=0)
    parsed: int = Field(ge=0)
    reused: int = Field(ge=0)
    chunks_embedded: int = Field(ge=0)
    chunks_reused: int = Field(ge=0)
    rows_written: int = Field(ge=0)
    aliases: int = Field(ge=0)
    pending: int = Field(ge=0, description="Files left for the next time, as the time was up.")
    bytes_read: int = Field(ge=0)
    seconds: float = Field(ge=0)
    causes: dict[str, int]
    reasons: dict[str, int]
    usage: dict[str, float]


class Site(BaseModel):
    """A declaration in one version of a file."""

    id: str
    path: str
    kind: str
    name: str
    signature: str
    start_line: int = Field(ge=1)
    end_line: int = Field(ge=1)
    start_byte: int = Field(ge=0)
    end_byte: int = Field(ge=0)
    complexity: int = Field(ge=0)


class ChangedDeclaration(BaseModel):
    """A declaration that differs."""

    status: Literal["added", "removed", "renamed", "moved", "modified"]
    parts: list[str] = Field(description="What differs: `name`, `file`, `place`, `signature`, `value`, `body`, …")
    with_parent: bool = Field(description="Whether the declaration around it has the same fate.")
    old: Site | None
    new: Site | None


class Alias(BaseModel):
    """An id that a declaration had, and the one that it has."""

    old: str
    new: str


class ChangedNode(BaseModel):
    """A node of a syntax tree that differs; `old` and `new` are its first byte and the one behind its last."""

    status: Literal["added", "removed", "moved", "modified"]
    kind: str
    old: Bytes | None
    new: Bytes | None


class ChangedFile(BaseModel):
    """A file that differs."""

    status: Literal["added", "removed", "modified", "renamed"]
    old_path: str
    new_path: str
    language: str
    extent: Literal["code", "comments", "layout", "none", "text", "binary"]
    note: str
    counts: dict[str, int]
    outside: bool
    outside_lines: list[list[int]] = Field([], description="Absent with `stat`.")
    declarations: list[ChangedDeclaration] = Field([], description="Absent with `stat`.")
    aliases: list[Alias] = Field([], description="Absent with `stat`.")
    nodes: list[ChangedNode] = Field([], description="Only with `nodes`.")


class Diff(Document):
    """What changed in meaning."""

    command: Literal["diff"]
    root: str
    old: str
    new: str
    files: list[ChangedFile]
    left_out: dict[str, int]
