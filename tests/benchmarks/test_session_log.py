"""The made tree and the log of questions are the same every time, and distributed as they say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from benchmarks.made_tree import LANGUAGES, made_file, make
from benchmarks.session_log import COMMIT, Ask, Habits, Intent, intents, replayed, session_log

import treeseek
from treeseek import telemetry
from treeseek.settings import load
from treeseek.syntax import analyse, detect

KNOWN = [Intent((f"find {n}", f"where is {n}", f"{n} code"), "python", f"folder{n}") for n in range(300)]
QUESTIONS = 4_000


def test_a_made_tree_is_the_same_every_time_and_parses(tmp_path: Path) -> None:
    assert [made_file(number) for number in range(20)] == [made_file(number) for number in range(20)]
    make(tmp_path, 60)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 60 and {path.suffix[1:] for path in files} == set(LANGUAGES)
    for path in files:
        found = analyse(path.read_bytes(), detect(path.name, b""), deadline_seconds=60)
        assert not found.fallback and len(found.declarations) >= 3, path


def test_a_log_is_the_same_every_time_and_is_as_long_as_asked_for() -> None:
    log = list(session_log(KNOWN, QUESTIONS, Habits()))
    assert log == list(session_log(KNOWN, QUESTIONS, Habits()))
    assert sum(isinstance(entry, Ask) for entry in log) == QUESTIONS
    assert log.count(COMMIT) == (QUESTIONS - 1) // Habits().between


def test_intents_are_wanted_by_zipfs_law() -> None:
    asks = [entry for entry in session_log(KNOWN, 30_000, Habits()) if isinstance(entry, Ask)]
    wanted = Counter(next(part for part in ask.query.split() if part.isdigit()) for ask in asks)
    assert len(wanted) == Habits().intents
    assert 1.6 < wanted["0"] / wanted["1"] < 2.4
    assert 7 < wanted["0"] / wanted["9"] < 13


def test_people_reword_page_and_narrow_as_often_as_the_habits_say() -> None:
    asks = [entry for entry in session_log(KNOWN, QUESTIONS, Habits()) if isinstance(entry, Ask)]
    assert len(set(asks)) > 300, "one question repeated is no log"
    assert {ask.limit for ask in asks} == set(Habits().limits)
    assert 0.1 < sum(bool(ask.language or ask.folder) for ask in asks) / len(asks) < 0.4
    alone = replace(Habits(), reword=0, more=0, narrow=0, again=0)
    plain = [entry for entry in session_log(KNOWN, QUESTIONS, alone) if isinstance(entry, Ask)]
    assert {ask[1:] for ask in plain} == {(10, "", "")}


def test_a_replay_counts_hits_and_misses_and_forgets_at_commits_what_was_asked_once(tmp_path: Path) -> None:
    telemetry.reset()
    make(tmp_path / "tree", 30)
    known = intents(tmp_path / "tree", 5)
    assert len(known) == 5 and all(len(intent.wordings) == 3 for intent in known)
    ask, other = Ask(known[0].wordings[0]), Ask(known[1].wordings[0])
    settings = load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", workers=1)
    with treeseek.open(tmp_path / "tree", settings) as engine:
        engine.sync()
        found = replayed(engine, iter([ask, ask, ask._replace(limit=20), other, COMMIT, ask, other]))
    assert (len(found.hits), len(found.misses), found.commits, found.different) == (3, 3, 1, 3)
    assert found.rate == 0.5
