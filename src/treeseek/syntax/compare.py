"""What became of each declaration between two versions of a file, or between many files.

Found by name, in the same place, first; then by content, which finds what was renamed; then by content anywhere, which
finds what moved; last by similarity. Offsets are never looked at.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple

from treeseek.syntax.match import longest_increasing
from treeseek.syntax.parsed import SKETCH_SIZE, Declared, similarity

__all__ = ["STATUSES", "DeclarationChange", "compare", "find_again", "find_in_other_files"]

STATUSES = ("added", "removed", "renamed", "moved", "modified", "unchanged")
SIMILAR = 0.5
"""From this on, a declaration of another name is taken for the same one, changed."""
NAMED_ALIKE = 0.3
"""From this similarity on, what vanished from one file and appeared in another, under one name, is the same."""
VERY_SIMILAR, MARGIN = 0.7, 0.15
"""If no word of the name was kept: so much it must have in common, and so much more than any other."""
SAME_WORDS, LITTLE_SIMILAR = 0.75, 0.3
"""If nearly all words of the name were kept, less must be similar."""
KEPT_WORDS = 0.4
"""From this share of all words in two names on, words were kept."""
SAYING = 6
"""Classes of a sketch that must be used for a declaration to be known again without its name: `x = 1` says nothing."""
_VALUES = ("constant", "variable")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_MOST_COMPARED = 200
"""Among more candidates than this, similar ones aren't looked for: the work grows with the square."""


class DeclarationChange(NamedTuple):
    """What became of one declaration.

    `old` and `new` are its numbers in the lists of declarations, -1 where it doesn't exist. `status` is the strongest
    of what can be said of it (STATUSES); `parts` says what differs: "name", "place" (another declaration around it, or
    another order), "signature", "body", "members" (only in what is declared inside it), "comments".
    """

    status: str
    old: int
    new: int
    parts: tuple[str, ...] = ()


class _Likely(NamedTuple):
    """A pair that may be one declaration; sorted by how much of the content, then of the name, they share."""

    at: int
    now: int
    content: float
    names: float
    is_value: bool

    def __lt__(self, other: tuple[object, ...]) -> bool:
        assert isinstance(other, _Likely)
        mine = self.content + self.names / 2, -self.now, -self.at
        return mine < (other.content + other.names / 2, -other.now, -other.at)


def compare(old: Sequence[Declared], new: Sequence[Declared]) -> list[DeclarationChange]:
    """Return what became of every declaration of a file: in the order of the new version, removed ones last."""
    comparison = _Comparison(old, new)
    comparison.run()
    return comparison.changes()


def find_again(lost: Sequence[Declared], found: Sequence[Declared]) -> list[tuple[int, int]]:
    """Pair declarations that vanished with new ones that are the same, whatever they are called and wherever.

    Returns:
        pairs of numbers in the two lists; each number is in one pair at most.
    """
    pairs: list[tuple[int, int]] = []
    ours, theirs = list(range(len(lost))), list(range(len(found)))
    for key in (_same_code, _same_content):
        _pair(ours, theirs, lambda at, key=key: key(lost[at]), lambda at, key=key: key(found[at]), pairs)  # type: ignore[misc]
    _pair_similar(lost, found, ours, theirs, pairs)
    return pairs


def find_in_other_files(lost: Sequence[Declared], found: Sequence[Declared]) -> list[tuple[int, int]]:
    """Pair what vanished from some files with what is new in others: by a name that nothing else has, then as above.

    Returns:
        pairs of numbers in the two lists; each number is in one pair at most.
    """
    pairs = _of_one_name(lost, found)
    left = sorted(set(range(len(lost))) - {here for here, _ in pairs})
    new = sorted(set(range(len(found))) - {there for _, there in pairs})
    again = find_again([lost[number] for number in left], [found[number] for number in new])
    return pairs + [(left[here], new[there]) for here, there in again]


