"""Questions to repositories that aren't learnt from: what their documentation and commits say, and of which file.

The weights are chosen by these; the public benchmark only confirms.
"""

from __future__ import annotations

import pickle
import random
import sys
from pathlib import Path

from training.model.benchmark import chunk_texts
from training.model.extract import directory_of
from training.model.fit import HELD_OUT
from treeseek.learning.judging import Collection, collection
from treeseek.learning.pairs import is_test
from treeseek.learning.prose import of_commit, of_documentation
from treeseek.learning.repository import Limits, changed_paths, patterns_of, source_files
from treeseek.syntax import analyse
from treeseek.workspace.commits import commits

MAX_QUESTIONS = 30
LIMITS = Limits(source_bytes=3_000_000)


def of_repository(directory: Path, name: str, revision: str = "HEAD") -> Collection:
    """Return a repository's files, without what the questions were taken from, and the questions."""
    rng = random.Random(name)
    sources, _ = source_files(directory, revision, LIMITS)
    sources = [file for file in sources if not is_test(file.path)]
    number = {file.path: i for i, file in enumerate(sources)}
    asked: list[tuple[str, list[int], str]] = []
    for i, file in enumerate(sources):
        for one in analyse(file.data, file.language, deadline_seconds=20).declarations:
            said = of_documentation(one.doc)
            if len(said.split()) >= 5:
                asked.append((said, [i], one.doc))
    rng.shuffle(asked)
    questions = [(said, right) for said, right, _ in asked[:MAX_QUESTIONS]]
    texts = [file.data.decode("utf-8", "replace") for file in sources]
    for _, (i,), doc in asked[:MAX_QUESTIONS]:
        said = {line.strip() for line in doc.splitlines() if len(line.strip()) > 8}
        texts[i] = "\n".join(line for line in texts[i].split("\n") if not any(part in line for part in said))
    found = []
    for commit in commits(directory, patterns_of(sources), limit=600, until=revision):
        right = [number[path] for path in changed_paths(commit) if path in number]
        said = of_commit(commit.subject)
        if said and 1 <= len(right) <= 4 and len(commit.files) <= 8:
            found.append((said, right))
    rng.shuffle(found)
    questions += found[:MAX_QUESTIONS]
    files = [
        (file.path, chunk_texts(text.encode("utf-8", "replace"), file.language))
        for file, text in zip(sources, texts, strict=True)
    ]
    return collection(files, questions)


def read(mirror: Path, kept: Path) -> dict[str, Collection]:
    """Return a collection for each repository that is held out and there."""
    if kept.exists():
        held: dict[str, Collection] = pickle.loads(kept.read_bytes())
        return held
    found = {}
    for name in sorted(HELD_OUT):
        directory = directory_of(mirror, name)
        if directory is not None:
            found[name] = of_repository(directory, name)
            print(name, len(found[name].queries), file=sys.stderr)
    kept.write_bytes(pickle.dumps(found))
    return found
