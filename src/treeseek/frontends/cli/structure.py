"""The commands that ask syntax trees: what changed in meaning, and which declarations or places fit a description."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from treeseek.frontends import documents
from treeseek.frontends.cli.arguments import (
    globs_of,
    json_option,
    listed,
    located,
    opened,
    root_of,
    root_option,
    shared_options,
)
from treeseek.frontends.cli.output import tell, write

if TYPE_CHECKING:
    from treeseek.engine import Engine
    from treeseek.model import Difference

__all__ = ["diff", "query"]

FINE, NOTHING = 0, 1


@click.command()
@click.argument("sides", nargs=-1, metavar="[OLD [NEW]]")
@root_option
@click.option(
    "--path",
    "paths",
    multiple=True,
    metavar="GLOB",
    help="Only this file, or what is below this directory, or what matches; relative to ROOT; repeatable.",
)
@click.option("--stat", is_flag=True, help="Only count.")
@click.option("--nodes", is_flag=True, help="Also list changes of single nodes of the syntax trees, with their bytes.")
@click.option("--exit-code", "tells", is_flag=True, help="Exit with 1 if anything differs.")
@json_option
@shared_options
def diff(
    sides: tuple[str, ...], root: str | None, paths: tuple[str, ...], *, stat: bool, nodes: bool, tells: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Tell what changed in meaning, not in lines: which declarations, and what of them.

    OLD and NEW are git revisions, or two files. Without NEW, OLD is compared with the files as they are now; it may be
    a range, A..B or A...B. Without both it is HEAD.

    \b
    +  added       −  removed      ~  modified: signature, body or comments
    →  renamed, or moved: to another place, or another file
    """
    files = _as_files(sides, root)
    with opened(root_of(root)) as engine:
        if files is not None:
            if paths:
                raise click.UsageError("--path is of no use for two files")
            found = engine.diff_files(*files, nodes=nodes)
        else:
            found = _revisions(engine, sides, globs_of(paths, engine.root), nodes=nodes)
        top = str(engine.root)
    if as_json:
        write(documents.dumped(documents.difference(top, found, stat=stat, nodes=nodes)))
    else:
        from treeseek.frontends.cli import differences, render

        write("".join(differences.lines(found, render.standard_paint(), stat=stat)))
        if not found.files:
            tell("no differences")
    return NOTHING if tells and found.files else FINE


def _as_files(sides: Sequence[str], root: str | None) -> tuple[Path, Path] | None:
    """Return the two files that are meant, None if revisions are."""
    if len(sides) > 2:
        raise click.UsageError("two revisions or two files can be compared, not more; --path names files in revisions")
    if len(sides) != 2 or not all(map(_is_entry, sides)):
        return None
    tops = [located(side, None) for side in sides]
    old, new = (top / path for top, path in tops)
    return old, new


def _is_entry(given: str) -> bool:
    try:
        return Path(given).exists() or Path(given).is_symlink()
    except (OSError, ValueError):
        return False


def _revisions(engine: Engine, sides: Sequence[str], paths: Sequence[str], *, nodes: bool) -> Difference:
    from treeseek.errors import UsageError

    if any(not side for side in sides):
        raise UsageError("a revision can't be empty")
    old, new = (*sides, "HEAD", "")[:2] if not sides else (*sides, "")[:2]
    try:
        return engine.diff(old, new, paths=paths, nodes=nodes)
    except UsageError as error:
        file = next((side for side in sides if _is_entry(side)), None)
        if file is None:
            raise
        raise UsageError(f"{error}; for what changed in a file: treeseek diff --path {file}") from None


@click.command()
@click.argument("pattern", required=False)
@root_option
@click.option("--lang", "--language", multiple=True, metavar="NAME", help="Only this language; repeat or use commas.")
@click.option("--kind", multiple=True, metavar="KIND", help="Only declarations of this kind; repeat or use commas.")
@click.option("--name", default="", metavar="GLOB", help="Only declarations so called: 'get_*', 'Session.*'.")
@click.option("--inside", default="", metavar="GLOB", help="Only what stands inside a declaration so called.")
@click.option(
    "--complexity",
    type=click.IntRange(min=0),
    metavar="N",
    help="Only declarations whose cyclomatic complexity is over N.",
)
@click.option("--changed-since", default="", metavar="REV", help="Only declarations that changed since a revision.")
@click.option(
    "--path",
    "--include",
    "paths",
    multiple=True,
    metavar="GLOB",
    help="Only this file, or what is below this directory, or what matches; relative to ROOT; repeatable.",
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="No files that match, relative to ROOT; repeatable.")
@click.option(
    "--sort",
    type=click.Choice(["path", "complexity"]),
    default="path",
    show_default=True,
    help="In this order; the most complex first.",
)
@click.option("-k", "--limit", type=int, default=100, show_default=True, metavar="N", help="Give at most N.")
@json_option
@shared_options
def query(pattern: str | None, root: str | None, *, limit: int, as_json: bool, **options: Any) -> int:
    """List the declarations that fit, or the places where a tree-sitter query does.

    PATTERN is a query such as '(call function: (identifier) @name)', for the language named with --lang; the options
    then say which declarations its matches stand in. Trees come from a cache, so asking again is cheap.

    \b
    treeseek query --kind function,method --complexity 15 --sort complexity
    treeseek query --inside Session --name 'get*'
    treeseek query '(macro_invocation macro: (identifier) @m (#eq? @m "todo"))' --lang rust
    """
    from treeseek.model import DeclarationQuery

    _check(pattern, options)
    with opened(root_of(root)) as engine:
        asked = DeclarationQuery(
            pattern=pattern or "", kinds=listed(options["kind"]), name=options["name"], inside=options["inside"],
            over_complexity=options["complexity"], changed_since=options["changed_since"],
            languages=listed(options["lang"]), include=globs_of(options["paths"], engine.root),
            exclude=globs_of(options["exclude"], engine.root), sort=options["sort"],
        )  # fmt: skip
        result = engine.query(asked, limit=limit)
        top = str(engine.root)
    if as_json:
        write(documents.dumped(documents.query_result(top, result)))
    else:
        from treeseek.frontends.cli import differences, render

        write("".join(differences.found(result.found, render.standard_paint(), render.width())))
        if not result.is_complete:
            tell(f"note: only the first {limit:,}; there are more, give a higher --limit")
        if result.unparsed:
            tell(f"note: {len(result.unparsed):,} could not be parsed, such as {result.unparsed[0]}")
        if not result.found:
            tell(f"nothing found in {result.files:,} files" if result.files != 1 else "nothing found in 1 file")
    return FINE if result.found else NOTHING


def _check(pattern: str | None, options: dict[str, Any]) -> None:
    """Refuse a query that asks for nothing, and one that looks like something else."""
    asks = ("kind", "name", "inside", "complexity", "changed_since", "lang", "paths")
    if pattern is None and not any(options[name] not in ("", (), None) for name in asks):
        raise click.UsageError("say what to look for: a tree-sitter query, or an option such as --kind or --name")
    if pattern is not None and not re.search(r"[(\"\[]", pattern):
        raise click.UsageError(
            f"{pattern[:60]!r} is no tree-sitter query, such as '(identifier) @name'; for a name: --name {pattern[:60]}"
        )
    if pattern is not None and not options["lang"]:
        raise click.UsageError("a tree-sitter query is written for one language: name it with --lang")
