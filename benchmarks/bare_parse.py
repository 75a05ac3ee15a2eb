"""The yardstick: tree-sitter alone, over exactly the files that treeseek parses, in one process.

    python -m benchmarks.bare_parse ROOT

Files are chosen, judged and read beforehand; only the loop over `parse` is timed. Prints one JSON object: files,
bytes, cpu and wall seconds of the loop, and files by language.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import tree_sitter

from treeseek import settings
from treeseek.errors import UnreadableError
from treeseek.syntax import detect
from treeseek.syntax.languages import LANGUAGES
from treeseek.workspace import classify, open_root, walk

__all__ = ["bare_parse", "parsed_files"]


def parsed_files(root: Path) -> Iterator[tuple[str, str, bytes]]:
    """Yield (path, language, bytes) of every file under `root` that treeseek reads with a grammar."""
    limits = settings.load()
    found = walk(root, max_file_bytes=limits.max_file_bytes, max_files=limits.max_files)
    with open_root(root) as reader:
        for file in found.files:
            try:
                data = reader.read(file.path, max_bytes=limits.max_file_bytes)
            except UnreadableError:
                continue
            language = detect(file.path, data[:4096])
            wanted = data and LANGUAGES[language].reader == "syntax"
            if wanted and (file.path in found.brought_back or not classify(file.path, data)):
                yield file.path, language, data


def bare_parse(root: Path) -> dict[str, Any]:
    """Parse every file once and return what it took."""
    files = [(language, data) for _, language, data in parsed_files(root)]
    parsers = {language: _parser(language) for language in {language for language, _ in files}}
    cpu, wall = time.process_time(), time.perf_counter()
    for language, data in files:
        parsers[language].parse(data)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {
        "files": len(files),
        "bytes": sum(len(data) for _, data in files),
        "cpu": cpu,
        "wall": wall,
        "languages": dict(Counter(language for language, _ in files).most_common()),
    }


def _parser(language: str) -> tree_sitter.Parser:
    row = LANGUAGES[language]
    return tree_sitter.Parser(tree_sitter.Language(getattr(import_module(row.module), row.function)()))


if __name__ == "__main__":
    print(json.dumps(bare_parse(Path(sys.argv[1]))))
