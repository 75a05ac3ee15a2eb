"""A codec of real syntax trees, over tree-sitter; also imported by the processes that tests start."""

from __future__ import annotations

import hashlib
import sys

from treeseek.cache import Budgets, TreeCache
from treeseek.indexing.trees import without_source
from treeseek.syntax import codec as stored
from treeseek.syntax.columns import to_columns
from treeseek.syntax.grammars import load, parse, vocabulary
from treeseek.syntax.live import LiveFile, parse_live, reparse
from treeseek.syntax.parsed import ParsedFile
from treeseek.syntax.tree import SyntaxTree

COLUMN_BYTES = 112
TREE_BYTES = 600
"""A SyntaxTree's own object with its dictionary."""


def content_hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


class SyntaxCodec:
    """Implements TreeCodec[LiveFile, SyntaxTree]; counts parses for the tests."""

    def __init__(self) -> None:
        self.parsed: list[bytes] = []

    def fingerprint(self, language: str) -> bytes:
        names = vocabulary(language)
        return b"%d %s %s" % (stored.FORMAT_VERSION, names.version.encode(), names.digest)

    def parse(self, data: bytes, language: str) -> LiveFile | None:
        self.parsed.append(data)
        if b"\0unparsable" in data:
            return None
        return parse_live(data, language, deadline_seconds=10.0)

    def reparse(self, live: LiveFile, data: bytes) -> LiveFile | None:
        return reparse(live, data, deadline_seconds=10.0)

    def columns(self, live: LiveFile) -> SyntaxTree:
        return without_source(ParsedFile(live.columns)).tree

    def encode(self, tree: SyntaxTree, content_hash: str) -> bytes:
        return stored.encode(tree, content_hash)

    def decode(self, data: bytes, content_hash: str) -> SyntaxTree:
        return stored.decode(data, content_hash)

    def nbytes(self, tree: SyntaxTree) -> int:
        total = TREE_BYTES
        for column in (*tree.columns, tree.__dict__.get("depth"), tree.__dict__.get("parent")):
            if column is not None:
                owner = column.base if column.base is not None else column
                total += COLUMN_BYTES + max(column.nbytes, sys.getsizeof(owner) - COLUMN_BYTES)
        return total

    def live_nbytes(self, live: LiveFile) -> int:
        return live.nbytes + sys.getsizeof(b"")


Cache = TreeCache[LiveFile, SyntaxTree]


def fresh(data: bytes, language: str = "python") -> SyntaxTree:
    """Return the tree that the cache must give, made without it."""
    tree = parse(load(language), data, 10.0)
    assert tree is not None
    return to_columns(tree, language, None)


def program(number: int, functions: int = 6) -> bytes:
    """Return a small program, different for each number."""
    return "".join(
        f"def step_{number}_{i}(value, other={i}):\n    total = value + {number}\n    return [total * other, {i}]\n\n"
        for i in range(functions)
    ).encode()


KIB = 1024
SMALL = Budgets(hot=64 * KIB, warm=48 * KIB, cold=16 * KIB, frozen=8 << 20)
