"""Which pairs does a whole repository hold, and its history? A bounded, repeatable sample of them."""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from treeseek.errors import RootError, UnreadableError
from treeseek.learning import pairs as of
from treeseek.learning.pairs import Pair
from treeseek.learning.prose import is_telling, of_commit, of_markup
from treeseek.syntax import detect
from treeseek.syntax.languages import LANGUAGES
from treeseek.workspace import classify
from treeseek.workspace.commits import Commit, commits
from treeseek.workspace.revisions import open_repository

__all__ = ["Limits", "SourceText", "changed_paths", "extract", "of_commits", "patterns_of", "source_files"]

_LEFT_OUT = re.compile(
    r"(?:^|/)(?:vendor|_?vendored?|third[-_]?party|3rdparty|node_modules|deps|external|extern|bundled|dist|\.yarn|"
    r"testdata|fixtures?|snapshots?|__snapshots__|locales?|translations|migrations|generated|gen|wwwroot|"
    r"bower_components|min)/|\.min\.|\.pb\.|_pb2|\.g\.|\.designer\.|-lock\.",
    re.IGNORECASE,
)
_NOT_DOCUMENTS = re.compile(r"change|history|release|news|contribut|code_of|licen|security", re.IGNORECASE)
_QUOTED_NAME = re.compile(r"`([A-Za-z_]\w{4,40})(?:\(\))?`")
MAX_FILES_OF_COMMIT = 8
MAX_LANGUAGES = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a repository is read: bytes of source, documents, commits, and pairs of each kind."""

    source_bytes: int = 4_000_000
    file_bytes: int = 150_000
    documents: int = 200
    commits: int = 3000
    pairs: dict[str, int] = field(
        default_factory=lambda: {
            "commit": 2600, "doc": 3000, "type": 1500, "name": 1500, "test": 800, "path": 1200, "header": 1200,
            "markdown": 800, "message": 800, "note": 1200, "mention": 800,
        }
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceText:
    """A file as git has it: path, language, bytes."""

    path: str
    language: str
    data: bytes


def source_files(root: Path, revision: str, limits: Limits) -> tuple[list[SourceText], list[SourceText]]:
    """Return source files that have a grammar, and Markdown documents, of a revision: a sample that the paths decide.

    What others wrote or a program made is left out. Raises RootError and UsageError as `open_repository` does.
    """
    with open_repository(root) as repository:
        found = repository.files(repository.tree(revision))
        sources: list[SourceText] = []
        documents: list[SourceText] = []
        size = 0
        for path in sorted(found, key=_drawn):
            language = detect(path, b"")
            is_source = LANGUAGES[language].reader == "syntax" and size < limits.source_bytes
            is_document = language == "markdown" and len(documents) < limits.documents
            if _LEFT_OUT.search(path) or not (is_source or (is_document and not _NOT_DOCUMENTS.search(path))):
                continue
            try:
                data = repository.read(found[path], limits.file_bytes)
            except UnreadableError:
                continue
            if len(data) < 150 or classify(path, data):
                continue
            one = SourceText(path, detect(path, data[:4096]), data)
            (sources if is_source else documents).append(one)
            size += len(data) if is_source else 0
    return sources, documents


def _drawn(path: str) -> bytes:
    return hashlib.blake2b(path.encode(), digest_size=8).digest()


def extract(root: Path, name: str, limits: Limits, *, revision: str = "HEAD",
            is_foreign: Callable[[str], bool] = lambda text: False) -> tuple[list[Pair], Counter[str]]:  # fmt: skip
    """Return the pairs of a repository at a revision and before it, and how many were left out for which reason.

    The same revision, name and limits give the same pairs. What `is_foreign` says of a text is left out.
    """
    rng = random.Random(name)
    sources, documents = source_files(root, revision, limits)
    found: list[Pair] = []
    for file in sources:
        found += of.of_file(file.path, file.data, file.language, rng)
    for document in documents:
        found += of.of_document(document.path, document.data.decode("utf-8", "replace"))
    found += _mentions(sources, documents)
    unread = _add_history(found, root, patterns_of(sources), limits, revision)
    rng.shuffle(found)
    kept, left_out = _bounded(found, limits, is_foreign)
    return kept, left_out + unread


def _add_history(found: list[Pair], root: Path, patterns: list[str], limits: Limits, revision: str) -> Counter[str]:
    """Append the pairs of the history, as far back as it can be read: a shallow or partial clone ends early."""
    try:
        if patterns:
            found.extend(of_commits(commits(root, patterns, limit=limits.commits, until=revision)))
    except RootError:
        return Counter(history=1)
    return Counter()


def _bounded(
    found: Iterable[Pair], limits: Limits, is_foreign: Callable[[str], bool]
) -> tuple[list[Pair], Counter[str]]:
    kept: list[Pair] = []
    counts: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    seen: set[tuple[str, ...]] = set()
    for pair in found:
        if counts[pair.kind] >= limits.pairs[pair.kind]:
            left_out["limit"] += 1
        elif (pair.query, pair.text) in seen or (pair.kind != "path" and (pair.kind, pair.text) in seen):
            left_out["repeated"] += 1
        elif is_foreign(pair.text):
            left_out["shared"] += 1
        else:
            seen |= {(pair.query, pair.text), (pair.kind, pair.text)}
            counts[pair.kind] += 1
            kept.append(pair)
    return kept, left_out


def patterns_of(sources: Sequence[SourceText]) -> list[str]:
    """Return the patterns of file names (`*.py`) of the most frequent languages."""
    counts = Counter(file.language for file in sources)
    languages = [language for language, _ in counts.most_common(MAX_LANGUAGES)]
    return [f"*.{extension}" for language in languages for extension in LANGUAGES[language].extensions]


def changed_paths(commit: Commit) -> list[str]:
    """Return the files that a commit is about: not tests if there are others, nor what others wrote."""
    paths = [patch.path for patch in commit.files if not _LEFT_OUT.search(patch.path)]
    return [path for path in paths if not of.is_test(path)] or paths


def of_commits(history: Iterable[Commit]) -> Iterator[Pair]:
    """Yield what commits said with the code that they left, of the two files with most of it, tests last."""
    for commit in history:
        said = of_commit(commit.subject, commit.body)
        if not said or not 0 < len(commit.files) <= MAX_FILES_OF_COMMIT:
            continue
        wanted = set(changed_paths(commit))
        patches = [one for one in commit.files if one.path in wanted and one.added > 1 and len(one.text) >= 80]
        for patch in sorted(patches, key=lambda one: (-one.added, one.path))[:2]:
            yield Pair("commit", said, patch.text[: of.MAX_TEXT_CHARS], patch.path)


def _mentions(sources: Sequence[SourceText], documents: Sequence[SourceText]) -> Iterator[Pair]:
    """Yield the paragraphs of documents that name something, with the one declaration of that name."""
    about: dict[str, list[str]] = defaultdict(list)
    for document in documents:
        for paragraph in re.split(r"\n\s*\n", document.data.decode("utf-8", "replace")):
            if len(paragraph) < 800 and not paragraph.startswith(("```", "    ", "|")):
                for name in dict.fromkeys(_QUOTED_NAME.findall(paragraph)):
                    about[name].append(paragraph)
    if not about:
        return
    places: dict[str, list[Pair]] = defaultdict(list)
    wanted = re.compile(rb"\b(?:%s)\b" % b"|".join(re.escape(name.encode()) for name in sorted(about)[:4000]))
    for file in sources:
        if not of.is_test(file.path) and wanted.search(file.data):
            for name, pair in of.declared(file.path, file.data, file.language):
                if name in about:
                    places[name].append(pair)
    for name, found in places.items():
        if len(found) == 1:
            for paragraph in about[name][:2]:
                said = of_markup(paragraph)
                if is_telling(said):
                    yield found[0]._replace(query=said)
