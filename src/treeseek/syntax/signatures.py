"""The header of a declaration in one line: from its first keyword up to its body, without comments and annotations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from treeseek.syntax.declarations import Item
from treeseek.syntax.languages import Language

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["MAX_SIGNATURE_CHARS", "signature"]

MAX_SIGNATURE_CHARS = 200
_MAX_BYTES = 3 * MAX_SIGNATURE_CHARS

_MAY_LEAD = frozenset(b"@#[/")
"""First bytes of headers that may begin with something else."""
_LEADING = re.compile(
    rb"""\s+ | //[^\n]* | /\*[\s\S]*?\*/
    | \#(?:if|elif|else|endif|region|pragma)\b[^\n]*
    | (?P<name>@(?!interface\b)[^\W\d][\w.:]*)
    | (?P<brackets>\#\[|\[\[)""",
    re.VERBOSE,
)
_BRACKET = ord("[")
_BRACKETS = re.compile(rb"\"\"\"[\s\S]*?\"\"\"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|[()\[\]]")


def signature(data: bytes, item: Item, language: Language) -> str:
    """Return the header of a declaration or scope, at most MAX_SIGNATURE_CHARS long."""
    head, body = item.head, item.body
    if head < body and data[head] in _MAY_LEAD:
        head = _after_annotations(data, head, body, language)
    if body - head > _MAX_BYTES:
        body = head + _MAX_BYTES
    raw = data[head:body]
    comments = language.comments
    for mark in comments.line:
        if mark in raw:
            raw = _without_comments(data, item.node, head, body)
            break
    else:
        if comments.opening and comments.opening in raw:
            raw = _without_comments(data, item.node, head, body)
    if b"\n" in raw and item.kind in ("constant", "variable"):
        raw = raw.lstrip().partition(b"\n")[0]
    if b"\n" in raw or b"  " in raw or b"\t" in raw:
        raw = b" ".join(raw.split())
    return raw.rstrip(b"\r {=:").decode("utf-8", "replace")[:MAX_SIGNATURE_CHARS]


def _after_annotations(data: bytes, start: int, end: int, language: Language) -> int:
    """Return where the header from `start` to `end` goes on after comments, attributes and annotations."""
    at = start
    is_csharp = language.name == "csharp"  # elsewhere one bracket begins a name: `[Symbol.iterator]()`
    while at < end:
        match = _LEADING.match(data, at, end)
        if match is None:
            if not is_csharp or data[at] != _BRACKET:
                return at
            after = _closed(data, at, end)
        elif match["name"]:
            after = match.end()
            if data[after : after + 1] == b"(":
                after = _closed(data, after, end)
        elif match["brackets"]:
            after = _closed(data, at, end)
        else:
            after = match.end()
        if after <= at:
            break
        at = after
    return start  # nothing else is there


def _closed(data: bytes, start: int, end: int) -> int:
    """Return where the first bracket from `start` on is closed, or -1."""
    depth = 0
    for match in _BRACKETS.finditer(data, start, end):
        token = match[0]
        if token in (b"(", b"["):
            depth += 1
        elif token in (b")", b"]"):
            depth -= 1
            if not depth:
                return match.end()
    return -1


def _without_comments(data: bytes, node: Node, start: int, end: int) -> bytes:
    """Return data[start:end] without the comments in it, which are looked for in the tree: strings have such marks."""
    found: list[tuple[int, int]] = []
    stack = [node]
    while stack:
        parent = stack.pop()
        for child in parent.children:
            begin, stop = child.byte_range
            if begin >= end:
                break
            if "comment" in child.type:
                found.append((begin, stop))
            elif stop > start and child.child_count:
                stack.append(child)
    kept, at = b"", start
    for begin, stop in sorted(found):
        if begin >= at:
            kept += data[at:begin]
            at = stop
    return kept + data[at:end]
