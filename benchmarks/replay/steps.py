"""What happens to a working tree: commits one by one, and what people do besides: switch, reformat, vendor, move."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.replay.checkout import Tree

__all__ = ["Step", "steps"]

SWITCH_BACK = 40
"""How many commits lie between the two branches that are switched between."""
_FORMATTED = (".py", ".go", ".ts", ".js", ".rs", ".java", ".rb", ".c", ".cpp", ".kt")


class Step(NamedTuple):
    """Something that was done to the tree. `kind` is commit, switch, switch-back, reformat, restore, vendor or move."""

    kind: str
    name: str
    files: int


def steps(tree: Tree, commits: Sequence[str], *, extras: int) -> Iterator[Step]:
    """Do each commit in turn; after every `extras` of them (0: never) one round of all the rest."""
    for number, commit in enumerate(commits):
        yield Step("commit", commit, tree.go_to(commit))
        if extras and number and number % extras == 0:
            yield from _extras(tree, commits, number)


def _extras(tree: Tree, commits: Sequence[str], number: int) -> Iterator[Step]:
    here, there = commits[number], commits[max(number - SWITCH_BACK, 0)]
    yield Step("switch", there, tree.go_to(there))
    yield Step("switch-back", here, tree.go_to(here))
    for kind, change in (("reformat", _reformat), ("vendor", _vendor), ("move", _move)):
        touched = change(tree.directory)
        yield Step(kind, here, touched)
        yield Step("restore", here, _restore(tree, kind, here))


def _sources(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.suffix in _FORMATTED and path.is_file()
                  and not path.is_symlink())  # fmt: skip


def _reformat(directory: Path) -> int:
    """Indent everything otherwise, as a formatter does that was just introduced."""
    files = _sources(directory)
    for path in files:
        lines = path.read_bytes().split(b"\n")
        path.write_bytes(b"\n".join(_reindented(line) for line in lines))
    return len(files)


def _reindented(line: bytes) -> bytes:
    bare = line.lstrip(b" \t")
    return b" " * (2 * (len(line) - len(bare))) + bare.rstrip()


def _vendor(directory: Path) -> int:
    """Drop copies of a tenth of the files into a new folder."""
    files = _sources(directory)[::10]
    for path in files:
        target = directory / "imported" / path.relative_to(directory)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return len(files)


def _move(directory: Path) -> int:
    """Move the folder with the most files to another name."""
    counts = {folder: sum(1 for path in folder.rglob("*") if path.is_file()) for folder in directory.iterdir()
              if folder.is_dir() and not folder.is_symlink()}  # fmt: skip
    if not counts:
        return 0
    largest = max(counts, key=lambda folder: counts[folder])
    largest.rename(directory / "moved-folder")
    (directory / ".moved-from").write_text(largest.name)
    return counts[largest]


def _restore(tree: Tree, kind: str, commit: str) -> int:
    """Undo what one of the above did."""
    if kind == "vendor":
        shutil.rmtree(tree.directory / "imported", ignore_errors=True)
        return 0
    if kind == "move":
        note = tree.directory / ".moved-from"
        if note.exists():
            (tree.directory / "moved-folder").rename(tree.directory / note.read_text())
            note.unlink()
        return 0
    return tree.rewrite(commit, _FORMATTED)
