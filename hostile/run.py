"""Index the corpus and judge: `python -m hostile.run [--short]`; ends with 1 if something isn't as it must be.

Indexing ends, in a process that lives; no file has its worker longer than it may; no worker holds more memory than it
may; the sound files are indexed as if nothing else were there; every other file is, too, or is told with its reason;
and whoever indexes again gives no quarantined file to a parser.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from hostile.corpus import GOOD, plant

__all__ = ["judged", "main"]

SHORT_EVERY = 10
WORKER_BYTES = 512 << 20
MAPPED_BYTES = 192 << 20
"""What a worker shares with others, the grammars and the model for instance, counts as its memory too."""
SLACK_SECONDS = 3.0
"""For a busy machine to notice that a time is up."""
QUARANTINED = frozenset({"parser-crash", "parser-hang", "parser-memory"})


def indexed(root: Path, scratch: Path, seconds: float, *, rebuild: bool = False) -> dict[str, Any]:
    """Index in a process of its own; return what it told. Raises RuntimeError if it died."""
    command = [sys.executable, "-m", "hostile.run", "--child", str(root), str(scratch), str(seconds)]
    done = subprocess.run([*command, *(["--rebuild"] if rebuild else [])], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the main process ended with {done.returncode}: {done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def child(root: Path, scratch: Path, seconds: float, *, rebuild: bool) -> None:
    """Index and print what happened, with what each file that was alone with a worker cost."""
    import treeseek
    from treeseek.errors import WorkerError
    from treeseek.indexing import workers
    from treeseek.settings import load

    slowest, failed = 0.0, []
    ask = workers.Worker.ask

    def timed(self: Any, task: str, request: dict[str, Any], files: int = 1) -> Any:
        nonlocal slowest
        self.sandbox()
        started = time.monotonic()
        try:
            return ask(self, task, request, files)
        except WorkerError:
            if files == 1:
                failed.append(request["files"][0][0])
            raise
        finally:
            if files == 1:
                slowest = max(slowest, time.monotonic() - started)

    workers.Worker.ask = timed  # type: ignore[method-assign]
    settings = load(
        {}, data_dir=scratch / "data", cache_dir=scratch / "cache", parse_seconds=seconds,
        worker_memory_bytes=WORKER_BYTES,
    )  # fmt: skip
    with treeseek.open(root, settings) as engine:
        started = time.monotonic()
        report = engine.sync(rebuild=rebuild)
        took = time.monotonic() - started
        skipped = engine.status(skipped=True).skipped
        left = {one.path: one.reason for one in skipped}
        told = {
            "parsed": report.parsed, "files": report.files,
            "left_out": sum(one.detail != "indexed by lines" for one in skipped),
            "seconds": took, "left": left, "failed": failed,
            "slowest": slowest, "hard": workers.Terms.of(settings).hard_seconds,
            "sandbox": str(workers.Worker(workers.Terms.of(settings)).sandbox()),
        }  # fmt: skip
        workers._spare.empty()
        told["peak"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(json.dumps(told))


def judged(root: Path, scratch: Path, paths: list[str], seconds: float) -> list[str]:
    """Index thrice and return what isn't as it must be."""
    first = indexed(root, scratch, seconds)
    left, wrong = first["left"], []
    quarantined = {path for path, reason in left.items() if reason in QUARANTINED}
    print(
        f"{first['files']:,} of {len(paths):,} files indexed in {first['seconds']:.0f} s; "
        f"worker at most {first['peak'] >> 20} MiB, a file at most {first['slowest']:.1f} s"
    )
    print(first["sandbox"])  # fmt: skip
    for reason, amount in Counter(left.values()).most_common():
        print(f"  {amount:5} {reason}")
    if first["slowest"] > first["hard"] + SLACK_SECONDS:
        wrong.append(f"a file had its worker for {first['slowest']:.1f} s; {first['hard']:.1f} are allowed")
    if first["peak"] > WORKER_BYTES + MAPPED_BYTES:
        wrong.append(f"a worker held {first['peak'] >> 20} MiB")
    wrong += [f"{path} is left out or cut by lines: {reason}" for path, reason in left.items() if path.startswith(GOOD)]
    if missing := len(paths) - first["files"] - first["left_out"]:
        wrong.append(f"{missing} files are neither indexed nor told")
    again = indexed(root, scratch, seconds)
    if again["parsed"] or again["failed"]:
        wrong.append(f"a second sync parsed {again['parsed']} files and failed at {again['failed']}")
    anew = indexed(root, scratch, seconds, rebuild=True)
    print(f"made anew in {anew['seconds']:.0f} s; {len(quarantined)} files were quarantined before")
    if touched := quarantined & set(anew["failed"]):
        wrong.append(f"a rebuild tried quarantined files again: {sorted(touched)}")
    return wrong


def main() -> int:
    """Run the command line; return 1 if something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m hostile.run", description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help=f"one file in {SHORT_EVERY}, and less time for each")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--rebuild", action="store_true", help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.child:
        root, scratch, seconds = told.child
        child(Path(root), Path(scratch), float(seconds), rebuild=told.rebuild)
        return 0
    with tempfile.TemporaryDirectory(prefix="treeseek-hostile-") as place:
        root = Path(place) / "root"
        root.mkdir()
        paths = plant(root, every=SHORT_EVERY if told.short else 1)
        wrong = judged(root, Path(place) / "scratch", paths, 0.5 if told.short else 2.0)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
