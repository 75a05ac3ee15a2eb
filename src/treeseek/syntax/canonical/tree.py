"""The canonical tree: what a text says, in kinds that all languages share, as columns over its syntax tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from treeseek.syntax.canonical.kinds import CanonicalKind
from treeseek.syntax.canonical.values import comment_text, literal, number, operator, string_text
from treeseek.syntax.tree import NAMED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from treeseek.syntax.tree import SyntaxTree

__all__ = ["NAMED_KINDS", "OPERATOR_FIELDS", "CanonicalTree"]

_K = CanonicalKind

NAMED_KINDS = frozenset(
    {
        _K.FUNCTION, _K.METHOD, _K.CLASS, _K.INTERFACE, _K.STRUCT, _K.ENUM, _K.ENUM_MEMBER, _K.TYPE_ALIAS, _K.NAMESPACE,
        _K.FIELD, _K.VARIABLE, _K.CONSTANT, _K.MACRO, _K.PARAMETER, _K.DECORATOR, _K.MEMBER, _K.CALL, _K.ARGUMENT,
        _K.NEW, _K.LAMBDA, _K.LABEL, _K.GOTO, _K.BREAK, _K.CONTINUE,
    }
)  # fmt: skip
"""What has a name: a leaf inside it, which is its value and no node of its own."""

_LEAVES = (NAMED_KINDS - {_K.BREAK, _K.CONTINUE, _K.GOTO}) | {
    _K.NAME,
    _K.PAIR,
    _K.ERROR,
    _K.TYPE,
    _K.IMPORT,
    _K.MODIFIER,
    _K.REGEX,
    _K.DIRECTIVE,
}
"""What reads as its text where nothing is inside it."""

OPERATOR_FIELDS = frozenset({"operator", "op", "operation"})
"""The fields of operators: a grammar may make them named nodes, but they are their expression's value."""

_OPERATORS = frozenset({_K.UNARY, _K.BINARY, _K.ASSIGNMENT})
_COMMENTS = frozenset({_K.LINE_COMMENT, _K.BLOCK_COMMENT, _K.DOC_COMMENT})

_UNTYPED = np.zeros(256, bool)
_UNTYPED[[_K.TYPE, _K.TYPE_PARAMETERS, _K.TYPE_ARGUMENTS, _K.MODIFIER]] = True


class CanonicalTree:
    """The canonical form of one syntax tree. Read-only.

    Columns, one value a node, in pre-order: `kind` (uint8, a CanonicalKind), `node` (int32, the row of `tree` that it
    stands for; a wrapper stands for the row that it is put around), `size` (int32, nodes of the subtree, itself
    included), `depth` (int32, the root's is 0).
    """

    def __init__(
        self,
        tree: SyntaxTree,
        operators: Mapping[str, str],
        *,
        kind: NDArray[np.uint8],
        node: NDArray[np.int32],
        size: NDArray[np.int32],
        depth: NDArray[np.int32],
        name: NDArray[np.int32],
        wrappers: NDArray[np.int32],
    ) -> None:
        self.tree = tree
        self.kind = kind
        self.node = node
        self.size = size
        self.depth = depth
        self._operators = operators
        self._name = name
        self._wrappers = wrappers
        for column in (kind, node, size, depth, name, wrappers):
            column.setflags(write=False)

    def __len__(self) -> int:
        return len(self.kind)

    def __repr__(self) -> str:
        return f"<CanonicalTree {self.tree.language}, {len(self)} nodes>"

    def __eq__(self, other: object) -> bool:
        """Compare what is said, with types, whatever the language and the layout of the text."""
        if not isinstance(other, CanonicalTree):
            return NotImplemented
        return (
            np.array_equal(self.kind, other.kind)
            and np.array_equal(self.size, other.size)
            and all(self.value(at) == other.value(at) for at in range(len(self)))
        )

    __hash__ = None  # type: ignore[assignment]

    def value(self, at: int) -> str:
        """Return what a node says beside its kind, "" if nothing, or if the tree has lost its source.

        The name of what has one; the operator of a BINARY, UNARY or ASSIGNMENT; the text of a string or comment
        without its marks; a number in lower case without separators and suffix; "true" or "false".
        """
        kind = CanonicalKind(int(self.kind[at]))
        if self.tree.source is None or self._is_wrapper(at):
            return ""
        row, named = int(self.node[at]), int(self._name[at])
        if kind in _OPERATORS:
            tokens = self._tokens(row)
            return operator([*tokens, self._text(named)] if named >= 0 else tokens, self._operators)
        if named >= 0:
            return self._text(named)
        if kind in _COMMENTS:
            return comment_text(self._text(row))
        if kind is _K.STRING:
            return string_text(self._text(row))
        if kind is _K.NUMBER:
            return number(self._text(row))
        if kind is _K.BOOLEAN:
            return literal(self._text(row))
        reads = kind in _LEAVES and (kind in NAMED_KINDS or self.size[at] == 1)
        text = self._text(row) if reads and self._is_leaf(row) else ""
        return text.rstrip(": ") if kind is _K.NAME else text

    def outline(self, *, types: bool = True) -> str:
        """Return the tree as text: a line a node, indented by depth, with its value.

        Without `types` it is what programs in different languages have in common: types and their parameters and
        arguments, modifiers, and a package's name for itself (a NAMESPACE with nothing in it) are left out.
        """
        lines = []
        skip_to = 0
        for at in range(len(self)):
            if at < skip_to:
                continue
            kind = CanonicalKind(int(self.kind[at]))
            if not types and (_UNTYPED[kind] or (kind is _K.NAMESPACE and self._is_empty(at))):
                skip_to = at + int(self.size[at])
                continue
            value = self.value(at)
            shown = repr(value) if kind is _K.STRING or kind in _COMMENTS else value
            lines.append("  " * int(self.depth[at]) + kind.name + (f" {shown}" if shown else ""))
        return "\n".join(lines) + "\n"

    def _is_empty(self, at: int) -> bool:
        inside = self.kind[at + 1 : at + int(self.size[at])]
        return bool(np.isin(inside, (_K.NAME, _K.MEMBER)).all())

    def _is_wrapper(self, at: int) -> bool:
        found = int(np.searchsorted(self._wrappers, at))
        return found < len(self._wrappers) and int(self._wrappers[found]) == at

    def _is_leaf(self, row: int) -> bool:
        """Tell whether a row has nothing inside it, but for a token that is all of it: a keyword used as a name."""
        tree = self.tree
        size = int(tree.size[row])
        if size == 2 and not tree.flags[row + 1] & NAMED:
            return bool(tree.start[row + 1] == tree.start[row] and tree.end[row + 1] == tree.end[row])
        return size == 1

    def _text(self, row: int) -> str:
        return self.tree.text(row).decode("utf-8", "replace")

    def _tokens(self, row: int) -> list[str]:
        """Return the texts of a row's direct children that are tokens, or that a grammar names but are operators."""
        flags, field, fields = self.tree.flags, self.tree.field, self.tree.vocabulary.fields
        return [
            self._text(child)
            for child in self.tree.children(row)
            if not flags[child] & NAMED or fields[field[child]] in OPERATOR_FIELDS
        ]
