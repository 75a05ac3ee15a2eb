"""What each kind of node of a grammar is called canonically: one TOML file a language, compiled to lookup arrays.

A table is made of that of all languages (`common.toml`), the one it `inherits`, and its own; what comes later wins.

    [kinds]        canonical kind = "grammar kinds": named nodes only; a kind in no table is UNKNOWN
    [transparent]  kinds = "...": the node vanishes, and its children take its place
    [groups]       name = "grammar kinds": what rules call `@name`
    [nested]       kinds = "...": what follows the node among its siblings belongs to it (an `elif` holds the rest)
    [names]        fields = "...": a leaf in such a field names the declaration, call or member that it is in
    [operators]    "and" = "&&": how an operator is written canonically
    [comments]     how comments begin: `block`, `doc`, and `plain` for what only looks like `doc`; all else is a line.
                   `before`: a comment on the lines right before such a node is its documentation

Where the kind alone doesn't tell, `[[rule]]`s do, one after the other. A rule is about the nodes `of` some kinds, if
all that it asks holds:

    parent   the parent's grammar kind, or a path of them: "grandparent/parent"
    under    the parent's canonical kind so far, or "transparent"
    being    its own canonical kind so far
    field    the field that it fills
    has      a child of such a kind, tokens included, or a path: "child/grandchild"; each of a list must hold
    several  more than one child of such kinds, or at the end of such paths
    lone     it has one child only
    first    the kind of its first child, tokens included
    after    the kind of the token right before it, among its siblings
    before   the kind of what stands right after it, among its siblings
    leading  it is the first thing in what holds it, comments and wrappers aside
    text     its text is one of these words
    match    a regular expression that its text begins with
    once     in its function, class or module, nothing before it (no parameter either) has the name that it begins with

and then it is `as` another kind (or "transparent"), or kinds are put around it: `wrap` = "block return". Or it holds
what follows it, `until` a sibling of such a kind, or else all: so a token can stand for what it opens. Or it is a leaf
that `names` what it is in, as if it filled a field of [names].
"""

from __future__ import annotations

import pathlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from treeseek.syntax.canonical.kinds import CanonicalKind
from treeseek.syntax.grammars import vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Path = tuple[NDArray[np.bool_], ...]

__all__ = ["ASKS", "TRANSPARENT", "Comments", "Rule", "Table", "languages", "open_all", "table"]

TRANSPARENT = 255
"""Stands for a kind where a node vanishes: tokens and wrappers."""

ASKS = (
    "field", "being", "lone", "first", "after", "before", "text", "under", "parent", "has", "several", "match",
    "leading", "once",
)  # fmt: skip
"""What a rule may ask, in the order in which it is asked."""

_FOLDER = files("treeseek.syntax.canonical") / "tables"


@dataclass(frozen=True, slots=True)
class Comments:
    """How comments begin, and the nodes (a mask over grammar kinds) that a comment right before documents."""

    block: tuple[bytes, ...]
    doc: tuple[bytes, ...]
    plain: tuple[bytes, ...]
    before: NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a table, as the module says. `asks` names what it asks, what is quick to tell first.

    Sets of grammar kinds that are looked for hold their numbers; all others are masks over numbers, empty where
    nothing is asked. Paths are masks from the nearest step on. The kinds it gives are canonical.
    """

    of: frozenset[int]
    becomes: int | None
    wrap: tuple[int, ...]
    asks: tuple[str, ...]
    parent: tuple[Path, ...]
    under: NDArray[np.bool_]
    being: NDArray[np.bool_]
    field: NDArray[np.bool_]
    has: tuple[tuple[tuple[frozenset[int], Path], ...], ...]
    several: tuple[tuple[frozenset[int], Path], ...]
    first: NDArray[np.bool_]
    after: NDArray[np.bool_]
    before: NDArray[np.bool_]
    text: frozenset[bytes]
    match: re.Pattern[bytes]
    until: NDArray[np.bool_] | None
    names: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A language's table over the numbers of its grammar.

    `kinds` (uint8) gives each grammar kind's canonical one or TRANSPARENT; `looked_at`, `nested` (bool) tell the kinds
    that rules ask about, and those that hold what follows; `naming` (bool) the fields that hold names.
    """

    kinds: NDArray[np.uint8]
    looked_at: NDArray[np.bool_]
    nested: NDArray[np.bool_]
    naming: NDArray[np.bool_]
    rules: tuple[Rule, ...]
    operators: Mapping[str, str]
    comments: Comments


def languages() -> list[str]:
    """Return the languages that have a table of their own."""
    found = (entry.name.removesuffix(".toml") for entry in _FOLDER.iterdir() if entry.name.endswith(".toml"))
    return sorted(name for name in found if name != "common")


@cache
def table(language: str) -> Table:
    """Return a language's table; where it has none, what is common to all languages."""
    grammar = vocabulary(language)
    merged = _merged(language)
    kinds = np.full(len(grammar.kinds), TRANSPARENT, np.uint8)
    for number, name in enumerate(grammar.kinds):
        if grammar.named[number]:
            kinds[number] = merged.kinds.get(name, CanonicalKind.UNKNOWN)
    kinds[grammar.error] = CanonicalKind.ERROR
    compiler = _Compiler(_numbers(grammar.kinds), _numbers(grammar.fields), merged.groups)
    rules = tuple(compiler.rule(row) for row in merged.rules)
    rules = tuple(rule for rule in rules if len(rule.of))
    return Table(
        kinds, compiler.looked_at, compiler.kinds(merged.nested), compiler.fields(merged.names), rules,
        merged.operators, compiler.comments(merged.comments),
    )  # fmt: skip


