"""The command that tells whether treeseek can do its work here, and how safely."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from treeseek.frontends import documents
from treeseek.frontends.cli.arguments import json_option, opened, root_of, shared_options
from treeseek.frontends.cli.output import tell, write
from treeseek.frontends.escapes import printable

if TYPE_CHECKING:
    from treeseek.engine import Engine
    from treeseek.indexing.health import Check

__all__ = ["doctor"]

FINE, FAILED = 0, 1


@click.command()
@click.argument("root", required=False)
@json_option
@shared_options
def doctor(root: str | None, *, as_json: bool) -> int:
    """Tell what this machine gives: the sandbox in force, safe opening, watches, room on disk, versions; and whether
    the index of ROOT holds together.

    Exit codes: 0 everything works, 1 something doesn't.
    """
    with opened(root_of(root)) as engine:
        from treeseek.indexing.health import checks

        found = [*checks(engine.settings), _index(engine)]
        top = str(engine.root)
    fine = all(one.state != "fail" for one in found)
    if as_json:
        write(documents.dumped(documents.doctor(top, found, fine=fine)))
    else:
        widest = max(len(one.name) for one in found)
        write("".join(f"{one.state:4}  {one.name.ljust(widest)}  {printable(one.detail)}\n" for one in found))
    if not fine:
        tell("something is amiss: the lines that begin with fail")
    return FINE if fine else FAILED


def _index(engine: Engine) -> Check:
    """Say in a line how the index is."""
    from treeseek.errors import NotIndexedError, StoreError, StoreLockedError
    from treeseek.indexing.health import Check

    try:
        found = engine.verify(wait=0.0)
    except NotIndexedError:
        return Check("index", "ok", f"{engine.root} has none yet")
    except StoreLockedError:
        return Check("index", "ok", f"{engine.root} is being indexed just now")
    except StoreError as error:
        return Check("index", "fail", str(error))
    if found.is_clean:
        return Check("index", "ok", f"{engine.root}: clean, version {found.version}, {found.files:,} files")
    problems = sum(not one.is_harmless for one in found.problems)
    return Check("index", "fail", f"{engine.root}: {problems} problems; `treeseek repair` mends them")
