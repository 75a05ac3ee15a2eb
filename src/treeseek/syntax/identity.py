"""Stable ids: pure functions of a file's path and bytes, so that a fresh look anywhere gives the same.

A declaration is known by its anchor (path, kind, qualified name, signature): its id survives every edit that leaves the
anchor alone. Where anchors collide, the hash of the content joins in; only identical twins need an ordinal. Any other
node is known by the declaration that it stands in, by its subtree, and by its place among equal ones there: its id
survives edits elsewhere, moved lines and reformatting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from treeseek.syntax.anchors import anchor, digest, file_id
from treeseek.syntax.hashes import mixed, subtree_hashes
from treeseek.syntax.parsed import Declared, ParsedFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NodeIds", "declaration_ids"]


def declaration_ids(path: str, declarations: Sequence[Declared]) -> list[str]:
    """Return an id for each declaration of a file, all different."""
    anchors = [anchor(path, one.kind, one.name, one.signature) for one in declarations]
    claims = Counter(anchors)
    seen: Counter[str] = Counter()
    ids = []
    for known_by, one in zip(anchors, declarations, strict=True):
        unit = digest(known_by if claims[known_by] == 1 else known_by + one.content.to_bytes(8, "little"))
        twin = seen[unit]
        seen[unit] += 1
        ids.append(digest(f"twin {unit} {twin}".encode()) if twin else unit)
    return ids


class NodeIds:
    """The ids of all nodes of one file: 16 hex digits each, or 24 for nodes that declare something.

    Raises:
        TreeError: the tree was loaded without its text.
    """

    def __init__(self, path: str, file: ParsedFile) -> None:
        self._file = file
        self._declared = declaration_ids(path, file.declarations)
        self._row_of = {name: one.row for name, one in zip(self._declared, file.declarations, strict=True)}
        self._id_of = {row: name for name, row in reversed(self._row_of.items())}
        self._path = path
        self._hashes = subtree_hashes(file.tree).subtree

    def of(self, row: int) -> str:
        """Return the id of the node in a row."""
        return self._id_of.get(row) or f"{int(self._numbers[row]):016x}"

    def find(self, name: str) -> int | None:
        """Return the row of the node with an id, or None."""
        if name in self._row_of:
            return self._row_of[name]
        try:
            number = np.uint64(int(name, 16))
        except (ValueError, OverflowError):
            return None
        rows = np.flatnonzero(self._numbers == number)
        return int(rows[0]) if len(rows) == 1 and len(name) == 16 else None

    @cached_property
    def _numbers(self) -> NDArray[np.uint64]:
        """A number for every row, from its owner, its subtree, and its ordinal among those equal in both."""
        keys = mixed(self._hashes ^ self._owners())
        order = np.argsort(keys, kind="stable")
        ranked = keys[order]
        is_first = np.concatenate(([True], ranked[1:] != ranked[:-1])) if len(keys) else np.ones(0, np.bool_)
        places = np.arange(len(keys))
        ordinal = np.empty(len(keys), np.uint64)
        ordinal[order] = places - np.maximum.accumulate(np.where(is_first, places, 0))
        return mixed(keys + ordinal)

    def _owners(self) -> NDArray[np.uint64]:
        """Return for each row a number that stands for the innermost declaration around it, or for the file."""
        tree = self._file.tree
        owners = np.full(len(tree), int(file_id(self._path)[:16], 16), np.uint64)
        for name, one in zip(self._declared, self._file.declarations, strict=True):  # what is inside comes later
            owners[one.row : one.row + int(tree.size[one.row])] = int(name[:16], 16)
        return owners
