"""Which frontends run together, and are they installed? The one place that knows all of them, for the commands.

A command line that never serves needs none of their libraries, so they are imported here, when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from treeseek.errors import MissingExtraError

if TYPE_CHECKING:
    from treeseek.settings import Settings

__all__ = ["serve"]


def serve(paths: Sequence[Path], settings: Settings, tell: Callable[[str], object], **options: Any) -> None:
    """Serve roots over HTTP until the process is told to end; `options` are those of `frontends.http.options`.

    Raises MissingExtraError without the extra `server`, RootError, and UsageError for what can't be.
    """
    from treeseek.settings import prepare_server

    prepare_server()
    with _installed():
        from treeseek.frontends.http.options import Options
        from treeseek.frontends.http.server import serve, token_of

    from treeseek.service import Service

    token = token_of(settings, options["host"])
    serve(Service(paths, settings), Options(token=token, **options), tell)


@contextmanager
def _installed() -> Iterator[None]:
    """Say in one line what is missing, if something is."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("treeseek"):
            raise
        raise MissingExtraError(f"{error.name} is not installed; pip install 'treeseek[server]'") from None
