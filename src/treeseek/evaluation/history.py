"""Questions that a repository's own history asks: what a commit says of itself, about the declarations that it changed.

They are asked of the files as they were before the commit, for what was to be changed had to be found there. Nobody
wrote these questions for a search, or with our answers in view.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from treeseek.engine import Engine
from treeseek.errors import UnreadableError
from treeseek.evaluation.metrics import Place
from treeseek.evaluation.questions import Question
from treeseek.retrieval.query import STOP_WORDS
from treeseek.retrieval.roles import Roles
from treeseek.tokens import split_words
from treeseek.workspace.revisions import Commit, Repository, open_repository

if TYPE_CHECKING:
    from treeseek.model import DeclarationDiff, Difference

__all__ = ["CommitQuestion", "Past", "Selection", "open_past", "questions_of"]

MAX_FILES = 5
"""A commit that changes more source files than this has no one place that it is about."""
MIN_WORDS = 3
LOOKED_AT = 40
"""So many commits are looked at for each question, at most."""
ROUTINE = frozenset(
    """
    bump bumps bumped release releases released version versions changelog revert reverts reverted merge merged merges
    wip typo typos lint linting linter rubocop eslint prettier clippy pylint mypy formatting reformat dependabot deps
    copyright fixup squash backport cherry
    """.split()
)
"""Words of subjects that say what was done to the repository, not what its code does."""
_TRAILER = re.compile(r"[\s,;]*\(?(?:\b(?:closes|fixes|resolves|refs|see)\s+)?(?:#|\bgh-)\d+\)?", re.IGNORECASE)
_PREFIX = re.compile(
    r"^(?:\[[^]]*\]\s*|(?:feat|fix|chore|docs|refactor|perf|test|style|build|ci)(?:\([^)]*\))?!?:\s*)+"
)


@dataclass(frozen=True, slots=True)
class CommitQuestion:
    """A question, the commit that asks it, and git's id of the root's tree before it, which the places are in."""

    question: Question
    commit: str
    tree: str


@dataclass(slots=True)
class Selection:
    """The questions of a history, the newest commit first, and how many commits were looked at and left out, and why.

    Reasons: "routine" (a release, a revert and the like), "few-words", "no-source" (no source file changed),
    "many-files" (too many did), "no-declaration" (none changed that was there before), "repeated" (its question was
    asked already).
    """

    questions: list[CommitQuestion] = field(default_factory=list)
    commits: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def questions_of(engine: Engine, count: int, revision: str = "HEAD") -> Selection:
    """Return up to `count` questions that the last commits of the root's repository ask.

    Tests are no targets of a commit that changes other code too. Raises RootError if there is no repository or git
    can't be asked, UsageError for a revision that can't be.
    """
    selection = Selection()
    asked: set[str] = set()
    with open_repository(engine.root) as repository:
        for commit in repository.commits(count * LOOKED_AT, revision):
            if len(selection.questions) == count:
                break
            selection.commits += 1
            found = _asked(engine, repository, commit)
            if isinstance(found, CommitQuestion) and found.question.query in asked:
                found = "repeated"
            if isinstance(found, str):
                selection.left_out[found] += 1
            else:
                asked.add(found.question.query)
                selection.questions.append(found)
    return selection


def _asked(engine: Engine, repository: Repository, commit: Commit) -> CommitQuestion | str:
    """Return what a commit asks, or why it asks nothing."""
    query = cleaned(commit.subject)
    if reason := _unfit(query):
        return reason
    before, after = repository.tree(commit.parent), repository.tree(commit.id)
    changed = repository.changed(before, after)
    if not 0 < len(changed) <= 4 * MAX_FILES:  # spares comparing what couldn't be of use
        return "many-files" if changed else "no-source"
    difference = engine.diff(commit.parent, commit.id)
    files = [file for file in difference.files if file.extent not in ("text", "binary", "none")]
    if not 0 < len(files) <= MAX_FILES:
        return "many-files" if files else "no-source"
    targets = _targets(difference)
    if not targets:
        return "no-declaration"
    return CommitQuestion(Question(query, tuple(targets)), commit.id, before)


def cleaned(subject: str) -> str:
    """Return what a subject says, without the marks of a convention and the numbers of what it closes."""
    return _TRAILER.sub("", _PREFIX.sub("", subject.strip())).strip()


def _unfit(query: str) -> str:
    words = split_words(query)
    if ROUTINE & set(words):
        return "routine"
    content = {word for word in words if word not in STOP_WORDS and any(map(str.isalpha, word)) and len(word) > 1}
    return "few-words" if len(content) < MIN_WORDS else ""


def _targets(difference: Difference) -> list[Place]:
    """Return where the declarations were that a commit changed; those of tests only if there are no others."""
    sites = [one.old for file in difference.files for one in file.declarations if _is_changed(one) and one.old]
    places = dict.fromkeys(Place(site.path, site.start_line, site.end_line) for site in sites)
    is_test = Roles.of([place.path for place in places]).test if places else ()
    code = [place for place, test in zip(places, is_test, strict=True) if not test]
    return code or list(places)


def _is_changed(one: DeclarationDiff) -> bool:
    """Whether a declaration itself changed, in more than its comments, its place, or what is inside of it."""
    return one.status == "removed" or bool(set(one.parts) - {"members", "place", "file", "comments"})


# -- files as they were --------------------------------------------------------------------------------------------


class Past:
    """A directory, `root`, that holds what a repository's trees held, one after the other. Use it from `open_past`.

    `room`, the directory around it, may be used for what belongs to it.
    """

    def __init__(self, repository: Repository, directory: Path, max_bytes: int) -> None:
        self.root = directory / "files"
        self.root.mkdir()
        self.room = directory
        self._repository = repository
        self._max_bytes = max_bytes
        self._tree = ""

    def become(self, tree: str) -> None:
        """Make the directory hold the regular files of a tree, but for those that are too large to be indexed."""
        if not self._tree:
            for path, blob in self._repository.files(tree).items():
                self._write(path, blob)
        else:
            changes = self._repository.changed(self._tree, tree)
            for change in changes:
                if change.old is not None and _is_safe(change.old.path):
                    (self.root / change.old.path).unlink(missing_ok=True)
                    self._prune((self.root / change.old.path).parent)
            for change in changes:
                if change.new is not None:
                    self._write(*change.new)
        self._tree = tree

    def _write(self, path: str, blob: str) -> None:
        if not _is_safe(path):
            return
        try:
            data = self._repository.read(blob, self._max_bytes)
        except UnreadableError:
            return
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def _prune(self, directory: Path) -> None:
        """Remove a directory and those above that hold nothing: a file may come to be in their place."""
        while directory != self.root and directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()
            directory = directory.parent


def _is_safe(path: str) -> bool:
    """Whether a path stays beneath the directory: a tree made by hand may hold names that git itself never writes."""
    parts = path.split("/")
    return not any(part in ("", ".", "..") or part.lower() == ".git" or "\0" in part for part in parts)


@contextmanager
def open_past(engine: Engine) -> Iterator[Past]:
    """Yield a directory that can become the root's trees, empty at first; it goes at the end. Raises RootError."""
    with open_repository(engine.root) as repository, TemporaryDirectory(prefix="treeseek-past-") as made:
        yield Past(repository, Path(made).resolve(), engine.settings.max_file_bytes)
