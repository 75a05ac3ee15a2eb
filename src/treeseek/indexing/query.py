"""Which declarations, or which places in syntax trees, fit a description? Asked of the files as they are now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from treeseek.errors import UnreadableError, UsageError
from treeseek.indexing.changes import between_revisions, matching
from treeseek.indexing.differences import Lines, sites
from treeseek.indexing.trees import Text, has_grammar, text_of
from treeseek.model import DECLARATION_KINDS, Capture, DeclarationQuery, Found, QueryResult, Site, SourceFile
from treeseek.syntax import detect
from treeseek.syntax.pattern import Match, Pattern, compile_pattern
from treeseek.workspace import Walk, classify, open_root, walk

if TYPE_CHECKING:
    from treeseek.indexing.trees import Trees
    from treeseek.settings import Settings
    from treeseek.syntax.parsed import Declared, ParsedFile
    from treeseek.syntax.tree import SyntaxTree

__all__ = ["run"]

Fits = Callable[[Site, "list[str]"], bool]
"""Tells whether a declaration is one of those asked for; the list names what is around it."""


def run(root: Path, settings: Settings, trees: Trees, query: DeclarationQuery, limit: int) -> QueryResult:
    """Return what fits, by path and place or by complexity; languages are given by their proper names.

    Declarations are what is asked for, or, with a pattern, its matches; then the rest of the query is about the
    declaration that a match stands in.

    Raises UsageError for a query that can't be, RootError if it names a revision and git can't be asked.
    """
    _check(query)
    patterns = {language: compile_pattern(query.pattern, language) for language in query.languages if query.pattern}
    fits, only = _filter(root, settings, trees, query)
    found = walk(root, max_file_bytes=settings.max_file_bytes, max_files=settings.max_files)
    files = [file for file in _chosen(found, query) if only is None or file.path in only]
    unparsed: list[str] = []
    looked = 0

    def matches() -> Iterator[Found]:
        nonlocal looked
        total = sum(file.size for file in files)
        for text, parsed in trees.parsed(_texts(root, settings, files, found, query), total_bytes=total):
            if parsed is None:
                unparsed.append(text.path)
                continue
            looked += 1
            pattern = patterns.get(text.language)
            yield from _declarations(text, parsed, fits) if pattern is None else _matches(text, parsed, pattern, fits)

    kept: Iterable[Found] = matches()
    if query.sort == "complexity":
        kept = sorted(kept, key=lambda one: -(one.site.complexity if one.site else 0))
    first = list(islice(kept, limit + 1))
    return QueryResult(tuple(first[:limit]), len(first) <= limit, looked, tuple(unparsed))


def _check(query: DeclarationQuery) -> None:
    for kind in query.kinds:
        if kind not in DECLARATION_KINDS:
            raise UsageError(f"no declaration is of the kind {kind!r}; known are {', '.join(DECLARATION_KINDS)}")
    for language in query.languages:
        if not has_grammar(language):
            raise UsageError(f"treeseek has no grammar for {language}")
    if query.pattern and not query.languages:
        raise UsageError("a tree-sitter query is written for one language; name it")
    if query.sort not in ("path", "complexity"):
        raise UsageError(f"{query.sort!r} is no order; known are path and complexity")


# -- which files ---------------------------------------------------------------------------------------------------


def _chosen(found: Walk, query: DeclarationQuery) -> Iterator[SourceFile]:
    """Yield the files whose path and, as far as that tells it, language are asked for."""
    is_included = matching(query.include) if query.include else None
    is_excluded = matching(query.exclude) if query.exclude else None
    for file in found.files:
        language = detect(file.path, b"")
        if language != "text" and not has_grammar(language):
            continue
        if (is_included is None or is_included(file.path)) and not (is_excluded and is_excluded(file.path)):
            yield file


def _texts(
    root: Path, settings: Settings, files: Sequence[SourceFile], found: Walk, query: DeclarationQuery
) -> Iterator[Text]:
    """Yield the texts of those files that people wrote in one of the languages."""
    with open_root(root) as reader:
        for file in files:
            try:
                data = reader.read(file.path, settings.max_file_bytes)
            except UnreadableError:
                continue
            language = detect(file.path, data[:4096])
            if not has_grammar(language) or (query.languages and language not in query.languages):
                continue
            reason = classify(file.path, data, max_line_bytes=settings.max_line_bytes)
            if not reason or (reason != "binary" and file.path in found.brought_back):
                yield text_of(file.path, data)


# -- which declarations --------------------------------------------------------------------------------------------


def _filter(root: Path, settings: Settings, trees: Trees, query: DeclarationQuery) -> tuple[Fits, set[str] | None]:
    """Return what tells whether a declaration is asked for, and the files it can be in; None for all."""
    tests: list[Fits] = []
    only = None
    if query.kinds:
        tests.append(lambda site, _: site.kind in query.kinds)
    if query.name:
        tests.append(lambda site, _: _is_called(site.name, query.name))
    if query.inside:
        tests.append(lambda _, around: any(_is_called(name, query.inside) for name in around))
    if (least := query.over_complexity) is not None:
        tests.append(lambda site, _: site.complexity > least)
    if query.changed_since:
        changed = between_revisions(root, settings, trees, query.changed_since, "")
        touched = {
            one.new.id for file in changed.files for one in file.declarations if one.new and one.parts != ("members",)
        }
        only = {file.new_path for file in changed.files}
        tests.append(lambda site, _: site.id in touched)
    return lambda site, around: all(test(site, around) for test in tests), only


def _is_called(name: str, glob: str) -> bool:
    """Whether a glob fits a qualified name or its last part."""
    return fnmatchcase(name, glob) or fnmatchcase(name.rpartition(".")[2], glob)


def _around(declarations: Sequence[Declared], number: int) -> list[str]:
    """Return the qualified names of what a declaration stands in, the innermost first."""
    names = []
    while (number := declarations[number].parent) >= 0:
        names.append(declarations[number].name)
    return names


def _declarations(text: Text, file: ParsedFile, fits: Fits) -> Iterator[Found]:
    for number, site in enumerate(sites(text.path, text.data, file.declarations)):
        if fits(site, _around(file.declarations, number)):
            yield Found(text.path, text.language, site)


def _matches(text: Text, file: ParsedFile, pattern: Pattern, fits: Fits) -> Iterator[Found]:
    """Yield the matches of a pattern in declarations that fit; those in none fit if nothing is asked of them."""
    found = pattern.match(file.tree)
    if not found:
        return
    lines = Lines(text.data)
    declared = sites(text.path, text.data, file.declarations, lines)
    for match in sorted(found, key=_first_row):
        captures = tuple(_captures(file.tree, match, lines))
        if captures:
            number = _innermost(file.declarations, captures[0])
            site = declared[number] if number >= 0 else None
            around = [] if site is None else [site.name, *_around(file.declarations, number)]
            if fits(site or _NOWHERE, around):
                yield Found(text.path, text.language, site, captures)


_NOWHERE = Site("", "", "", "", "", 0, 0, 0, 0, 0)


def _first_row(match: Match) -> int:
    return min((row for rows in match.captures.values() for row in rows), default=0)


def _captures(tree: SyntaxTree, match: Match, lines: Lines) -> Iterator[Capture]:
    for row, name in sorted((row, name) for name, rows in match.captures.items() for row in rows):
        start, end = int(tree.start[row]), int(tree.end[row])
        shown = tree.text(row).decode("utf-8", "replace")
        yield Capture(
            name, tree.kind_name(row), shown, lines.of(start), lines.of(max(end - 1, start)), start, end
        )  # fmt: skip


def _innermost(declarations: Sequence[Declared], capture: Capture) -> int:
    """Return the number of the last declaration that holds a node; -1 for none."""
    holding = (
        number for number, one in enumerate(declarations)
        if one.start <= capture.start_byte and capture.end_byte <= one.end
    )  # fmt: skip
    return max(holding, default=-1)
