"""What did we change, so that it can be undone to the byte? Our edits, never what else a file holds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from treeseek.agents import files
from treeseek.agents.edits import Edit
from treeseek.errors import UsageError

__all__ = ["Receipt", "Receipts"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """An edit of a file; whether the file was made for it, and which directories were."""

    edit: Edit
    is_new: bool = False
    directories: tuple[Path, ...] = ()


class Receipts:
    """The receipts of all installations, by file, in one file of ours. If it is lost, our marks in the files serve."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held = _loaded(path)

    def get(self, path: Path) -> Receipt | None:
        """Return the receipt of a file."""
        return self._held.get(str(path))

    def keep(self, path: Path, receipt: Receipt | None) -> None:
        """Note a receipt, or with None that there is none any more. Raises UsageError if that can't be written."""
        if receipt == self._held.get(str(path)):
            return
        if receipt is None:
            self._held.pop(str(path), None)
        else:
            self._held[str(path)] = receipt
        before = files.read(self._path)
        if self._held:
            files.made_directories(self._path)
            files.written(self._path, _dumped(self._held), before)
        elif before is not None:
            files.remove(self._path, ())

    def inherit(self, directories: Sequence[Path]) -> None:
        """Leave directories that we made, and that hold something yet, to the receipt of a file in them."""
        for directory in directories:
            heir = next((path for path in self._held if Path(path).is_relative_to(directory)), None)
            if heir is not None:
                old = self._held[heir]
                made = sorted({directory, *old.directories}, key=lambda one: len(one.parts))
                self.keep(Path(heir), replace(old, directories=tuple(made)))


def _dumped(held: Mapping[str, Receipt]) -> str:
    entries = {
        path: {
            "start": one.edit.start, "removed": one.edit.removed, "inserted": one.edit.inserted, "new": one.is_new,
            "directories": [str(directory) for directory in one.directories],
        }
        for path, one in held.items()
    }  # fmt: skip
    return json.dumps({"version": 1, "files": entries}, indent=1) + "\n"


def _loaded(path: Path) -> dict[str, Receipt]:
    """Return what is there; nothing of what can't be read, since a file can be tidied without it."""
    try:
        document = json.loads(files.read(path) or "{}")
        return {
            file: Receipt(
                Edit(int(one["start"]), str(one["removed"]), str(one["inserted"])),
                bool(one["new"]),
                tuple(Path(directory) for directory in one["directories"]),
            )
            for file, one in document.get("files", {}).items()
        }
    except (UsageError, ValueError, KeyError, TypeError, AttributeError):
        return {}
