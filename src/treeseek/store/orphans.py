"""Which indexes belong to nobody? Those whose root doesn't exist any more."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from treeseek.errors import StoreError
from treeseek.store.columns import decode_path
from treeseek.store.lock import writer_lock
from treeseek.store.table import UnitStore

__all__ = ["remove_orphans"]


def remove_orphans(data_dir: Path) -> tuple[str, ...]:
    """Remove the indexes below `data_dir` whose root is gone; return those roots.

    An index that can't be opened, or is being written, isn't touched: nobody knows whose it is.
    """
    removed = []
    for directory, root in _indexes(data_dir):
        if not root.exists():
            try:
                with writer_lock(directory, 0, "treeseek gc"):
                    (directory / "CURRENT").unlink(missing_ok=True)
            except StoreError:
                continue
            shutil.rmtree(directory, ignore_errors=True)
            removed.append(str(root))
    return tuple(removed)


def _indexes(data_dir: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the directory and the root of each index that can be opened."""
    for current in sorted(data_dir.glob("*/CURRENT")):
        try:
            store = UnitStore.open(current.parent)
        except StoreError:
            continue
        stated: bytes = ((store.snapshot().schema.metadata if store else None) or {}).get(b"treeseek.root", b"")
        if stated:
            yield current.parent, Path(decode_path(stated.decode()))