@dataclass(slots=True)
class _Merged:
    """A table as written, with what it inherits."""

    kinds: dict[str, int]
    nested: str
    names: str
    operators: dict[str, str]
    comments: dict[str, str]
    groups: dict[str, str]
    rules: list[dict[str, Any]]


@cache
def _merged(language: str) -> _Merged:
    merged = _Merged({}, "", "", {}, {}, {}, [])
    for source in _lineage(language):
        for kind, names in source.get("kinds", {}).items():
            merged.kinds.update(dict.fromkeys(names.split(), CanonicalKind[kind.upper()]))
        merged.kinds.update(dict.fromkeys(source.get("transparent", {}).get("kinds", "").split(), TRANSPARENT))
        merged.nested = source.get("nested", {}).get("kinds", merged.nested)
        merged.names = source.get("names", {}).get("fields", merged.names)
        merged.operators.update(source.get("operators", {}))
        merged.comments.update(source.get("comments", {}))
        merged.groups.update(source.get("groups", {}))
        merged.rules.extend(source.get("rule", []))
    return merged


@cache
def _written(path: str) -> str:
    """Return a table as it is written; empty if there is none."""
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def open_all() -> None:
    """Read every table, so that none needs its file any more; compiling is left to `table`."""
    for path in _FOLDER.iterdir():
        _written(str(path))


def _lineage(language: str) -> Iterator[dict[str, Any]]:
    """Yield the tables that make up a language's, the most general first."""
    own = tomllib.loads(_written(str(_FOLDER / f"{language}.toml")))
    if language != "common":
        yield from _lineage(own.get("inherits", "common"))
    yield own


def _numbers(names: Iterable[str]) -> dict[str, list[int]]:
    """Return the numbers that each name has: a grammar may have several kinds of one name."""
    numbers: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        numbers.setdefault(name, []).append(number)
    return numbers


class _Compiler:
    """Turns names into masks over a grammar's numbers, and keeps which kinds the rules need to see."""

    def __init__(self, kinds: dict[str, list[int]], fields: dict[str, list[int]], groups: dict[str, str]) -> None:
        self._kinds = kinds
        self._fields = fields
        self._groups = groups
        self.looked_at = self.kinds("")

    def kinds(self, names: str) -> NDArray[np.bool_]:
        words = (self._groups.get(word[1:], word) if word.startswith("@") else word for word in names.split())
        return _mask(self._kinds, " ".join(words))

    def fields(self, names: str) -> NDArray[np.bool_]:
        return _mask(self._fields, names)

    def rule(self, row: dict[str, Any]) -> Rule:
        has = row.get("has", [])
        return Rule(
            of=self._sought(row["of"]),
            becomes=_canonical(row["as"]) if "as" in row else None,
            wrap=tuple(_canonical(name) for name in row.get("wrap", "").split()),
            asks=tuple(name for name in ASKS if row.get(name)),
            parent=self._upward(row.get("parent", "")),
            under=_any_of(row.get("under", "")),
            being=_any_of(row.get("being", "")),
            field=self.fields(row.get("field", "")),
            has=tuple(self._downward(names) for names in ([has] if isinstance(has, str) else has)),
            several=self._downward(row.get("several", "")),
            first=self.kinds(row.get("first", "")),
            after=self.kinds(row.get("after", "")),
            before=self.kinds(row.get("before", "")),
            text=frozenset(row.get("text", "").encode().split()),
            match=re.compile(row.get("match", "").encode()),
            until=self.kinds(row["until"]) if "until" in row else None,
            names=row.get("names", False),
        )

    def comments(self, row: dict[str, str]) -> Comments:
        block, doc, plain = (tuple(row.get(name, "").encode().split()) for name in ("block", "doc", "plain"))
        return Comments(block, doc, plain, self.kinds(row["before"]) if "before" in row else None)

    def _upward(self, names: str) -> tuple[Path, ...]:
        """Return the paths that a parent may be at the end of; all those of one step are one."""
        steps = [name.split("/") for name in names.split()]
        single = " ".join(step[0] for step in steps if len(step) == 1)
        longer = [tuple(self.kinds(name) for name in reversed(step)) for step in steps if len(step) > 1]
        return (*([(self.kinds(single),)] if single else []), *longer)

    def _downward(self, names: str) -> tuple[tuple[frozenset[int], Path], ...]:
        """Return what to look for, with the kinds above it that lead to what is asked about."""
        steps = [name.split("/") for name in names.split()]
        return tuple(
            (self._sought(step[-1]), tuple(self.kinds(name) for name in reversed(step[:-1]))) for step in steps
        )

    def _sought(self, names: str) -> frozenset[int]:
        """Return the numbers of kinds that the rules need to see in a tree."""
        mask = self.kinds(names)
        self.looked_at |= mask
        return frozenset(np.flatnonzero(mask).tolist())


def _mask(numbers: dict[str, list[int]], names: str) -> NDArray[np.bool_]:
    mask = np.zeros(1 + max(max(group) for group in numbers.values()), bool)
    for name in names.split():
        mask[numbers.get(name, [])] = True
    return mask


def _canonical(name: str) -> int:
    return TRANSPARENT if name == "transparent" else CanonicalKind[name.upper()]


def _any_of(names: str) -> NDArray[np.bool_]:
    mask = np.zeros(256, bool)
    mask[[_canonical(name) for name in names.split()]] = True
    return mask
