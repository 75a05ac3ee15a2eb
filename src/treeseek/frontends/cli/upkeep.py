"""The commands of whoever keeps an index: keep it true, check it, mend it, tidy it, move it on, go back."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from treeseek.frontends import documents
from treeseek.frontends.cli import consent, render
from treeseek.frontends.cli.arguments import json_option, opened, root_of, shared_options
from treeseek.frontends.cli.output import tell, write
from treeseek.frontends.cli.progress import shown
from treeseek.frontends.escapes import printable

if TYPE_CHECKING:
    from treeseek.model import SyncReport

__all__ = ["gc", "migrate", "repair", "rollback", "verify", "watch"]

FINE, ERRORS, NO_INDEX, LOCKED = 0, 1, 10, 11
PATIENCE_SECONDS = 5.0
"""How long `verify` waits for a writer: it is asked by scripts, which rather hear that it is locked."""


def _percent(_: click.Context, __: click.Parameter, given: str | None) -> float:
    if given is None:
        return 0.0
    try:
        percent = float(given.removesuffix("%"))
    except ValueError:
        percent = -1.0
    if not 0 < percent <= 100:
        raise click.BadParameter(f"{given!r} is not a percentage above 0 and up to 100")
    return percent


@contextmanager
def _exit_codes_of_verify() -> Iterator[None]:
    """Tell no index and a locked one by their exit codes, as restic does."""
    from treeseek.errors import NotIndexedError, StoreLockedError

    try:
        yield
    except NotIndexedError as error:
        error.exit_code = NO_INDEX
        raise
    except StoreLockedError as error:
        error.exit_code = LOCKED
        raise


@click.command()
@click.argument("root", required=False)
@click.option(
    "--read-data", "percent", is_flag=False, flag_value="100", callback=_percent, metavar="[PERCENT]",
    help="Also read the index's files, or so much of them chosen at random, and compare their hashes.",
)  # fmt: skip
@json_option
@shared_options
def verify(root: str | None, *, percent: float, as_json: bool) -> int:
    """Check that the index of ROOT holds together.

    Exit codes: 0 clean, 1 something is wrong, 10 there is no index, 11 another process is writing it.
    """
    with opened(root_of(root)) as engine, _exit_codes_of_verify():
        found = engine.verify(percent=percent, wait=PATIENCE_SECONDS)
        if as_json:
            write(documents.dumped(documents.verification(str(engine.root), found)))
        else:
            write("".join(render.verification(str(engine.root), found)))
    if not found.is_clean:
        tell("`treeseek repair` mends it")
    return FINE if found.is_clean else ERRORS


@click.command()
@click.argument("root", required=False)
@json_option
@shared_options
def repair(root: str | None, *, as_json: bool) -> int:
    """Mend a damaged index of ROOT, and bring it up to date.

    Damaged files are set aside, not deleted; what they held is made again from the source.
    """
    with opened(root_of(root)) as engine, shown(sys.stderr) as progress:
        done = engine.repair(progress)
    if as_json:
        write(documents.dumped(documents.repair(str(engine.root), done)))
    else:
        write("".join(render.repair(str(engine.root), done)))
    return FINE


@click.command()
@click.argument("root", required=False)
@click.option("--all", "drops_generations", is_flag=True,
              help="Also drop the generation before the current one; there is no `rollback` then.")  # fmt: skip
@click.option("--orphans", is_flag=True, help="Also remove the indexes of roots that don't exist any more.")
@json_option
@shared_options
def gc(root: str | None, *, drops_generations: bool, orphans: bool, as_json: bool) -> int:
    """Make the index of ROOT as small and quick as it can be. It is kept tidy without this; nobody has to call it.

    Searches go on meanwhile. Caches keep to their budgets by themselves.
    """
    from treeseek.engine import remove_orphans
    from treeseek.errors import NotIndexedError

    with opened(root_of(root)) as engine:
        done = engine.tidy(force=True, drop_generations=drops_generations)
        if done is None:
            raise NotIndexedError(f"{engine.root} has no index to tidy")
        removed = remove_orphans(engine.settings) if orphans else ()
        if as_json:
            write(documents.dumped(documents.maintenance(str(engine.root), done, removed)))
        else:
            write("".join(render.maintenance(str(engine.root), done, removed)))
    return FINE


@click.command()
@click.argument("root", required=False)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_option
@shared_options
def migrate(root: str | None, *, dry_run: bool, as_json: bool) -> int:
    """Bring an index of an older treeseek to the format of this one, embeddings and all.

    The old index stays beside the new one until that is proven equal, and after that for `treeseek rollback`. An index
    is migrated by itself the first time that it is written.
    """
    with opened(root_of(root)) as engine:
        done = engine.migrate(dry_run=dry_run)
        if as_json:
            write(documents.dumped(documents.migration(str(engine.root), done, dry_run=dry_run)))
        else:
            write("".join(render.migration(str(engine.root), done, dry_run=dry_run)))
    return FINE


@click.command()
@click.argument("root", required=False)
@json_option
@shared_options
def rollback(root: str | None, *, as_json: bool) -> int:
    """Go back to the generation of the index of ROOT before the current one; once more goes forward again.

    A new generation comes about by `index --rebuild`, by `migrate`, and when the embedder or the analysis changes.
    """
    with opened(root_of(root)) as engine:
        left, entered = engine.roll_back()
        if as_json:
            write(documents.dumped(documents.rollback(str(engine.root), left, entered)))
        else:
            write(f"{printable(str(engine.root))}: from {left} back to {entered}\n")
    return FINE


@click.command()
@click.argument("root", required=False)
@json_option
@shared_options
def watch(root: str | None, *, as_json: bool) -> int:
    """Keep the index of ROOT up to date while files change, until interrupted.

    What was done is told on standard error; with --json a document for each change, as `index` prints it, on standard
    output.
    """
    stop = threading.Event()
    with opened(root_of(root)) as engine:
        where = str(engine.root), str(engine.directory)

        def report(done: SyncReport, *, always: bool = False) -> None:
            if as_json and (done.committed or always):
                write(documents.dumped(documents.index_report(*where, done)))
            elif done.committed:
                tell(f"{time.strftime('%H:%M:%S')} {render.changes(done)}")

        consent.ask(engine)
        previous = signal.signal(signal.SIGTERM, lambda *_: stop.set())
        try:
            with shown(sys.stderr) as progress:
                first = engine.sync(progress)
            if as_json:
                report(first, always=True)
            tell(f"watching {engine.root}: {render.counted(first.files, 'file')}; Ctrl-C ends it")
            engine.watch(stop, on_sync=report, on_error=lambda error: tell(str(error)), on_notice=tell)
        except KeyboardInterrupt:
            stop.set()
        finally:
            signal.signal(signal.SIGTERM, previous)
    return FINE
