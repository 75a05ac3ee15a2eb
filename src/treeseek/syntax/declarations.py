"""The declarations of a parsed file, as a tree of items: which nodes declare something, and what they are called.

The query of the language says what declares, and what to look into; nothing else is visited. Its captures:

    @function @method @class ...   a declaration of that kind (model.DECLARATION_KINDS)
    @scope                         not a declaration, but what is inside belongs to its @name (`impl Foo`)
    @name, @owner                  its name; the type it belongs to where the header says so (`func (t *T) f`)
    @body                          where its header ends; @head: where it begins, if not with the declaration
    @in, @local                    look among the children of this node; in a @local one, the body of a function,
                                   constants and variables are not declarations
    @attribute                     belongs to the declaration after it
    @keyword                       the word that decides the kind (Language.keywords), where definitions are calls

Where two patterns give the same name, the first in the file of the query decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

from treeseek.model import DECLARATION_KINDS
from treeseek.syntax.documentation import docstring, documented_from
from treeseek.syntax.grammars import Grammar
from treeseek.syntax.qualify import plain_name

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["SCOPE", "Item", "collect"]

MAX_NESTING = 48
"""How many containers deep declarations are looked for; also bounds the depth of the items."""
SCOPE = "scope"
"""The kind of an item that is no declaration."""

_TYPES = frozenset({"class", "interface", "struct", "enum", "type", SCOPE})
_CALLABLE = frozenset({"function", "method"})
_VALUES = frozenset({"constant", "variable"})
_ROLES = frozenset({*DECLARATION_KINDS, SCOPE, "attribute", "keyword"})


@dataclass(slots=True, eq=False)
class Item:
    """A declaration, or a scope that is none, with what is inside it.

    `start` to `end` are its bytes, with its doc comment and attributes; `head` to `body` is its header, and
    `name_byte` is where its name stands. `doc` is the span of its documentation. `index` is its number among the
    declarations of the file, -1 for a scope.
    """

    kind: str
    name: str
    start: int
    end: int
    name_byte: int
    head: int
    body: int
    node: Node
    pattern: int
    children: list[Item] = field(default_factory=list)
    doc: tuple[int, int] = (0, 0)
    index: int = -1


def collect(grammar: Grammar, root: Node, data: bytes) -> list[Item]:
    """Return the top-level items of a tree, in order, with their children."""
    top: list[Item] = []
    attributes: dict[int, int] = {}
    stack: list[tuple[Node, Item | None, bool, int]] = [(root, None, False, 0)]
    kinds, matches = grammar.kinds, grammar.cursor.matches
    while stack:
        node, owner, local, depth = stack.pop()
        here: dict[int, Item] = {}
        for pattern, captures in matches(node):
            kind = kinds.get(pattern)
            if kind is None:
                kind = kinds[pattern] = next((name for name in captures if name in _ROLES), "")
            inner_owner = owner
            if kind == "attribute":
                attribute = captures["attribute"][0]
                attributes[attribute.end_byte] = attribute.start_byte
                continue
            if kind:
                found = _item(grammar, data, pattern, kind, captures, owner, local)
                if found is None:
                    continue
                inner_owner = _place(found, here, top if owner is None else owner.children)
            if depth < MAX_NESTING and ("in" in captures or "local" in captures):
                for role, is_local in (("in", local), ("local", True)):
                    for inner in captures.get(role, ()):
                        if inner.id != node.id:
                            stack.append((inner, inner_owner, is_local, depth + 1))
    _finish(top, grammar, data, attributes)
    return top


def _item(
    grammar: Grammar, data: bytes, pattern: int, kind: str, captures: Mapping[str, list[Node]], owner: Item | None, local: bool
) -> Item | None:  # fmt: skip
    """Return the item of a match, or None if it is no declaration after all."""
    node = captures[kind][0]
    if kind == "keyword":
        word = node
        node = captures["definition"][0]
        kind = grammar.keywords.get(data[word.start_byte : word.end_byte], "")
        if not kind:
            return None
    if local and kind in _VALUES:
        return None
    start, end = node.byte_range
    named = captures.get("name")
    name_start, name_end = named[0].byte_range if named else (start, start)
    name, is_member = plain_name(data[name_start:name_end])
    of = captures.get("owner")
    if of:
        name = f"{plain_name(data[of[0].start_byte : of[0].end_byte])[0]}.{name}"
    if owner is not None:
        name = f"{owner.name}.{name}"
    if kind == "function" and (of or is_member or (owner is not None and not local and owner.kind in _TYPES)):
        kind = "method"
    head = captures["head"][0].start_byte if "head" in captures else start
    body = captures["body"][0].start_byte if "body" in captures else end
    return Item(kind, name, start, end, name_start, head, body, node, pattern)


def _place(found: Item, here: dict[int, Item], siblings: list[Item]) -> Item:
    """Add an item to its siblings unless another pattern gave it already; return the one that stands."""
    known = here.get(found.name_byte)
    if known is None:
        here[found.name_byte] = found
        siblings.append(found)
        return found
    if found.pattern < known.pattern:
        known.kind, known.name, known.pattern = found.kind, found.name, found.pattern
        known.start, known.end, known.node = found.start, found.end, found.node
        known.head, known.body = found.head, found.body
    return known


def _finish(top: list[Item], grammar: Grammar, data: bytes, attributes: Mapping[int, int]) -> None:
    """Order all items, give them their documentation and attributes, and merge clauses."""
    comments = grammar.language.comments
    stack: list[tuple[list[Item], int]] = [(top, 0)]
    while stack:
        items, floor = stack.pop()
        if len(items) > 1:
            items.sort(key=attrgetter("start", "name_byte"))
        for item in items:
            item.start, item.doc = documented_from(data, item.start, floor, comments, attributes)
            if grammar.language.docstring and item.body < item.end:
                item.doc = docstring(data, item.body, item.end) or item.doc
            floor = max(floor, item.end)
        if grammar.language.merge_clauses and len(items) > 1:
            items[:] = _merged(items, data)
        stack += [(item.children, item.head) for item in items if item.children]


def _merged(items: list[Item], data: bytes) -> list[Item]:
    """Join neighbouring functions of one name: the equations or overloads of one function."""
    kept: list[Item] = []
    for item in items:
        last = kept[-1] if kept else None
        if (
            last is not None
            and item.name == last.name
            and item.kind == last.kind
            and item.kind in _CALLABLE
            and not data[last.end : item.start].strip()
        ):
            last.end = item.end
            last.children += item.children
            last.doc = last.doc if last.doc[1] else item.doc
        else:
            kept.append(item)
    return kept
