"""The public benchmark's files and questions as bags of words, kept on disk: a model is judged in seconds."""

from __future__ import annotations

import json
import pickle
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.metrics import same_path

from treeseek.learning.judging import Collection, collection
from treeseek.settings import load
from treeseek.syntax import analyse, detect
from treeseek.workspace import classify, walk


def chunk_texts(data: bytes, language: str) -> list[str]:
    """Return the texts of a file's chunks, as an index cuts them."""
    chunks = analyse(data, language, deadline_seconds=20, documentation=False).chunks
    return [data[chunk.start_byte : chunk.end_byte].decode("utf-8", "replace") for chunk in chunks]


def files_of(root: Path) -> list[tuple[str, list[str]]]:
    """Return the path of each file of a root that would be indexed, with the texts of its chunks."""
    found = []
    settings = load({})
    for file in walk(root.resolve(), max_file_bytes=settings.max_file_bytes, max_files=settings.max_files).files:
        data = (root / file.path).read_bytes()
        if not classify(file.path, data):
            found.append((file.path, chunk_texts(data, detect(file.path, data[:4096]))))
    return found


def read(queries: Path, repos: Path, corpus: Path, kept: Path) -> dict[str, Collection]:
    """Return a collection for each repository of a benchmark."""
    if kept.exists():
        held: dict[str, Collection] = pickle.loads(kept.read_bytes())
        return held
    by_repo: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in queries.read_text("utf-8").splitlines():
        query = json.loads(line)
        by_repo[query["repo"]].append(query)
    collections = {}
    for repo in json.loads(repos.read_text("utf-8")):
        prefix = "" if repo["root"] == "." else repo["root"].strip("/") + "/"
        files = files_of(corpus / repo["repo"] / repo["root"])
        questions = []
        for query in by_repo[repo["repo"]]:
            targets = query["relevant"] + query["secondary"]
            right = [
                i for i, (path, _) in enumerate(files) if any(same_path(prefix + path, one["path"]) for one in targets)
            ]
            missing = range(-1, len(right) - len(targets) - 1, -1)  # nobody can find these, and they count
            questions.append((query["query"], [*right, *missing]))
        collections[repo["repo"]] = collection(files, questions)
        print(repo["repo"], len(files), len(questions), file=sys.stderr)
    kept.write_bytes(pickle.dumps(collections))
    return collections
