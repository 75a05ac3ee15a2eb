"""Worker processes: the same rows as in-process, and a file that kills or hangs one costs itself alone."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from treeseek.embedding import TokenEmbedder
from treeseek.indexing import analyse, wire, workers
from treeseek.indexing.analyse import FileText
from treeseek.indexing.analysing import analyser
from treeseek.indexing.batch import Batch, Outcome
from treeseek.indexing.identity import content_hash
from treeseek.indexing.quarantine import Quarantine
from treeseek.indexing.stand_in import UNEMBEDDED
from treeseek.indexing.workers import Terms
from treeseek.model import SourceFile, Syntax, UnitColumns

DEADLINE = 2.0


def files(count: int) -> list[FileText]:
    texts = [f"def function_{i}(x):\n    return x + {i}\n".encode() for i in range(count)]
    return [
        FileText(SourceFile(f"f{i:03}.py", len(text), 1, i), text, content_hash(text), "python", bytes([i]))
        for i, text in enumerate(texts)
    ]


def rows_of(worker_count: int, batches: list[list[FileText]]) -> list[UnitColumns]:
    return [outcome.rows for outcome in outcomes_of(worker_count, batches)]


def outcomes_of(
    worker_count: int, batches: list[list[FileText]], quarantine: Quarantine | None = None,
    embedder: TokenEmbedder | None = None, **terms: Any,
) -> list[Outcome]:  # fmt: skip
    """Analyse batches in workers, or with none of them in this process."""
    held = Terms(DEADLINE, sandbox="auto" if worker_count else "off", **terms)
    with analyser(worker_count, held, 0, quarantine, embedder) as analysing:
        analysing.start_workers()
        done = dict(analysing.run(len(batches), lambda i: Batch(batches[i])))
    return [outcome for i in sorted(done) for outcome in done[i]]


def test_for_another_embedder_the_same_process_makes_the_same_rows_without_vectors() -> None:
    (before,), (without,) = rows_of(1, [files(3)]), outcomes_of(1, [files(3)], None, UNEMBEDDED)
    (after,), (here,) = rows_of(1, [files(3)]), outcomes_of(0, [files(3)], None, UNEMBEDDED)
    assert without.rows.vector.shape == (6, 0)
    assert not without.rows.has_vector.any()
    assert wire.pack_columns(without.rows) == wire.pack_columns(here.rows)
    assert without.artifacts == here.artifacts
    assert (without.rows.id, without.rows.text) == (before.id, before.text)
    assert before.has_vector.sum() == after.has_vector.sum() == 3


def test_processes_give_the_rows_that_this_process_gives() -> None:
    batches = [files(40)[i : i + 7] for i in range(0, 40, 7)] + [[]]
    here, there = rows_of(0, batches), rows_of(2, batches)
    assert [wire.pack_columns(rows) for rows in here] == [wire.pack_columns(rows) for rows in there]
    assert [one.artifacts for one in outcomes_of(0, batches)] == [one.artifacts for one in outcomes_of(2, batches)]
    assert sum(len(rows) for rows in here) == 80


@pytest.fixture
def hostile_worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A real worker process in which the bytes DIE kill the parser and HANG stop it for good."""
    (tmp_path / "hostile.py").write_text(
        "import os, time\n"
        "from treeseek.indexing import analyse, worker\n"
        "real = analyse.analyse\n"
        "def hostile(data, language, **options):\n"
        "    if b'DIE' in data: os.abort()\n"
        "    if b'HANG' in data: time.sleep(3600)\n"
        "    return real(data, language, **options)\n"
        "analyse.analyse = hostile\n"
        "worker.main()\n"
    )
    boot = "import sys; sys.path[:] = {path!r}; sys.path.insert(0, " + repr(str(tmp_path)) + "); import hostile"
    monkeypatch.setattr(workers, "_BOOT", boot)


@pytest.mark.usefixtures("hostile_worker")
@pytest.mark.parametrize(("word", "reason"), [("DIE", "parser-crash"), ("HANG", "parser-hang")])
def test_a_file_that_ends_its_worker_is_cut_by_lines_and_costs_no_other(
    word: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "DEADLINE", 1.0)
    batch = files(5)
    text = f"def bad():\n    return '{word}'\n".encode()
    batch[2] = FileText(SourceFile("bad.py", len(text), 1, 1), text, content_hash(text), "python", b"bad")
    outcomes = outcomes_of(1, [batch, files(9)[6:]])
    rows = [outcome.rows for outcome in outcomes]
    kept = {key for outcome in outcomes for key in outcome.artifacts}
    assert kept == {bytes([i]) for i in (0, 1, 3, 4, 6, 7, 8)}, "on another machine it may be read whole"
    notes = {path: note for part in rows for path, note in zip(part.path, part.note, strict=True) if note}
    assert notes == {"bad.py": reason}
    by_path = {path: kind for part in rows for path, kind in zip(part.path, part.kind, strict=True) if kind != "file"}
    assert by_path.pop("bad.py") == "text"
    assert set(by_path.values()) == {"function"}
    assert len(by_path) == 7


@pytest.mark.usefixtures("hostile_worker")
def test_whoever_is_interrupted_waits_for_no_worker_and_starts_none() -> None:
    text = b"HANG"
    batch = Batch([*files(2), FileText(SourceFile("bad.py", 4, 1, 1), text, content_hash(text), "python")])
    with analyser(1, Terms(600.0), 0) as analysing:
        analysing.start_workers()
        pool = analysing.pool
        assert pool is not None
        analysing.run(1, lambda i: batch)
        while not pool._busy:  # until the batch is with the worker
            time.sleep(0.01)
        (first,) = pool._busy
    assert (pool._busy, pool._idle) == ([], [])
    assert first._process.poll() is not None


def test_a_worker_ends_when_its_parent_does() -> None:
    process = subprocess.Popen(workers._command(Terms(DEADLINE)), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=30) == 0


def test_an_error_nobody_foresaw_costs_one_file_its_structure(monkeypatch: pytest.MonkeyPatch) -> None:
    real = analyse.analyse

    def broken(data: bytes, language: str, **options: Any) -> Syntax:
        if b"function_1(" in data and language != "text":
            raise RecursionError
        return real(data, language, **options)

    monkeypatch.setattr(analyse, "analyse", broken)
    (outcome,) = outcomes_of(0, [files(3)])
    rows = outcome.rows
    assert set(outcome.artifacts) == {b"\0", b"\2"}
    assert [note for note in rows.note if note] == ["analysis-error"]
    assert [kind for kind in rows.kind if kind != "file"] == ["function", "text", "function"]
    assert rows.language == ["python"] * 6
