"""What stands on some lines of a file, as it is now? For showing a hit in what is around it."""

from __future__ import annotations

from pathlib import Path

from treeseek.errors import UsageError
from treeseek.indexing.outgoing import shown_bytes
from treeseek.model import Excerpt
from treeseek.settings import Settings
from treeseek.syntax import detect
from treeseek.workspace import classify, client_path, open_root

__all__ = ["MAX_BYTES", "MAX_LINES", "excerpt"]

MAX_LINES, MAX_BYTES = 1_000, 256 * 1024
"""What is given at once. It is for a screen; who wants more can read the file."""


def excerpt(root: Path, settings: Settings, path: str, start: int, end: int) -> Excerpt:
    """Return the lines `start` to `end` of a file, or those of them that there are, painted over like other answers.

    A lone carriage return ends no line, as in the spans of hits. Raises UsageError for lines or a path that can't be,
    and for a file that isn't text, UnreadableError when it isn't a readable file inside the root.
    """
    if not 1 <= start <= end:
        raise UsageError(f"there are no lines {start} to {end}")
    path = client_path(path, root)
    with open_root(root) as reader:
        data = reader.read(path, max_bytes=settings.max_file_bytes)
    if classify(path, data) == "binary":
        raise UsageError(f"{path} is binary: it has no lines")
    language = detect(path, data[:4096])
    # The whole file is painted over, as a part may lack what tells a secret; that moves no line.
    lines = shown_bytes(data, settings).removesuffix(b"\n").split(b"\n")
    if start > len(lines):
        raise UsageError(f"{path} has {len(lines):,} lines, and none with the number {start}")
    wanted = lines[start - 1 : end]
    kept = _fitting(wanted[:MAX_LINES])
    text = "\n".join(line.removesuffix(b"\r").decode("utf-8", "replace") for line in kept)
    is_cut = len(kept) < len(wanted) or len(kept[-1]) < len(wanted[len(kept) - 1])
    return Excerpt(path, language, start, start + len(kept) - 1, len(lines), text, is_cut)


def _fitting(lines: list[bytes]) -> list[bytes]:
    """Return as many lines as may be given at once; of a first one that is longer, its first part."""
    size = 0
    for count, line in enumerate(lines):
        size += len(line) + 1
        if size > MAX_BYTES:
            return lines[:count] or [line[:MAX_BYTES]]
    return lines
