"""Other tools on the same tree, in the same run: semble with a static model from local files, and ripgrep.

Nothing is downloaded: semble gets a model made of treeseek's own weights, and is told to stay offline. Neither peer
can be indexed or asked in exactly treeseek's way: semble indexes code alone by default, treeseek prose and
configuration too, and saves to disk with one write; ripgrep needs no index, and ranks nothing.
"""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measures import Measure, latency
from benchmarks.processes import Cost, Job, measured, run
from treeseek.tokens import split_words

__all__ = ["missing", "ripgrep", "semble_jobs", "semble_search", "semble_settings"]

SCRIPT = Path(__file__).with_name("semble_peer.py")
WEIGHTS = Path(__file__).resolve().parent.parent / "src" / "treeseek" / "embedding" / "weights"
MIN_WORD = 3
NOTHING_FOUND = 1


def missing(command: Sequence[str | Path]) -> str:
    """Return why a peer can't be measured, if trying it with `command` fails, or ""."""
    try:
        found = run(command)
    except OSError as error:
        return str(error)
    return (found.errors.strip().rpartition("\n")[2] or f"exit code {found.code}") if found.code else ""


def semble_jobs(python: Path, root: Path, scratch: Path) -> list[Job]:
    """Return semble's cold indexing, in one process and with two workers; makes its model below `scratch`."""
    model, settings = scratch / "semble-model", semble_settings(scratch)
    run([python, SCRIPT, "model", WEIGHTS, model], settings, codes=(0,))

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
