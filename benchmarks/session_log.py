"""A log of what people ask, made the same every time, with a stated distribution: for the hit rate of the query cache.

Many people and agents share a server. What they are after (an intent) is drawn by Zipf's law: the n-th most wanted one
1/n times as often as the first. Somebody begins with one of its wordings, the common ones more often; then, until done,
words it otherwise, asks for more results, narrows it to a language or a folder, or asks the same again, as a reload, a
tool that retries and a second agent do. Between questions the index is committed anew, which forgets every answer, and
what was asked often is found again, as a server does then.

    python -m benchmarks.session_log --tree DIR [--questions 6000] [--between 300,1500,6000]

What the shares are is an assumption, stated in `Habits`; a log of real questions was not to be had.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import treeseek
from benchmarks.cst.figures import percentile
from benchmarks.provenance import provenance
from treeseek import Engine, telemetry
from treeseek.model import Filters
from treeseek.service.roots import RENEW_SECONDS
from treeseek.settings import load

__all__ = ["COMMIT", "Ask", "Habits", "Intent", "intents", "replayed", "session_log"]

COMMIT = "commit"
_NAME = re.compile(
    r"(?:def|func|function|async|fn|class|struct|List<Item>)\s+(?:\([^)]*\)\s*)?([A-Za-z_]\w{7,40})\s*[({:\n]"
)
_PART = re.compile(r"[A-Z]?[a-z]{2,}|[A-Z]{2,}(?![a-z])")
SUFFIXES = {".py": "python", ".ts": "typescript", ".go": "go", ".java": "java", ".rs": "rust", ".rb": "ruby",
            ".js": "javascript", ".c": "c", ".cpp": "cpp"}  # fmt: skip


class Intent(NamedTuple):
    """What somebody is after: its wordings, the language and the folder of where it is."""

    wordings: tuple[str, ...]
    language: str
    folder: str


class Ask(NamedTuple):
    """One question as the server gets it."""

    query: str
    limit: int = 10
    language: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Habits:
    """How people ask. Shares are chances of what comes next in a session; what is left ends it.

    `between` questions lie between two commits: a server of a team, whose checkout is pulled now and then.
    """

    intents: int = 200
    zipf: float = 1.0
    wordings: int = 3
    reword: float = 0.20
    more: float = 0.15
    narrow: float = 0.15
    again: float = 0.20
    limits: tuple[int, ...] = (10, 20, 50)
    between: int = 1_500


def intents(root: Path, most: int, seed: int = 5) -> list[Intent]:
    """Return intents that a tree's own names make: wordings of what a declaration's name says."""
    chance = random.Random(seed)
    found: dict[str, Intent] = {}
    files = sorted(path for path in root.rglob("*") if path.suffix in SUFFIXES and path.is_file())
    chance.shuffle(files)
    for path in files:
        names = _NAME.findall(path.read_text(encoding="utf-8", errors="replace"))
        words = [part.lower() for part in _PART.findall(chance.choice(names))] if names else []
        if len(words) >= 2:
            said = " ".join(words[:5])
            wordings = (said, f"where do we {said}", f"{' '.join(reversed(words[:5]))} code")
            folder = path.parent.relative_to(root).as_posix().partition("/")[0]
            found.setdefault(said, Intent(wordings, SUFFIXES[path.suffix], "" if folder == "." else folder))
        if len(found) >= most:
            break
    return list(found.values())


def session_log(known: Sequence[Intent], questions: int, habits: Habits, seed: int = 11) -> Iterator[Ask | str]:
    """Yield so many questions, and `COMMIT` whenever the index changes between them."""
    chance = random.Random(seed)
    wanted = known[: habits.intents]
    weights = list(accumulate(rank**-habits.zipf for rank in range(1, len(wanted) + 1)))
    number = 0
    while number < questions:
        intent = chance.choices(wanted, cum_weights=weights)[0]
        for ask in _session(intent, habits, chance):
            if number and number % habits.between == 0:
                yield COMMIT
            yield ask
            number += 1
            if number >= questions:
                return


def _session(intent: Intent, habits: Habits, chance: random.Random) -> Iterator[Ask]:
    """Yield what one person asks until it is found, or given up."""
    wordings = intent.wordings[: habits.wordings]
    likely = list(accumulate(1 / rank for rank in range(1, len(wordings) + 1)))
    ask = Ask(chance.choices(wordings, cum_weights=likely)[0])
    while True:
        yield ask
        shares = (habits.reword, habits.more, habits.narrow, habits.again)
        match chance.choices(("reword", "more", "narrow", "again", "done"), (*shares, 1 - sum(shares)))[0]:
            case "reword":
                ask = Ask(chance.choices(wordings, cum_weights=likely)[0])
            case "more":
                ask = ask._replace(limit=_larger(ask.limit, habits.limits))
            case "narrow":
                ask = _narrowed(ask, intent, chance)
            case "done":
                return


def _larger(limit: int, limits: Sequence[int]) -> int:
    return next((one for one in limits if one > limit), limits[-1])


def _narrowed(ask: Ask, intent: Intent, chance: random.Random) -> Ask:
    if intent.folder and chance.random() < 0.5:
        return ask._replace(folder=intent.folder)
    return ask._replace(language=intent.language)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to: seconds of the questions that the cache answered, and of the others, and how many commits
    and different questions there were.
    """

    hits: Sequence[float]
    misses: Sequence[float]
    commits: int
    different: int

    @property
    def rate(self) -> float:
        """The share of questions that were answered from memory."""
        return len(self.hits) / max(1, len(self.hits) + len(self.misses))


