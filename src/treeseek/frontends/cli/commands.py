"""The commands: each reads its arguments, asks the engine, and prints. The engine is imported when one runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from treeseek import __version__
from treeseek.frontends import documents, fit
from treeseek.frontends.cli import consent, doctor, evaluate, render, structure, train, upkeep
from treeseek.frontends.cli.arguments import (
    answer_options,
    filters_of,
    json_option,
    line_of,
    located,
    opened,
    root_of,
    shared_options,
)
from treeseek.frontends.cli.install import install, uninstall
from treeseek.frontends.cli.mcp import mcp
from treeseek.frontends.cli.output import tell, write
from treeseek.frontends.cli.progress import shown
from treeseek.frontends.cli.scan import scan
from treeseek.frontends.cli.serve import serve
from treeseek.frontends.escapes import printable

if TYPE_CHECKING:
    from treeseek.engine import Engine
    from treeseek.model import SearchResult, SyncReport

__all__ = ["cli"]

FOUND, NOTHING, ERROR = 0, 1, 2
LOCKED_NOTE = "another process is writing the index; this is its last version"


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 found or fine, 1 nothing found, 2 error. ROOT is the current repository unless it is given.",
)
@shared_options
@click.version_option(__version__, message="treeseek %(version)s")
def cli() -> None:
    """Find code by meaning in repositories that keep changing: offline, on one machine, at once."""


@cli.command()
@click.argument("root", required=False)
@click.option("--rebuild", is_flag=True, help="Make the index anew.")
@click.option("--estimate", is_flag=True, help="Only tell what a remote embedder would be sent, and what it costs.")
@click.option("-y", "--yes", is_flag=True, help="Send a first index to a remote embedder without asking.")
@json_option
@shared_options
def index(root: str | None, *, rebuild: bool, estimate: bool, yes: bool, as_json: bool) -> int:
    """Bring the index of ROOT up to date, or make it."""
    with opened(root_of(root)) as engine:
        if estimate:
            found, top = engine.estimate(), str(engine.root)
            write(documents.dumped(documents.estimate(top, found)) if as_json else render.estimate(top, found))
            return FOUND
        report = _synced(engine, rebuild=rebuild, agreed=yes)
        if as_json:
            write(documents.dumped(documents.index_report(str(engine.root), str(engine.directory), report)))
        else:
            write("".join(render.index_report(str(engine.root), str(engine.directory), report)))
    return FOUND


@cli.command()
@click.argument("query")
@click.argument("root", required=False)
@answer_options(limit=10)
@click.option("--explain", is_flag=True, help="Say of each hit what speaks for its file and what against it.")
@shared_options
def search(query: str, root: str | None, *, explain: bool, **options: Any) -> int:
    """Find the places that answer QUERY.

    QUERY is a question in plain words, or the name of something. A root that was never indexed is indexed first, a
    changed one is brought up to date.
    """
    from treeseek.errors import RootError

    try:
        searched = opened(root_of(root))
    except RootError as error:
        if root is not None and not Path(root).exists() and "/" not in root:
            raise RootError(f"{error}; a query of several words needs quotes") from None
        raise
    with searched as engine:
        filters = filters_of(options, engine.root)
        limit = options["limit"]
        return _answer(
            "search", engine, options, lambda: engine.search(query, limit=limit, filters=filters, explain=explain)
        )


@cli.command()
@click.argument("place", metavar="FILE:LINE")
@click.option("--root", metavar="ROOT", help="The root that holds the file.")
@answer_options(limit=10)
@shared_options
def related(place: str, root: str | None, **options: Any) -> int:
    """Find the places most like the code at FILE:LINE."""
    file, line = line_of(place)
    top, path = located(file, root, to_index=True)
    with opened(top) as engine:
        filters = filters_of(options, engine.root)
        return _answer(
            "related", engine, options, lambda: engine.related(path, line, limit=options["limit"], filters=filters)
        )


@cli.command()
@click.argument("name")
@click.argument("root", required=False)
@answer_options(limit=50)
@shared_options
def symbols(name: str, root: str | None, **options: Any) -> int:
    """Find the declarations of NAME, however it is cased or joined."""
    with opened(root_of(root)) as engine:
        filters = filters_of(options, engine.root)
        return _answer(
            "symbols", engine, options, lambda: engine.symbols(name, limit=options["limit"], filters=filters)
        )


@cli.command()
@click.argument("file")
@click.option("--root", metavar="ROOT", help="The root that holds the file.")
@json_option
@shared_options
def outline(file: str, root: str | None, *, as_json: bool) -> int:
    """List what FILE declares, as it is on disk now."""
    top, path = located(file, root)
    with opened(top) as engine:
        syntax = engine.outline(path)
        if as_json:
            write(documents.dumped(documents.outline(str(engine.root), path, syntax)))
        else:
            write("".join(render.outline(path, syntax, render.standard_paint(), render.width())))
    return FOUND if syntax.declarations else NOTHING


@cli.command()
@click.argument("root", required=False)
@click.option("--skipped", is_flag=True, help="List what was left out or cut by lines, and why.")
@json_option
@shared_options
def status(root: str | None, *, skipped: bool, as_json: bool) -> int:
    """Tell what the index of ROOT holds and what it lacks.

    The exit code is 1 if there is no index yet.
    """
    with opened(root_of(root)) as engine:
        state = engine.status(skipped=skipped)
    if as_json:
        write(documents.dumped(documents.status(state, skipped=skipped)))
    else:
        write("".join(render.status(state, render.standard_paint(), skipped=skipped)))
    return FOUND if state.indexed else NOTHING


def _synced(engine: Engine, *, rebuild: bool = False, seconds: float | None = None, agreed: bool = False) -> SyncReport:
    if not agreed:
        consent.ask(engine)
    with shown(sys.stderr) as progress:
        return engine.sync(progress, rebuild=rebuild, seconds=seconds)


def _answer(command: str, engine: Engine, options: dict[str, Any], ask: Callable[[], SearchResult]) -> int:
    """Bring the index up to date unless told not to, ask, and print what fits."""
    result = _asked(engine, ask, refresh=options["refresh"], seconds=options["refresh_seconds"])
    text, cut = _laid_out(command, engine, result, options)
    if text is None:
        tell(f"nothing fits in {options['max_tokens']:,} tokens; give --max-tokens more")
        return ERROR
    write(text)
    for note in result.notes:
        tell(f"note: {note}")
    if cut:
        tell(f"note: cut to fit {options['max_tokens']:,} tokens")
    if not result.hits and not options["as_json"]:
        empty = engine.status().files == 0
        tell(f"{engine.root} holds no file to search; see `treeseek status --skipped`" if empty else "nothing found")
    return FOUND if result.hits else NOTHING


def _asked(engine: Engine, ask: Callable[[], SearchResult], *, refresh: bool, seconds: float | None) -> SearchResult:
    """Ask; with `refresh` first bring the index up to date, or say in a note why it isn't.

    A first index is made whole, however long that takes; an update ends after `seconds`, by default after as many as
    the settings say.
    """
    from treeseek.errors import EmbeddingError, NotIndexedError, StoreError, StoreLockedError

    if not refresh:
        return ask()
    if not engine.indexed:
        with suppress(NotIndexedError):
            ask()  # a malformed question is refused before an index is built for it
    elif seconds is None:
        seconds = engine.settings.refresh_seconds
    note = ""
    try:
        pending = _synced(engine, seconds=seconds).pending
        if pending:
            note = f"{pending:,} files aren't up to date yet; `treeseek index` finishes that"
    except (StoreError, EmbeddingError) as error:
        if not engine.indexed:
            raise
        locked = isinstance(error, StoreLockedError)
        note = LOCKED_NOTE if locked else f"not brought up to date: {error}"
    result = ask()
    return replace(result, notes=(*result.notes, note)) if note else result


def _laid_out(command: str, engine: Engine, result: SearchResult, options: dict[str, Any]) -> tuple[str | None, bool]:
    """Return what to print, None if not even the least of it fits the budget, and whether it was cut to fit."""
    if options["as_json"]:
        return _as_json(command, str(engine.root), result, options)
    if options["paths_only"]:
        lines = [f"{printable(path)}\n" for path in _paths(result)]
    else:
        lay_out = render.symbols if command == "symbols" else render.hits
        lines = lay_out(result.hits, render.standard_paint(), render.width())
    kept = fit.cut_lines(lines, options["max_tokens"])
    cut = len(kept) < len(lines)
    while kept and kept[-1] == "\n":
        kept.pop()
    return "".join(kept) if kept or not lines else None, cut


def _as_json(command: str, root: str, result: SearchResult, options: dict[str, Any]) -> tuple[str | None, bool]:
    def encoded(part: SearchResult) -> str:
        document = documents.paths(command, root, part, _paths(part)) if paths_only else None
        return documents.dumped(document or documents.answer(command, root, part))

    paths_only = options["paths_only"]
    whole = replace(result, hits=tuple(replace(hit, text="") for hit in result.hits)) if paths_only else result
    kept = fit.cut_result(whole, options["max_tokens"], encoded)
    return None if kept is None else encoded(kept), kept is not whole


def _paths(result: SearchResult) -> list[str]:
    return list(dict.fromkeys(hit.path for hit in result.hits))


for command in (
    doctor.doctor, evaluate.evaluate, install, mcp, scan, serve, structure.diff, structure.query, train.train,
    uninstall, upkeep.gc, upkeep.migrate, upkeep.repair, upkeep.rollback, upkeep.verify, upkeep.watch,
):  # fmt: skip
    cli.add_command(command)
