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
from treeseek.syntax.languages import Comments, Language
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

    def take(self, other: Item) -> None:
        """Become what another pattern says of the same name."""
        self.kind, self.name, self.pattern, self.node = other.kind, other.name, other.pattern, other.node
        self.start, self.end, self.head, self.body = other.start, other.end, other.head, other.body


_position = attrgetter("start")


def collect(grammar: Grammar, root: Node, data: bytes, docstrings: bool = True) -> list[Item]:
    """Return the top-level items of a tree, in order, with their children; docstrings aren't looked for if not told."""
    top: list[Item] = []
    attributes: dict[int, int] = {}
    stack: list[_Visit] = [(root, None, False, 0)]
    kinds, matches = grammar.kinds, grammar.cursor.matches
    while stack:
        node, owner, local, depth = stack.pop()
        here: dict[int, Item] = {}
        entered = {node.id}
        for pattern, captures in matches(node):
            kind = kinds.get(pattern)
            if kind is None:
                kind = kinds[pattern] = next((name for name in captures if name in _ROLES), "")
            within = owner
            if kind == "attribute":
                start, end = captures["attribute"][0].byte_range
                attributes[end] = start
                continue
            if kind:
                found = _item(grammar, data, pattern, kind, captures, owner, local)
                if found is None:
                    continue
                within = here.setdefault(found.name_byte, found)
                if within is not found and pattern < within.pattern:
                    within.take(found)
            if depth < MAX_NESTING:
                if "in" in captures:
                    _enter(captures["in"], entered, stack, (within, local, depth + 1))
                if "local" in captures:
                    _enter(captures["local"], entered, stack, (within, True, depth + 1))
        (top if owner is None else owner.children).extend(here.values())
    _finish(top, grammar.language, data, attributes, docstrings and grammar.language.docstring)
    return top


_Visit = tuple["Node", Item | None, bool, int]
"""A container to look into: its node, what it is inside of, whether that is a function's body, and how deep it is."""


def _enter(nodes: list[Node], entered: set[int], stack: list[_Visit], context: tuple[Item | None, bool, int]) -> None:
    """Put on the stack the nodes to look into that aren't there yet."""
    for node in nodes:
        if node.id not in entered:
            entered.add(node.id)
            stack.append((node, *context))


def _item(
    grammar: Grammar,
    data: bytes,
    pattern: int,
    kind: str,
    captures: Mapping[str, list[Node]],
    owner: Item | None,
    local: bool,
) -> Item | None:
    """Return the item of a match, or None if it is no declaration after all."""
    node = captures[kind][0]
    if kind == "keyword":
        start, end = node.byte_range
        kind = grammar.keywords.get(data[start:end], "")
        if not kind:
            return None
        node = captures["definition"][0]
    if local and kind in _VALUES:
        return None
    head, end = node.byte_range
    if end > head and data[end - 1] <= 32:
        end = _without_tail(data, head, end, grammar.language.comments)
    if end <= head:
        return None  # the parser made it up, to go on after an error; so it does with names
    start = name_start = head
    name, is_member = "", False
    named = captures.get("name")
    if named:
        name_start, name_end = named[0].byte_range
        if name_end == name_start:
            return None
        name, is_member = plain_name(data[name_start:name_end])
    if "owner" in captures:
        of = captures["owner"][0]
        name = f"{plain_name(data[of.start_byte : of.end_byte])[0].rstrip('?')}.{name}"
        is_member = True
    elif kind == SCOPE and is_member:
        name = name.rpartition(".")[2]  # `impl fmt::Display for shapes::Point` is about Point
    if owner is not None:
        name = f"{owner.name}.{name}"
        is_member = is_member or (not local and owner.kind in _TYPES)
    if is_member and kind == "function":
        kind = "method"
    if "head" in captures:
        head = captures["head"][0].start_byte
    bodies = captures.get("body")
    body = min(bodies[0].start_byte, end) if bodies else end
    return Item(kind, name, start, end, name_start, head, body, node, pattern)


def _without_tail(data: bytes, start: int, end: int, comments: Comments) -> int:
    """Return where a declaration from `start` ends if blank lines and comments after it don't belong to it.

    Where indentation ends a body, the parser sees that only at the next token. Comments that are indented deeper than
    the declaration are of its body.
    """
    column = start - data.rfind(b"\n", 0, start)
    while True:
        end = start + len(data[start:end].rstrip())
        line_start = data.rfind(b"\n", start, end) + 1
        if not line_start:
            return end
        line = data[line_start:end].lstrip()
        opening = end - len(line)
        if not line.startswith(comments.line):
            if not line.endswith(comments.closing):
                return end
            opening = data.rfind(comments.opening, start, end)
            line_start = data.rfind(b"\n", start, opening) + 1
            if opening < 0 or not line_start or data[line_start:opening].strip():
                return end
        if opening - line_start >= column:
            return end
        end = opening


def _finish(top: list[Item], language: Language, data: bytes, attributes: Mapping[int, int], docstrings: bool) -> None:
    """Order all items, give them their documentation and attributes, and merge clauses."""
    comments = language.comments
    stack: list[tuple[list[Item], int]] = [(top, 0)]
    while stack:
        items, floor = stack.pop()
        if len(items) > 1:
            items.sort(key=_position)
        for item in items:
            item.start, item.doc = documented_from(data, item.start, floor, comments, attributes)
            if docstrings and item.body < item.end:
                item.doc = docstring(data, item.body, item.end) or item.doc
            if item.end > floor:
                floor = item.end
            if item.children:
                stack.append((item.children, item.head))
        if language.merge_clauses and len(items) > 1:
            items[:] = _merged(items, data)


def _merged(items: list[Item], data: bytes) -> list[Item]:
    """Join neighbouring functions of one name: the equations or overloads of one function."""
    kept = items[:1]
    for item in items[1:]:
        last = kept[-1]
        is_same = item.name == last.name and item.kind == last.kind and item.kind in _CALLABLE
        if is_same and not data[last.end : item.start].strip():
            last.end = item.end
            last.children += item.children
            last.doc = last.doc if last.doc[1] else item.doc
        else:
            kept.append(item)
    return kept
