"""May so much be sent? Asked on a terminal before a first index by a remote embedder; a pipe is told to say `--yes`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from treeseek.frontends.cli.output import tell
from treeseek.frontends.escapes import printable

if TYPE_CHECKING:
    from treeseek.engine import Engine
    from treeseek.model import Estimate

__all__ = ["ask", "described"]


def ask(engine: Engine) -> None:
    """Return if a first index may be made. Raises UsageError if nobody can be asked, click.Abort at a no."""
    found = engine.unasked()
    if found is None:
        return
    what = described(found)
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()):
        from treeseek.errors import UsageError

        raise UsageError(f"a first index would send {what}; `treeseek index --yes` does it, `--estimate` tells more")
    import click

    tell(f"a first index of {engine.root} sends {what}")
    click.confirm("Send it?", abort=True, err=True)


def described(found: Estimate) -> str:
    """Return in one line what would be sent where, what that costs, and how long it takes."""
    texts = f"{found.texts - found.known:,} texts, about {found.tokens:,} tokens"
    cost = "at a price that isn't known (price=…)" if found.dollars is None else f"for about ${found.dollars:,.2f}"
    time = "" if found.seconds is None else f", in {_duration(found.seconds)} at least"
    return f"{texts}, to {printable(found.embedder.partition('@')[0])}, {cost}{time}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:,.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 5_400 else f"{seconds / 3_600:,.1f} h"