def _of_one_name(lost: Sequence[Declared], found: Sequence[Declared]) -> list[tuple[int, int]]:
    """Pair what nothing else is called, on either side: that needs less in common to be the same."""
    ours, theirs = _by_only_name(lost), _by_only_name(found)
    return [
        (here, theirs[name])
        for name, here in ours.items()
        if name in theirs and similarity(lost[here].sketch, found[theirs[name]].sketch) >= NAMED_ALIKE
    ]


def _by_only_name(declarations: Sequence[Declared]) -> dict[tuple[str, str], int]:
    claims = Counter((one.kind, one.name) for one in declarations)
    return {(one.kind, one.name): at for at, one in enumerate(declarations) if claims[one.kind, one.name] == 1}


def _same_code(one: Declared) -> Hashable:
    return (one.kind, one.own_name, one.content) if _says_something(one) else one


def _same_content(one: Declared) -> Hashable:
    return (_class_of(one), one.content) if _says_something(one) else one


def _class_of(one: Declared) -> str:
    """A function that moves into a type becomes a method; it is still the same."""
    return "function" if one.kind == "method" else one.kind


def _says_something(one: Declared) -> bool:
    """Whether it has enough in it to be known again by that alone."""
    return SKETCH_SIZE - one.sketch.count(0) >= SAYING


class _Comparison:
    def __init__(self, old: Sequence[Declared], new: Sequence[Declared]) -> None:
        self.old, self.new = old, new
        self.pairs: list[tuple[int, int]] = []
        self.reordered: set[int] = set()

    def run(self) -> None:
        """Pair what is in the same place, then what is left anywhere."""
        inside_old, inside_new = _by_parent(self.old), _by_parent(self.new)
        stack = [(-1, -1)]
        while stack:
            around = stack.pop()
            pairs = self._pair_group(inside_old[around[0]], inside_new[around[1]])
            in_order = longest_increasing([at for at, _ in pairs])
            self.reordered |= {now for at, now in pairs if at not in in_order}
            self.pairs += pairs
            stack += pairs
        ours = _unpaired(self.old, (at for at, _ in self.pairs))
        theirs = _unpaired(self.new, (now for _, now in self.pairs))
        again = find_again([self.old[at] for at in ours], [self.new[now] for now in theirs])
        self.pairs += [(ours[at], theirs[now]) for at, now in again]

    def _pair_group(self, ours: list[int], theirs: list[int]) -> list[tuple[int, int]]:
        """Pair declarations of one place: equal ones, then by anchor, by name, by content and by similarity."""
        old, new = self.old, self.new
        pairs: list[tuple[int, int]] = []
        keys: tuple[Callable[[Declared], Hashable], ...] = (
            lambda one: (
                one.kind,
                one.name,
                one.signature,
                one.exact,
            ),  # qualified: in Rust no impl is around its methods
            lambda one: (one.kind, one.name, one.signature),
            lambda one: (one.kind, one.name),
            lambda one: (one.kind, one.own_name, one.signature, one.exact),
            lambda one: (one.kind, one.own_name, one.signature),
            lambda one: (one.kind, one.own_name),
            _same_content,
        )
        for key in keys:
            if ours and theirs:
                _pair(ours, theirs, lambda at, key=key: key(old[at]), lambda at, key=key: key(new[at]), pairs)  # type: ignore[misc]
        _pair_similar(old, new, ours, theirs, pairs)
        return sorted(pairs, key=lambda pair: pair[1])

    def changes(self) -> list[DeclarationChange]:
        old_of = {now: at for at, now in self.pairs}
        found = [self._change(old_of.get(now, -1), now, old_of) for now in range(len(self.new))]
        gone = _unpaired(self.old, old_of.values())
        return found + [DeclarationChange("removed", at, -1) for at in gone]

    def _change(self, at: int, now: int, old_of: dict[int, int]) -> DeclarationChange:
        if at < 0:
            return DeclarationChange("added", -1, now)
        ours, theirs = self.old[at], self.new[now]
        parts = _differing(ours, theirs)
        if old_of.get(theirs.parent, -1) != ours.parent or now in self.reordered:
            parts = ("place", *parts)
        if ours.own_name != theirs.own_name:
            return DeclarationChange("renamed", at, now, ("name", *parts))
        if "place" in parts:
            return DeclarationChange("moved", at, now, parts)
        return DeclarationChange("modified" if parts else "unchanged", at, now, parts)


