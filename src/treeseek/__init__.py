"""treeseek finds code by meaning in repositories that keep changing.

    import treeseek

    with treeseek.open("path/to/repository") as engine:
        engine.sync()
        for hit in engine.search("where do we retry failed uploads?").hits:
            print(hit.path, hit.start_line, hit.name)

Names are imported when they are first used, so `import treeseek` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from treeseek.engine import Engine
    from treeseek.engine import open_engine as open
    from treeseek.errors import (
        FormatError,
        NotIndexedError,
        RootError,
        StoreError,
        TreeseekError,
        UsageError,
    )
    from treeseek.model import Declaration, Filters, Hit, IndexStatus, SearchResult, SyncReport
    from treeseek.settings import Settings

__version__ = "0.1.0"

_HOMES = {
    "Engine": "engine",
    "open": "engine",
    "FormatError": "errors",
    "NotIndexedError": "errors",
    "RootError": "errors",
    "StoreError": "errors",
    "TreeseekError": "errors",
    "UsageError": "errors",
    "Declaration": "model",
    "Filters": "model",
    "Hit": "model",
    "IndexStatus": "model",
    "SearchResult": "model",
    "SyncReport": "model",
    "Settings": "settings",
}

__all__ = [
    "Declaration",
    "Engine",
    "Filters",
    "FormatError",
    "Hit",
    "IndexStatus",
    "NotIndexedError",
    "RootError",
    "SearchResult",
    "Settings",
    "StoreError",
    "SyncReport",
    "TreeseekError",
    "UsageError",
    "__version__",
    "open",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'treeseek' has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f"treeseek.{_HOMES[name]}")
    value = getattr(module, "open_engine" if name == "open" else name)
    globals()[name] = value
    return value
