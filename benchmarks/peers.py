"""Other tools on the same tree, in the same run: semble with a static model from local files, and ripgrep.

Nothing is downloaded: semble gets a model made of treeseek's own weights, and is told to stay offline. Neither peer
can be indexed or asked in exactly treeseek's way: semble indexes code alone by default, treeseek prose and
configuration too, and saves to disk with one write; ripgrep needs no index, and ranks nothing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measures import Measure, latency
from benchmarks.processes import Cost, Job, RunError, measured, run
from treeseek.tokens import split_words

__all__ = [
    "Answers",
    "Semble",
    "missing",
    "open_semble",
    "ripgrep",
    "ripgrep_ranked",
    "semble_jobs",
    "semble_model",
    "semble_search",
    "semble_settings",
]

SCRIPT = Path(__file__).with_name("semble_peer.py")
WEIGHTS = Path(__file__).resolve().parent.parent / "src" / "treeseek" / "embedding" / "weights"
MIN_WORD = 3
COMMON = frozenset("how does the and for are with that this what where which when from into".split())
NOTHING_FOUND = 1


def missing(command: Sequence[str | Path]) -> str:
    """Return why a peer can't be measured, if trying it with `command` fails, or ""."""
    try:
        found = run(command)
    except OSError as error:
        return str(error)
    return (found.errors.strip().rpartition("\n")[2] or f"exit code {found.code}") if found.code else ""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a peer found: for each query its places, as [path, first line, last line], and the seconds it took."""

    results: Sequence[Sequence[Sequence[Any]]]
    seconds: Sequence[float]
    index_seconds: float


class Semble:
    """A process that indexes and searches one root. Use it from `open_semble`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, queries: Sequence[tuple[str, float | None]], *, limit: int = 10) -> Answers:
        """Bring the index up to date and search, each query with its `alpha`: 0 leaves the model out, None is semble's
        own choice.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"queries": list(queries), "limit": limit}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RunError("semble ended; see what it said above")
        told = json.loads(line)
        return Answers(told["results"], told["seconds"], told["index"])


@contextmanager
def open_semble(python: Path, root: Path, model: Path) -> Iterator[Semble]:
    """Yield semble for a root, with a model that `semble_model` made; its index goes at the end."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [python, SCRIPT, "serve", root, model]
        environment = {**os.environ, **semble_settings(Path(scratch))}
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, env=environment
        ) as process:
            try:
                yield Semble(process)
            finally:
                process.kill()


def semble_model(python: Path, scratch: Path) -> Path:
    """Make semble's model of treeseek's weights, if it isn't there, and return where it is."""
    model = scratch / "semble-model"
    if not model.exists():
        run([python, SCRIPT, "model", WEIGHTS, model], semble_settings(scratch), codes=(0,))
    return model


def semble_jobs(python: Path, root: Path, scratch: Path) -> list[Job]:
    """Return semble's cold indexing, in one process and with two workers; makes its model below `scratch`."""
    model, settings = semble_model(python, scratch), semble_settings(scratch)

    def fresh() -> None:
        shutil.rmtree(settings["SEMBLE_CACHE_LOCATION"], ignore_errors=True)

    command = (python, SCRIPT, "index", root, model)
    return [Job(command, {**settings, "SEMBLE_INDEX_WORKERS": workers}, fresh) for workers in ("0", "2")]


def semble_search(python: Path, root: Path, queries: Path, scratch: Path) -> Measure:
    """Measure semble's warm searches, on the index that the last of `semble_jobs` left."""
    command = (python, SCRIPT, "search", root, scratch / "semble-model", queries)
    cost = measured(Job(command, semble_settings(scratch)), 1)
    return latency("semble search, warm", cost, **json.loads(cost.output))


def semble_settings(scratch: Path) -> dict[str, str]:
    """Return the variables that keep semble offline, and its cache below `scratch`."""
    return {
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(scratch / "hf"),
        "SEMBLE_CACHE_LOCATION": str(scratch / "semble-cache"),
    }


def ripgrep_ranked(binary: Path, root: Path, query: str, limit: int = 10) -> list[list[Any]]:
    """Return the files that hold most different words of a query, as [path, 1, any last line].

    A process a word. Words are whole, as they stand in the query; among files with as many of them, the one with more
    lines that hold one comes first.
    """
    words: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for word in _whole_words(query):
        command: list[str | Path] = [binary, "-c", "-i", "-F", "-I", "--null", "--with-filename", "--no-require-git",
                                     "--no-config", "-e", word, "."]  # fmt: skip
        done = subprocess.run(command, cwd=root, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode not in (0, NOTHING_FOUND):
            raise RunError(f"ripgrep ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace')[-300:]}")
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            path, _, count = line.partition("\0")
            words[path.removeprefix("./")] += 1
            lines[path.removeprefix("./")] += int(count)
    best = sorted(words, key=lambda path: (-words[path], -lines[path], path))[:limit]
    return [[path, 1, 1 << 30] for path in best]


def _whole_words(query: str) -> list[str]:
    words = {word.lower() for word in re.findall(r"\w+", query)}
    return sorted(word for word in words if len(word) >= MIN_WORD and word not in COMMON) or [query]


def ripgrep(binary: Path, root: Path, queries: Sequence[str]) -> Measure:
    """Measure what finding the files that hold any word of a query costs, a process a query."""
    costs: list[Cost] = []
    for query in queries:
        words = sorted({word for word in split_words(query) if len(word) >= MIN_WORD}) or [query]
        options = [part for word in words for part in ("-e", word)]
        command: list[str | Path] = [binary, "-l", "-i", "--no-require-git", "--no-config", *options, root]
        costs.append(run(command, codes=(0, NOTHING_FOUND)))
    cost = Cost(statistics.median(cost.cpu for cost in costs), 0.0)
    release = run([binary, "--version"], codes=(0,)).output.partition("\n")[0]
    return latency("ripgrep, the words of a query", cost, [cost.wall for cost in costs], version=release)
