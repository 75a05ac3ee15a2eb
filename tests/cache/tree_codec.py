"""A codec of real syntax trees, over tree-sitter; also imported by the processes that tests start."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass

from tree_sitter import Tree

from treeseek.cache import Budgets, TreeCache
from treeseek.syntax import codec as stored
from treeseek.syntax.columns import to_columns
from treeseek.syntax.grammars import load, parse, vocabulary
from treeseek.syntax.tree import SyntaxTree

NODE_BYTES = 106
"""What a node takes in the parser's tree, by tracemalloc over 838,000 nodes of Python."""
BLOCK_BYTES = 96
"""What a block takes that the parser asks Python's allocator for: 1.15 of them make a node."""
COLUMN_BYTES = 112
TREE_BYTES = 600
"""A SyntaxTree's own object with its dictionary."""


def content_hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Parsed:
    """A live tree, the bytes it is of, its language, and what the allocator gave for it."""

    tree: Tree
    data: bytes
    language: str
    nbytes: int


class SyntaxCodec:
    """Implements TreeCodec[Parsed, SyntaxTree]; counts parses for the tests."""

    def __init__(self) -> None:
        self.parsed: list[bytes] = []

    def fingerprint(self, language: str) -> bytes:
        names = vocabulary(language)
        return b"%d %s %s" % (stored.FORMAT_VERSION, names.version.encode(), names.digest)

    def parse(self, data: bytes, language: str) -> Parsed | None:
        self.parsed.append(data)
        if b"\0unparsable" in data:
            return None
        blocks = sys.getallocatedblocks()
        tree = parse(load(language), data, 10.0)
        if tree is None:
            return None
        return Parsed(tree, data, language, self._measured(tree, sys.getallocatedblocks() - blocks))

    @staticmethod
    def _measured(tree: Tree, blocks: int) -> int:
        """Return what the allocator gave, unless another thread's use of it makes that unbelievable.

        tree-sitter's binding allocates through Python's allocator, whose small blocks mallinfo doesn't see.
        """
        expected = NODE_BYTES * tree.root_node.descendant_count
        measured = BLOCK_BYTES * blocks
        return measured if 0.6 * expected <= measured <= 1.6 * expected else expected

    def reparse(self, live: Parsed, data: bytes) -> Parsed | None:
        """Parse incrementally, or as a whole where the text has errors: there the two may differ."""
        prefix = _common(live.data, data)
        suffix = _common(live.data[prefix:][::-1], data[prefix:][::-1])
        old_end, new_end = len(live.data) - suffix, len(data) - suffix
        edited = live.tree.copy()
        edited.edit(
            prefix, old_end, new_end, _point(live.data, prefix), _point(live.data, old_end), _point(data, new_end)
        )
        tree = load(live.language).parser.parse(data, edited)
        if tree.root_node.has_error:
            return self.parse(data, live.language)
        # What was allocated is only what is new; the whole takes as much a node as before.
        nodes = max(live.tree.root_node.descendant_count, 1)
        return Parsed(tree, data, live.language, live.nbytes * tree.root_node.descendant_count // nodes)

    def columns(self, live: Parsed) -> SyntaxTree:
        return to_columns(live.tree, live.language, None)

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

    def live_nbytes(self, live: Parsed) -> int:
        return live.nbytes + sys.getsizeof(live.data)


def _common(first: bytes, second: bytes) -> int:
    """Return the length of the common prefix, by halving: comparing slices is a thousand times a loop's speed."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _point(data: bytes, offset: int) -> tuple[int, int]:
    return data.count(b"\n", 0, offset), offset - (data.rfind(b"\n", 0, offset) + 1)


Cache = TreeCache[Parsed, SyntaxTree]


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
