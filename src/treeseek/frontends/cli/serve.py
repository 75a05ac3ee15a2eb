"""The command that serves roots over HTTP, until it is told to end."""

from __future__ import annotations

from pathlib import Path

import click

from treeseek.frontends.cli.arguments import root_of, settled, shared_options
from treeseek.frontends.cli.output import tell

__all__ = ["serve"]


@click.command()
@click.argument("roots", nargs=-1, metavar="[ROOT]…")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Listen there; what others than this machine reach needs a token.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    metavar="N",
    help="Listen at this port; 0 is any that is free.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json", "off"]),
    default="text",
    show_default=True,
    help="Write a line a request to standard error, in this form.",
)
@shared_options
def serve(roots: tuple[str, ...], *, host: str, port: int, log_format: str) -> int:
    """Serve ROOTs over HTTP: a page for people at /, and for programs what docs/http.md describes.

    Their indexes are made and kept up to date meanwhile. It ends, cleanly, on Ctrl-C or SIGTERM.
    """
    from treeseek.frontends import launch
    from treeseek.settings import load

    paths = [Path(root) for root in roots] or [root_of(None)]
    launch.serve(paths, load(**settled()), tell, host=host, port=port, log_format=log_format)
    return 0
