"""How soon is a saved file found? `python -m benchmarks.saves --tree DIR [--saves 50] [--semble PYTHON]`.

A copy of the tree is indexed; then one file at a time gets a function with a name of its own. Measured are the command
`treeseek index` after such a change, and, in a process that watches and searches, the time from the write to the answer
that holds the new function. With an interpreter that has semble, its refresh of the same tree after the same change.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import treeseek
from benchmarks.cst.figures import percentile
from benchmarks.peers import SCRIPT, WEIGHTS, semble_settings
from benchmarks.processes import run
from benchmarks.provenance import provenance
from treeseek import Engine
from treeseek.settings import load

PATIENCE_SECONDS = 20.0
PAUSE_SECONDS = 0.3
SUFFIXES = (".py", ".rb")
MIN_FILES = 50
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
"""As an installed package is."""


def saved(root: Path, files: list[Path], number: int) -> str:
    """Append a function to one of the files, by a single write; return its name."""
    name = f"freshly_saved_{number}_{time.time_ns() % 10**9}"
    with (root / files[number % len(files)]).open("a") as file:
        file.write(f"\n\ndef {name}():\n    return {number}\n")
    return name


def python_files(root: Path) -> list[Path]:
    """Return files in which such a function is one: Ruby's or Python's, made if the tree has none."""
    found = sorted(path.relative_to(root) for path in root.rglob("*") if path.suffix in SUFFIXES and path.is_file())
    if len(found) >= MIN_FILES:
        return found
    made = [Path(f"added{number}.py") for number in range(MIN_FILES)]
    for path in made:
        (root / path).write_text("def there():\n    pass\n")
    return made


@contextmanager
def watching(engine: Engine) -> Iterator[None]:
    """Watch in a thread of this process, as a server does."""
    stop = threading.Event()
    thread = threading.Thread(target=engine.watch, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def until_found(engine: Engine, name: str, before: int) -> float:
    """Return the moment at which a search gives the function. Looks for a new version every millisecond."""
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while time.perf_counter() < deadline:
        if engine.sequence() != before and any(name in hit.text for hit in engine.search(name, limit=3).hits):
            return time.perf_counter()
        time.sleep(0.001)
    raise TimeoutError(f"{name} wasn't found within {PATIENCE_SECONDS} s")


def under_watch(engine: Engine, files: list[Path], saves: int) -> list[float]:
    """Return for each save the seconds until it was found."""
    seconds = []
    with watching(engine):
        time.sleep(2)  # until the watch stands
        for number in range(saves):
            before = engine.sequence()
            name = saved(engine.root, files, number)
            written = time.perf_counter()
            seconds.append(until_found(engine, name, before) - written)
            time.sleep(PAUSE_SECONDS)
    return seconds


def by_command(root: Path, settings: dict[str, str], files: list[Path], runs: int) -> list[float]:
    """Return the seconds that `treeseek index` takes after each of some saves."""
    seconds = []
    for number in range(runs):
        saved(root, files, 1000 + number)
        time.sleep(PAUSE_SECONDS)
        cost = run([sys.executable, "-m", "treeseek", "index", "--json", root], settings, codes=(0,))
        assert json.loads(cost.output)["changed"] == 1
        seconds.append(cost.wall)
    return seconds


def by_semble(python: Path, root: Path, scratch: Path, files: list[Path], runs: int) -> list[float]:
    """Return the seconds that semble takes to load its index, bring it up to date and answer once, after each save."""
    settings = semble_settings(scratch)
    model = scratch / "semble-model"
    run([python, SCRIPT, "model", WEIGHTS, model], settings, codes=(0,))
    run([python, SCRIPT, "index", root, model], settings, codes=(0,))
    queries = scratch / "queries.json"
    queries.write_text('["freshly saved"]')
    seconds = []
    for number in range(runs):
        saved(root, files, 2000 + number)
        answer = run([python, SCRIPT, "search", root, model, queries], settings, codes=(0,))
        seconds.append(json.loads(answer.output)["first"])
    return seconds


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.saves", description=__doc__.partition("\n")[0])
    parser.add_argument("--tree", type=Path, required=True, help="a tree; a copy of it is changed")
    parser.add_argument("--saves", type=int, default=50)
    parser.add_argument("--runs", type=int, default=5, help="of the commands")
    parser.add_argument("--semble", type=Path, help="an interpreter that has semble 0.7.0")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="treeseek-saves-") as place:
        scratch = Path(place)
        root = scratch / "tree"
        shutil.copytree(told.tree, root, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        files = python_files(root)
        directories = {"TREESEEK_DATA_DIR": str(scratch / "data"), "TREESEEK_CACHE_DIR": str(scratch / "cache")}
        engine = treeseek.open(root, load(directories))
        first = engine.sync()
        figures: dict[str, object] = {"files": first.files, "chunks": engine.chunks(), "index_s": first.seconds}
        figures["command_s"] = statistics.median(by_command(root, directories | COMPILED, files, told.runs))
        engine.search("warm up")
        seconds = under_watch(engine, files, told.saves)
        figures["watch_p50_ms"] = round(1000 * statistics.median(seconds), 1)
        figures["watch_p95_ms"] = round(1000 * percentile(seconds, 0.95), 1)
        if told.semble:
            figures["semble_s"] = statistics.median(by_semble(told.semble, root, scratch, files, told.runs))
            figures["times_faster_under_watch"] = round(figures["semble_s"] / statistics.median(seconds), 1)  # type: ignore[operator]
    print(json.dumps(figures | {"provenance": provenance()}, indent=2))


if __name__ == "__main__":
    main()
