"""What the arguments mean: roots, places, filters, and the options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from treeseek.model import Filters

__all__ = ["answer_options", "filters_of", "json_option", "line_of", "located", "root_of", "settled", "shared_options"]

Command = TypeVar("Command", bound=Callable[..., Any])

_WORKERS, _DATA_DIR = "treeseek.workers", "treeseek.data_dir"


def _remember(key: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Keep an option's value where every command of this run finds it, be it before the command or after."""

    def keep(context: click.Context, _: click.Parameter, value: Any) -> None:
        if value is not None:
            context.meta[key] = value

    return keep


def settled() -> dict[str, Any]:
    """Return the settings that the arguments give, None for those that they leave open."""
    meta = click.get_current_context().meta
    return {"workers": meta.get(_WORKERS), "data_dir": meta.get(_DATA_DIR)}


def shared_options(command: Command) -> Command:
    """Add the options that every command has."""
    for option in (
        click.option("--debug", is_flag=True, expose_value=False, help="Show a traceback with an error."),
        click.option("--data-dir", type=click.Path(path_type=Path), expose_value=False, callback=_remember(_DATA_DIR),
                     metavar="DIR", help="Keep indexes in DIR."),
        click.option("--workers", type=click.IntRange(min=0), expose_value=False, callback=_remember(_WORKERS),
                     metavar="N", help="Analyse files in N processes; 0 is one per core."),
    ):  # fmt: skip
        command = option(command)
    return command


def json_option(command: Command) -> Command:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document; errors too.")(command)


def answer_options(limit: int) -> Callable[[Command], Command]:
    """Add what search, related and symbols share: how many hits, which ones, and how they are printed."""

    def add(command: Command) -> Command:
        for option in reversed((
            click.option("-k", "--limit", type=int, default=limit, show_default=True, metavar="N",
                         help="Give at most N hits."),
            click.option("--lang", multiple=True, metavar="NAME", help="Only this language; repeat or use commas."),
            click.option("--kind", multiple=True, metavar="KIND",
                         help="Only declarations of this kind, such as function or class; repeat or use commas."),
            click.option("--include", multiple=True, metavar="GLOB", help="Only files that match; repeatable."),
            click.option("--exclude", multiple=True, metavar="GLOB", help="No files that match; repeatable."),
            click.option("--path", default="", metavar="PREFIX", help="Only below this path, relative to the root."),
            click.option("--min-score", type=float, default=0.0, metavar="X", help="Only hits that score X or more."),
            click.option("--max-tokens", type=click.IntRange(min=1), metavar="N",
                         help="Print no more than N tokens, cutting hits from the end."),
            click.option("-l", "--files-with-matches", "paths_only", is_flag=True, help="Print paths only."),
            click.option("--no-sync", is_flag=True, help="Ask the index as it is, without looking for changes."),
            json_option,
        )):  # fmt: skip
            command = option(command)
        return command

    return add


def filters_of(options: dict[str, Any]) -> Filters:
    """Return the filters that the options of `answer_options` ask for."""
    from treeseek.model import Filters

    return Filters(
        languages=_listed(options["lang"]),
        kinds=_listed(options["kind"]),
        include=tuple(options["include"]),
        exclude=tuple(options["exclude"]),
        path=options["path"],
        min_score=options["min_score"],
    )


def _listed(values: tuple[str, ...]) -> tuple[str, ...]:
    """Split comma lists; names are lower-case."""
    return tuple(part.strip().lower() for value in values for part in value.split(",") if part.strip())


def root_of(given: str | None) -> Path:
    """Return the root that was named, or the repository around the current directory."""
    if given is not None:
        return Path(given)
    from treeseek.workspace import repository_of

    return repository_of(Path.cwd())


def located(given: str, root: str | None) -> tuple[Path, str]:
    """Return the root of a file and its path beneath it.

    A relative path is looked for from the current directory, then from the root, since that is how hits are
    printed. Without a root named, it is the repository of the current directory if that holds the file, else
    the file's own. Raises RootError when the file is in neither place, or outside of the root named.
    """
    from treeseek.errors import RootError
    from treeseek.workspace import repository_of

    top = root_of(root).resolve()
    file = next((path for path in (Path(given), top / given) if _exists(path)), None)
    if file is None:
        raise RootError(f"{given} does not exist")
    # Not `file.resolve()`: what a link points to is another file, which the engine refuses to take for this one.
    real = file.parent.resolve() / file.name
    if file.name in ("", ".."):
        real = file.resolve()
    if not real.is_relative_to(top):
        if root is not None:
            raise RootError(f"{given} is not inside {root}")
        top = repository_of(real.parent)
    return top, real.relative_to(top).as_posix()


def _exists(path: Path) -> bool:
    try:
        return path.exists() or path.is_symlink()
    except (OSError, ValueError):  # a name that no file can have: too long, or with a NUL
        return False


def line_of(given: str) -> tuple[str, int]:
    """Split `FILE:LINE`; `FILE:START-END`, as hits are printed, gives the start. Raises UsageError."""
    from treeseek.errors import UsageError

    file, colon, lines = given.rpartition(":")
    first = lines.partition("-")[0]
    if not (colon and file and first.isascii() and first.isdigit() and 0 < int(first[:10]) < 2**31):
        raise UsageError(f"{given[:200]!r} is not FILE:LINE, such as src/main.py:120")
    return file, int(first)
