"""Questions with known answers, read from a file: lines of JSON, or of text with tabs.

    {"query": "where is a route added", "relevant": [{"path": "src/router.py", "start_line": 8, "end_line": 11}]}
    where is a route added<TAB>src/router.py:8-11<TAB>src/app.py

The first is the form of the public retrieval benchmark, whose lines may have `secondary` targets, a `category`, and a
`repo`. In the second, a line that is empty or begins with # says nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from treeseek.errors import UsageError
from treeseek.evaluation.metrics import Place

__all__ = ["Question", "read_questions"]

MAX_BYTES = 64 * 1024 * 1024
_LINES = re.compile(r":(\d{1,9})(?:-(\d{1,9}))?\Z")


@dataclass(frozen=True, slots=True)
class Question:
    """A query, and the places that answer it, at least one. `group` is what it is counted under, or empty."""

    query: str
    targets: tuple[Place, ...]
    group: str = ""


def read_questions(file: Path, repository: str = "") -> list[Question]:
    """Return the questions of a file; with `repository`, those of its lines that bear this `repo`.

    Raises UsageError for a file that can't be read, and for a line that is no question, with its number.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise UsageError(f"{file} is larger than {MAX_BYTES:,} bytes; split it")
        lines = file.read_text("utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"can't read questions from {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"can't read questions from {file}: it is not UTF-8") from None
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            question, repo = _of_json(line) if line.startswith("{") else (_of_text(line), "")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{file}:{number} is no question: {_told(error)}") from None
        if not repository or repo == repository:
            found.append(question)
    if not found:
        told = f"no question about {repository!r}" if repository else "no question"
        raise UsageError(f"{file} holds {told}")
    return found


def _told(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def _of_json(line: str) -> tuple[Question, str]:
    told: dict[str, Any] = json.loads(line)
    targets = _places([*told["relevant"], *told.get("secondary", ())])
    return _question(told["query"], targets, told.get("category", "")), str(told.get("repo", ""))


def _places(told: Iterable[Any]) -> list[Place]:
    places = []
    for one in told:
        if isinstance(one, str):
            places.append(_place(one))
        else:
            first, last = one.get("start_line") or 0, one.get("end_line") or 0
            places.append(Place(_relative(one["path"]), int(first), int(last or first)))
    return places


def _of_text(line: str) -> Question:
    query, *targets = (part.strip() for part in line.split("\t"))
    return _question(query, [_place(target) for target in targets if target], "")


def _place(told: str) -> Place:
    match = _LINES.search(told)
    if match is None:
        return Place(_relative(told))
    first = int(match[1])
    return Place(_relative(told[: match.start()]), first, int(match[2] or first))


def _relative(path: str) -> str:
    if not path or path.startswith("/"):
        raise ValueError(f"{path!r} is not a path relative to the root")
    return path.removeprefix("./")


def _question(query: str, targets: list[Place], group: str) -> Question:
    if not isinstance(query, str) or not query.strip():
        raise ValueError("its query is empty")
    if not targets:
        raise ValueError("it names no place; write QUERY<tab>PATH[:START-END]")
    if any(target.end_line < target.start_line for target in targets):
        raise ValueError("a place ends before it begins")
    return Question(query, tuple(targets), str(group))
