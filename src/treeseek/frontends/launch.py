"""Which frontends run together, and are they installed? The one place that knows all of them, for the commands.

A command line that never serves needs none of their libraries, so they are imported here, when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from treeseek.errors import MissingExtraError

if TYPE_CHECKING:
    from treeseek.settings import Settings

__all__ = ["mcp", "serve"]


def serve(paths: Sequence[Path], settings: Settings, tell: Callable[[str], object], **options: Any) -> None:
    """Serve roots over HTTP until the process is told to end; `options` are those of `frontends.http.options`.

    Raises MissingExtraError without the extra `server`, RootError, and UsageError for what can't be.
    """
    from treeseek.frontends.http.tokens import token_of
    from treeseek.settings import prepare_server

    prepare_server()
    token = token_of(settings, options["host"])
    with _installed():
        from treeseek.frontends.http.app import Mounted
        from treeseek.frontends.http.options import Options
        from treeseek.frontends.http.server import serve
        from treeseek.frontends.mcp.mounted import mounted

    from treeseek.service import Service

    service = Service(paths, settings)
    serve(service, Options(token=token, **options), tell, {"/mcp": Mounted(*mounted(service, tell))})


def mcp(paths: Sequence[Path], settings: Settings, tell: Callable[[str], object]) -> None:
    """Serve roots to the agent that started this process, over standard input and output, until it has gone.

    Raises MissingExtraError without the extra `server`, RootError.
    """
    if find_spec("mcp") is None:  # importing it takes longer than its first answer may
        raise MissingExtraError("mcp is not installed; pip install 'treeseek[server]'")
    from treeseek.frontends.mcp.stdio import serve
    from treeseek.settings import prepare_server

    prepare_server()

    serve(paths, settings, tell)


@contextmanager
def _installed() -> Iterator[None]:
    """Say in one line what is missing, if something is."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("treeseek"):
            raise
        raise MissingExtraError(f"{error.name} is not installed; pip install 'treeseek[server]'") from None
