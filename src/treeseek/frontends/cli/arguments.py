"""What the arguments mean: roots, places, filters, and the options that several commands share."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from treeseek.frontends.globs import is_glob, listed, unbraced

if TYPE_CHECKING:
    from treeseek.engine import Engine
    from treeseek.model import Filters

__all__ = [
    "answer_options",
    "filters_of",
    "globs_of",
    "json_option",
    "line_of",
    "listed",
    "located",
    "opened",
    "root_of",
    "root_option",
    "settled",
    "shared_options",
]

Command = TypeVar("Command", bound=Callable[..., Any])
Callback = Callable[[click.Context, click.Parameter, Any], Any]

_WORKERS, _DATA_DIR = "treeseek.workers", "treeseek.data_dir"


def _remember(key: str, read: Callback | None = None) -> Callback:
    """Keep an option's value where every command of this run finds it, be it before the command or after."""

    def keep(context: click.Context, option: click.Parameter, value: Any) -> None:
        value = value if read is None else read(context, option, value)
        if value is not None:
            context.meta[key] = value

    return keep


def _directory(_: click.Context, __: click.Parameter, given: str | None) -> Path | None:
    if given == "":
        raise click.BadParameter("the name of a directory is empty")
    return None if given is None else Path(given)


def _once(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> str:
    if len(given) > 1:
        raise click.BadParameter("there can be only one; use --include for several")
    return given[0] if given else ""


def _chance(_: click.Context, __: click.Parameter, given: float) -> float:
    if math.isnan(given) or not 0 <= given <= 1:
        raise click.BadParameter(f"{given} is not between 0 and 1")
    return given


def settled() -> dict[str, Any]:
    """Return the settings that the arguments give, None for those that they leave open."""
    meta = click.get_current_context().meta
    return {"workers": meta.get(_WORKERS), "data_dir": meta.get(_DATA_DIR)}


def shared_options(command: Command) -> Command:
    """Add the options that every command has."""
    for option in (
        click.option("--debug", is_flag=True, expose_value=False, help="Show a traceback with an error."),
        click.option("--data-dir", expose_value=False, callback=_remember(_DATA_DIR, _directory), metavar="DIR",
                     help="Keep indexes in DIR."),
        click.option("--workers", type=click.IntRange(min=0), expose_value=False, callback=_remember(_WORKERS),
                     metavar="N", help="Analyse files in N processes; 0 is one per core."),
    ):  # fmt: skip
        command = option(command)
    return command


def json_option(command: Command) -> Command:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document; errors too.")(command)


def root_option(command: Command) -> Command:
    """Add `--root`, for commands whose arguments are something else."""
    return click.option("--root", metavar="ROOT", help="Ask ROOT instead of the current repository.")(command)


def answer_options(limit: int) -> Callable[[Command], Command]:
    """Add what search, related and symbols share: how many hits, which ones, and how they are printed."""

    def add(command: Command) -> Command:
        for option in reversed((
            click.option("-k", "--limit", type=int, default=limit, show_default=True, metavar="N",
                         help="Give at most N hits."),
            click.option("--lang", multiple=True, metavar="NAME", help="Only this language; repeat or use commas."),
            click.option("--kind", multiple=True, metavar="KIND",
                         help="Only declarations of this kind, such as function or class; repeat or use commas."),
            click.option("--include", multiple=True, metavar="GLOB",
                         help="Only files that match, relative to ROOT, such as '*.{c,h}' or 'src/**'; repeatable."),
            click.option("--exclude", multiple=True, metavar="GLOB",
                         help="No files that match, relative to ROOT; repeatable."),
            click.option("--path", multiple=True, callback=_once, metavar="PREFIX",
                         help="Only this file, or what is below this directory, relative to ROOT."),
            click.option("--min-score", type=float, default=0.0, callback=_chance, metavar="X",
                         help="Only hits that score X or more, 0 to 1: for search the calibrated chance of an answer."),
            click.option("--max-tokens", type=click.IntRange(min=1), metavar="N",
                         help="Print no more than N tokens, cutting hits from the end."),
            click.option("-l", "--files-with-matches", "paths_only", is_flag=True, help="Print paths only."),
            click.option("--refresh/--no-refresh", " /--no-sync", default=True,
                         help="Bring the index up to date first (the default), or ask it as it is."),
            click.option("--refresh-seconds", type=click.FloatRange(min=0), metavar="X",
                         help="Give up bringing it up to date after X seconds, and say so."),
            json_option,
        )):  # fmt: skip
            command = option(command)
        return command

    return add


def filters_of(options: dict[str, Any], root: Path) -> Filters:
    """Return the filters that the options of `answer_options` ask for in `root`, which is absolute and real.

    Raises UsageError for a glob whose braces spell out too much.
    """
    from treeseek.model import Filters

    return Filters(
        languages=listed(options["lang"]),
        kinds=listed(options["kind"]),
        include=tuple(glob for given in options["include"] for glob in unbraced(given)),
        exclude=tuple(glob for given in options["exclude"] for glob in unbraced(given)),
        path=_beneath(options["path"], root),
        min_score=options["min_score"],
    )


def globs_of(given: tuple[str, ...], root: Path) -> tuple[str, ...]:
    """Return globs relative to the root; a path without wildcards means that file, or what is below that directory.

    Raises UsageError for a glob whose braces spell out too much.
    """
    globs: list[str] = []
    for one in given:
        if is_glob(one):
            globs += unbraced(one)
        else:
            globs.append("/" + beneath if (beneath := _beneath(one, root)) else "*")
    return tuple(globs)


def _beneath(given: str, root: Path) -> str:
    """Return a path relative to the root, "" for the root itself; one that isn't inside of it is left as it is."""
    path = os.path.normpath(given) if given else ""
    if Path(path).is_absolute():
        try:
            inside = [place for place in (Path(path), Path(given).resolve()) if place.is_relative_to(root)]
        except (OSError, RuntimeError, ValueError):  # a loop of links, or a NUL
            inside = []
        path = inside[0].relative_to(root).as_posix() if inside else given
    return "" if path == "." else path


def root_of(given: str | None) -> Path:
    """Return the root that was named, or the repository around the current directory."""
    if given is not None:
        return Path(given)
    from treeseek.workspace import repository_of

    return repository_of(Path.cwd())


def opened(root: Path) -> Engine:
    """Return the engine of a root, with the settings that the arguments give."""
    import treeseek
    from treeseek.settings import load

    return treeseek.open(root, load(**settled()))


def located(given: str, root: str | None, *, to_index: bool = False) -> tuple[Path, str]:
    """Return the root of a file and its path beneath it.

    A relative path is looked for from the current directory, then from the root, since that is how hits are
    printed. Without a root named, it is the repository of the current directory if that holds the file, else
    the file's own: its repository, or the directory that it is in, which isn't enough to index that directory.
    Raises RootError when the file is in neither place, or outside of the root named, and with `to_index`
    UsageError when nothing says where the root would end.
    """
    from treeseek.errors import RootError, UsageError
    from treeseek.workspace import repository_of
    from treeseek.workspace.checkout import is_top

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
        if to_index and not is_top(top):
            raise UsageError(
                f"{given} is in no repository and not below the current directory; name the root with --root"
            )
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
