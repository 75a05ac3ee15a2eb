"""With which words do people begin to say what is to be done? Counted in what commits say of themselves.

    python -m training.verbs GITDIR [GITDIR ...] > src/treeseek/retrieval/weights/verbs.txt

A word counts that begins the subject of commits in many repositories, and seldom stands elsewhere in one: "add" and
"fix", but not "test" or "request", which questions begin with, too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from treeseek.evaluation.history import cleaned
from treeseek.retrieval.query import beginning_of

__all__ = ["main", "verbs"]

COMMITS = 1_500
MIN_REPOSITORIES = 12
MIN_SHARE = 0.4
MIN_WORDS = 3


def subjects(git_directory: Path) -> Iterator[str]:
    """Yield the subjects of a repository's last commits, without the marks of conventions."""
    command = ["git", "--git-dir", str(git_directory), "log", f"-{COMMITS}", "--no-merges", "--format=%s"]
    told = subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8", "replace")
    yield from map(cleaned, told.splitlines())


def verbs(repositories: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the words that begin the subjects of many of these repositories, and seldom stand elsewhere in one."""
    begins, stands = Counter[str](), Counter[str]()
    where: defaultdict[str, set[str]] = defaultdict(set)
    for name, lines in repositories.items():
        for line in lines:
            words = [word.strip("'\"`.,:;()[]").lower() for word in line.split()]
            if len(words) < MIN_WORDS or not (first := beginning_of(line)):
                continue
            begins[first] += 1
            where[first].add(name)
            stands.update(set(words))
    return sorted(
        word
        for word, count in begins.items()
        if len(where[word]) >= MIN_REPOSITORIES and count >= MIN_SHARE * max(stands[word], 1)
    )


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.verbs", description=__doc__.partition("\n")[0])
    parser.add_argument("git_directories", nargs="+", type=Path, metavar="GITDIR")
    told = parser.parse_args()
    found = verbs({str(one): list(subjects(one)) for one in told.git_directories})
    print(f"# Made by training/verbs.py of the histories of {len(told.git_directories)} repositories.")
    print("\n".join(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
