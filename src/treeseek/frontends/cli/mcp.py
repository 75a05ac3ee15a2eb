"""The command that answers an agent."""

from __future__ import annotations

from pathlib import Path

import click

from treeseek.frontends.cli.arguments import root_of, settled, shared_options
from treeseek.frontends.cli.output import tell

__all__ = ["mcp"]


@click.command()
@click.argument("roots", nargs=-1, metavar="[ROOT]…")
@shared_options
def mcp(roots: tuple[str, ...]) -> int:
    """Answer an agent's questions about ROOTS over standard input and output, by the Model Context Protocol.

    Agents start this command by themselves, once `treeseek install` has told them. Nothing outside ROOTS is read.
    """
    from treeseek.frontends import launch
    from treeseek.settings import load

    launch.mcp([Path(root) for root in roots] or [root_of(None)], load(**settled()), tell)
    return 0
