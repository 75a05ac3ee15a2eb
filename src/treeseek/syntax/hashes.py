"""Hashes of all subtrees at once, from the columns: equal structure and text, wherever it stands, has equal hashes.

In pre-order a subtree is a run of rows, and rows with their sizes spell a tree unambiguously; so hashing a subtree is
hashing a run of tokens. With polynomial hashes every run's hash follows from prefix sums (Karp and Rabin 1987):

    prefix[i] = Σ token[j]·B^j for j < i          hash of rows i to k = (prefix[k] - prefix[i])·B^-i      modulo 2^64

White space is in no token, nor is where things stand: moving or reformatting changes no hash. The hashes are made to
find equals, not to withstand those who make collisions: who relies on equality compares the tokens too (see `Hashes`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from treeseek.errors import TreeError
from treeseek.syntax.tree import SyntaxTree
from treeseek.tokens import RADIX, powers_of_radix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from treeseek.syntax.grammars import Vocabulary

    Words = NDArray[np.uint64]

__all__ = ["Hashes", "mixed", "subtree_hashes"]

_PLAIN_BYTES = 32
"""Leaves longer than this are hashed one by one."""
_SHIFT_30, _SHIFT_27, _SHIFT_31 = np.uint64(30), np.uint64(27), np.uint64(31)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_TEXT = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True, slots=True)
class Hashes:
    """Of a tree, by row, all uint64: its tokens and the hash of its subtree.

    `own` is of what a node itself is: kind, flags, size and, for a leaf, text; `token` of that and the field which it
    fills; `shallow` of kind and text alone, whatever is inside. `subtree` leaves out which field the subtree's root
    fills, so that it means the same elsewhere. `prefix` and `place` are what runs are hashed from.
    """

    shallow: Words
    own: Words
    token: Words
    subtree: Words
    prefix: Words
    place: NDArray[np.int64]

    def run(self, first: int, last: int, without: int = -1) -> int:
        """Return the hash of the rows from `first` to before `last`, as if row `without` had no text.

        So a declaration has a hash that stays when it is renamed.
        """
        powers, inverses = _powers(len(self.prefix))
        start = int(self.place[first])
        total = int(self.prefix[last]) - int(self.prefix[first])
        if first <= without < last:
            total -= int(self.token[without]) * int(powers[self.place[without]])
        return total * int(inverses[start]) % (1 << 64)


def subtree_hashes(tree: SyntaxTree, *, comments: bool = True) -> Hashes:
    """Return the hashes of all subtrees of a tree that has its source; about 50 ns a node.

    Without `comments`, comments count as if they weren't there: equal hashes then mean equal code. (A comment's own
    hash is 0.)

    Raises:
        TreeError: the tree was loaded without its text.
    """
    if tree.source is None:
        raise TreeError("hashes need the text of a tree; attach it with `with_source`")
    rows = len(tree)
    place = np.arange(rows + 1)
    ends = place[:-1] + tree.size
    size = tree.size
    if not comments:
        kept = ~_in_comments(tree)
        np.cumsum(kept, out=place[1:])
        size = (place[ends] - place[:-1]).astype(np.int32)
    shallow = (tree.kind | tree.flags.astype(np.uint64) << np.uint64(16)) * _MIX_2
    leaf = (tree.size == 1).nonzero()[0]
    shallow[leaf] ^= _texts(tree.source, tree.start[leaf], tree.end[leaf])
    own = mixed(shallow + size.astype(np.uint64) * _TEXT)
    role = tree.field.astype(np.uint64) * _MIX_1
    token = own + role
    if not comments:
        own[~kept] = role[~kept] = token[~kept] = 0
    powers, inverses = _powers(rows + 1)
    prefix = np.zeros(rows + 1, np.uint64)
    np.add.accumulate(token * powers[place[:-1]], out=prefix[1:])
    subtree = (prefix[ends] - prefix[:-1]) * inverses[place[:-1]] - role
    return Hashes(shallow, own, token, subtree, prefix, place)


def _in_comments(tree: SyntaxTree) -> NDArray[np.bool_]:
    """Tell which rows are comments, or inside one."""
    comment = np.flatnonzero(_comment_kinds(tree.vocabulary)[tree.kind])
    edges = np.bincount(comment, minlength=len(tree) + 1) - np.bincount(
        comment + tree.size[comment], minlength=len(tree) + 1
    )
    return np.cumsum(edges)[:-1] > 0


@lru_cache(maxsize=64)
def _comment_kinds(vocabulary: Vocabulary) -> NDArray[np.bool_]:
    return np.array(["comment" in kind for kind in vocabulary.kinds])


def mixed(words: Words) -> Words:
    """Spread every bit over all 64 (the finalizer of SplitMix64, Steele et al. 2014)."""
    words = (words ^ words >> _SHIFT_30) * _MIX_1
    words = (words ^ words >> _SHIFT_27) * _MIX_2
    return words ^ words >> _SHIFT_31


def _texts(source: bytes, start: NDArray[np.int32], end: NDArray[np.int32]) -> Words:
    """Return a number for each of many spans of a text: of its length, and of its bytes eight at a time."""
    padded = source + bytes(_PLAIN_BYTES)
    eights = np.ndarray((len(source) + 1,), "<u8", padded, strides=(1,))
    length = end - start
    words: Words = (eights[start] & _LOW[np.minimum(length, 8)]) * _MIX_1 + length.astype(np.uint64) * _TEXT
    longer = (length > 8).nonzero()[0]
    if len(longer):
        eights = np.ndarray((len(padded) - 7,), "<u8", padded, strides=(1,))
        blocks = eights[np.minimum(start[longer, None] + _OFFSETS, len(eights) - 1)]
        present = _LOW[np.clip(length[longer, None] - _OFFSETS, 0, 8)]
        words[longer] += ((blocks & present) * _FACTORS).sum(axis=1, dtype=np.uint64)
        for at in longer[length[longer] > _PLAIN_BYTES].tolist():
            words[at] = int.from_bytes(blake2b(source[start[at] : end[at]], digest_size=8).digest(), "little")
    return words


_LOW = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)
"""Masks that keep so many bytes."""
_OFFSETS = np.arange(8, _PLAIN_BYTES, 8)
_FACTORS = np.array([pow(RADIX, power, 1 << 64) for power in range(2, 2 + len(_OFFSETS))], np.uint64)


def _powers(count: int) -> tuple[Words, Words]:
    """Return at least `count` powers of the base and of its inverse, from 0 on; kept for the process."""
    return powers_of_radix(max(12, count.bit_length()))