def _differing(ours: Declared, theirs: Declared) -> tuple[str, ...]:
    """Return what differs in two versions of a declaration, but for name and place."""
    if ours.exact == theirs.exact:
        return ()
    parts = []
    if ours.header != theirs.header:
        parts.append("value" if theirs.kind in _VALUES else "signature")
    if ours.body != theirs.body:
        parts.append("body")
    if not parts and ours.content != theirs.content:
        parts.append("members")
    if not parts and ours.own_name == theirs.own_name:
        parts.append("comments")
    return tuple(parts)


def _by_parent(declarations: Sequence[Declared]) -> defaultdict[int, list[int]]:
    inside: defaultdict[int, list[int]] = defaultdict(list)
    for number, one in enumerate(declarations):
        inside[one.parent].append(number)
    return inside


def _unpaired(declarations: Sequence[Declared], paired: Iterable[int]) -> list[int]:
    taken = set(paired)
    return [number for number in range(len(declarations)) if number not in taken]


def _pair(
    ours: list[int],
    theirs: list[int],
    old_key: Callable[[int], Hashable],
    new_key: Callable[[int], Hashable],
    pairs: list[tuple[int, int]],
) -> None:
    """Pair what has the same key, in order; what is paired leaves both lists."""
    waiting: defaultdict[Hashable, list[int]] = defaultdict(list)
    for number in reversed(ours):
        waiting[old_key(number)].append(number)
    left = []
    taken = set()
    for number in theirs:
        same = waiting.get(new_key(number))
        if same:
            at = same.pop()
            taken.add(at)
            pairs.append((at, number))
        else:
            left.append(number)
    theirs[:] = left
    ours[:] = [number for number in ours if number not in taken]


def _pair_similar(
    old: Sequence[Declared], new: Sequence[Declared], ours: list[int], theirs: list[int], pairs: list[tuple[int, int]]
) -> None:
    """Pair what is similar enough, the most similar first.

    Who renames mostly keeps a word of the name. Where no word was kept the content must be more alike, and nothing else
    nearly as much: among tests that all look the same, which became which can't be told.
    """
    if not ours or not theirs or len(ours) * len(theirs) > _MOST_COMPARED**2:
        return
    likely = [
        _Likely(at, now, *_likeness(old[at], new[now]), new[now].kind in _VALUES) for at in ours for now in theirs
    ]
    likely = sorted(one for one in likely if one.content >= (SIMILAR if one.names < SAME_WORDS else LITTLE_SIMILAR))
    gone: set[int] = set()
    come: set[int] = set()
    for one in reversed(likely):
        if one.at in gone or one.now in come or not (one.names or _stands_out(one, likely)):
            continue
        gone.add(one.at)
        come.add(one.now)
        pairs.append((one.at, one.now))
    ours[:] = [number for number in ours if number not in gone]
    theirs[:] = [number for number in theirs if number not in come]


def _likeness(one: Declared, other: Declared) -> tuple[float, float]:
    """Return how much two declarations have in common in content and in the words of their names, 0 to 1 each."""
    if _class_of(one) != _class_of(other) or not _says_something(one) or not _says_something(other):
        return 0.0, 0.0
    ours, theirs = (set(_WORD.findall(name.own_name)) for name in (one, other))
    ours, theirs = ({word.lower() for word in words} - {"test"} for words in (ours, theirs))
    shared = len(ours & theirs) / (len(ours | theirs) or 1)
    return similarity(one.sketch, other.sketch), shared if shared >= KEPT_WORDS else 0.0


def _stands_out(one: _Likely, likely: Iterable[_Likely]) -> bool:
    if one.is_value:
        return False
    rivals = (other for other in likely if (other.at == one.at) != (other.now == one.now))
    return one.content >= VERY_SIMILAR and all(one.content - other.content >= MARGIN for other in rivals)
