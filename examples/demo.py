"""Index the running Python's standard library and treeseek itself, ask questions, and check the first answers.

    python examples/demo.py

Indexes go to a temporary directory. Exits with 1 if a question's file doesn't come first.
"""

from __future__ import annotations

import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import treeseek
from treeseek.settings import load

STANDARD_LIBRARY = (
    ("parse command line arguments", "argparse.py"),
    ("read and write csv files with a dialect", "csv.py"),
    ("compute the HMAC digest of a message", "hmac.py"),
    ("walk a directory tree", "os.py"),
    ("send an e-mail over SMTP", "smtplib.py"),
    ("compare two texts and produce a unified diff", "difflib.py"),
    ("heap queue algorithm", "heapq.py"),
    ("cookie jar that stores cookies and sends them back", "http/cookiejar.py"),
    ("robots.txt: may this url be fetched?", "urllib/robotparser.py"),
    ("compute the median of a list of numbers", "statistics.py"),
)
TREESEEK = (
    ("match a path against gitignore rules", "treeseek/workspace/ignore.py"),
    ("hold the lock while one process writes the index", "treeseek/store/lock.py"),
)
"""Questions that have one right file. They show that all of it works; how well, `benchmarks` measures."""
SHOWN = 3


def main() -> int:
    """Run the demonstration and return the exit code."""
    library = Path(sysconfig.get_paths()["stdlib"])
    own = Path(__file__).resolve().parent.parent / "src"
    with tempfile.TemporaryDirectory(prefix="treeseek-demo-") as data_dir:
        wrong = _ask(library, STANDARD_LIBRARY, Path(data_dir)) + _ask(own, TREESEEK, Path(data_dir))
    asked = len(STANDARD_LIBRARY) + len(TREESEEK)
    print(f"{asked - wrong} of {asked} questions answered by the right file first")
    return 1 if wrong else 0


def _ask(root: Path, questions: tuple[tuple[str, str], ...], data_dir: Path) -> int:
    """Index `root`, print the first hits of each question, and return how many had another file first."""
    wrong = 0
    with treeseek.open(root, load(data_dir=data_dir)) as engine:
        print(f"{root}: indexing ...", flush=True)
        report = engine.sync()
        rate = report.bytes_read / max(report.seconds, 1e-9) / 1e6
        print(
            f"  {report.files:,} files, {report.chunks_embedded:,} chunks in {report.seconds:.1f} s ({rate:.1f} MB/s)"
        )
        print("  left out: " + (", ".join(f"{n} {reason}" for reason, n in report.reasons.items()) or "nothing"))
        for question, expected in questions:
            started = time.perf_counter()
            hits = engine.search(question, limit=SHOWN).hits
            milliseconds = (time.perf_counter() - started) * 1000
            right = bool(hits) and hits[0].path == expected
            wrong += not right
            print(f"\n{'right' if right else 'WRONG'}  {question}  ({milliseconds:.0f} ms)")
            for hit in hits:
                print(f"    {hit.path}:{hit.start_line}-{hit.end_line}  {hit.kind} {hit.name}  {hit.score:.2f}")
            if not right:
                print(f"    expected first: {expected}")
    print()
    return wrong


if __name__ == "__main__":
    sys.exit(main())