def replayed(engine: Engine, log: Iterator[Ask | str]) -> Replayed:
    """Ask everything in turn, in this thread; at each commit a file is changed and synced. Counts as telemetry does."""
    hits: list[float] = []
    misses: list[float] = []
    commits, different = 0, set()
    changed = sorted(path for path in engine.root.rglob("*.py"))
    for entry in log:
        if isinstance(entry, str):
            commits += 1
            with changed[commits % len(changed)].open("a") as file:
                file.write(f"\n\ndef pulled_{commits}():\n    return {commits}\n")
            engine.sync()
            engine.renew_answers(RENEW_SECONDS)  # as a server does
            continue
        before = _answered()
        started = time.perf_counter()
        engine.search(entry.query, limit=entry.limit, filters=_filters(entry))
        seconds = time.perf_counter() - started
        (hits if _answered() > before else misses).append(seconds)
        different.add(entry)
    return Replayed(hits, misses, commits, len(different))


def _filters(ask: Ask) -> Filters:
    return Filters(languages=(ask.language,) if ask.language else (), path=ask.folder)


def _answered() -> float:
    return telemetry.snapshot()[0].get(("treeseek_query_cache_hits_total", ()), 0)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.session_log", description=__doc__.partition("\n")[0])
    parser.add_argument("--tree", type=Path, required=True, help="a tree; single files of it are appended to")
    parser.add_argument("--questions", type=int, default=6_000)
    parser.add_argument("--between", type=lambda text: [int(part) for part in text.split(",")], default=[300, 1_500])
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="treeseek-log-") as place:
        settings = load({}, data_dir=Path(place, "data"), cache_dir=Path(place, "cache"))
        with treeseek.open(told.tree, settings) as engine:
            engine.sync()
            known = intents(told.tree, Habits().intents)
            for between in told.between:
                habits = replace(Habits(), between=between)
                found = replayed(engine, session_log(known, told.questions, habits))
                print(json.dumps({
                    "habits": asdict(habits), "questions": told.questions, "different": found.different,
                    "commits": found.commits, "hit_rate": round(found.rate, 4),
                    "hit_p50_ms": round(1000 * statistics.median(found.hits), 3),
                    "hit_p95_ms": round(1000 * percentile(found.hits, 0.95), 3),
                    "miss_p50_ms": round(1000 * statistics.median(found.misses), 3),
                }))  # fmt: skip
    print(json.dumps(provenance()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
