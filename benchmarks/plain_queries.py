"""Plain-language queries taken from a tree itself, when nobody has written any: what its own comments say things do.

For speed only. They are too easy to measure retrieval with: the words of the answer are in the question.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bare_parse import parsed_files
from treeseek.syntax import analyse
from treeseek.tokens import split_words

__all__ = ["first_sentence", "of_file", "of_tree"]

SEED = 7
FILES = 400
MAX_WORDS = 12
MIN_WORDS = 2


def of_tree(root: Path, count: int = 60) -> list[str]:
    """Return up to `count` different queries, the same for the same tree: half from doc comments, half from names."""
    files = sorted(parsed_files(root))
    chosen = random.Random(SEED).sample(files, min(FILES, len(files)))
    documented: dict[str, None] = {}
    named: dict[str, None] = {}
    for _, language, data in chosen:
        for doc, name in _declared(data, language):
            sentence = first_sentence(doc)
            documented |= dict.fromkeys([sentence] if sentence else [])
            words = _words(name)
            named |= dict.fromkeys([words] if words else [])
    pools = [sorted(documented), sorted(named)]
    for pool in pools:
        random.Random(SEED).shuffle(pool)
    half = count - min(count // 2, len(pools[1]))
    queries = pools[0][:half]
    return (queries + pools[1])[:count]


def of_file(path: Path) -> list[str]:
    """Return the lines of a file that aren't blank."""
    return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]


def _declared(data: bytes, language: str) -> Iterator[tuple[str, str]]:
    """Yield the doc comment and the name of some of a file's declarations, a few from each."""
    declarations = analyse(data, language, deadline_seconds=10).declarations
    for declaration in declarations[:8]:
        yield declaration.doc.strip(), declaration.name


def first_sentence(doc: str) -> str:
    """Return the first words of a doc comment's first sentence, or "" if they are too few."""
    return _words(doc.strip().partition(".")[0])


def _words(text: str) -> str:
    """Return a text's first words in lower case, or "" if they are too few to be a question."""
    words = [word for word in split_words(text) if word.isalpha()][:MAX_WORDS]
    return " ".join(words) if len(words) >= MIN_WORDS else ""
