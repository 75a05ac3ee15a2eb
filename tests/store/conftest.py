"""Rows for the store's tests, made from a table of files so that a test reads as what it is about."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from treeseek.model import UnitColumns
from treeseek.store import IndexIdentity, UnitStore

DIMS = 8
IDENTITY = IndexIdentity(embedder="test-embedder-1", dims=DIMS, analysis="test-analysis-1")


def unit_id(path: str, text: str = "") -> str:
    """The id of a file's row, or of the chunk with that text."""
    return hashlib.blake2b(f"{path}\0{text}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def vector_of(text: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "little")
    vector = np.random.default_rng(seed).standard_normal(DIMS)
    return (vector / np.linalg.norm(vector)).astype(np.float16)


def make_units(files: Mapping[str, Sequence[str]], skipped: Mapping[str, str] | None = None) -> UnitColumns:
    """One row for each file, one for each of its texts, and one for each skipped path with its reason."""
    rows: list[tuple[str, str, str, str, int]] = []
    for path, texts in files.items():
        rows.append((path, "file", "", "", 0))
        rows.extend((path, "function", text, "", 100 * i) for i, text in enumerate(texts))
    rows.extend((path, "skipped", "", reason, 0) for path, reason in (skipped or {}).items())
    words = [sorted({len(word) for word in text.split()}) for _, _, text, _, _ in rows]
    is_chunk = np.array([kind == "function" for _, kind, _, _, _ in rows], np.bool_)
    starts = np.array([start for *_, start in rows], np.int64)
    vectors = [vector_of(text) if text else [0.0] * DIMS for _, _, text, _, _ in rows]
    return UnitColumns(
        id=[unit_id(path, text) for path, _, text, _, _ in rows],
        path=[path for path, *_ in rows],
        language=["python"] * len(rows),
        kind=[kind for _, kind, *_ in rows],
        name=[text.split()[0] if text else "" for _, _, text, _, _ in rows],
        signature=[f"def {text[:9]}" if text else "" for _, _, text, _, _ in rows],
        text=[text for _, _, text, _, _ in rows],
        note=[note for _, _, _, note, _ in rows],
        content_hash=[unit_id(path, "content") for path, *_ in rows],
        start_line=(starts + 1).astype(np.int32),
        end_line=(starts + 3).astype(np.int32),
        start_byte=starts,
        end_byte=starts + 50,
        size=np.where(is_chunk, 0, 1234).astype(np.int64),
        mtime_ns=np.where(is_chunk, 0, 1_700_000_000_123_456_789).astype(np.int64),
        inode=np.where(is_chunk, 0, 2**63 + 5).astype(np.uint64),
        terms=np.array([term for row in words for term in row], np.uint32),
        term_counts=np.array([1 + term % 200 for row in words for term in row], np.uint8),
        term_offsets=np.cumsum([0, *map(len, words)]).astype(np.int64),
        declaration_kind=["function" for chunk in is_chunk if chunk],
        declaration_name=[f"Thing.{text.split()[0]}" for _, _, text, _, _ in rows if text],
        declaration_start_line=(starts[is_chunk] + 1).astype(np.int32),
        declaration_end_line=(starts[is_chunk] + 3).astype(np.int32),
        declaration_offsets=np.concatenate([[0], np.cumsum(is_chunk)]).astype(np.int64),
        vector=np.array(vectors, np.float16).reshape(len(rows), DIMS),
        has_vector=is_chunk,
    )


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions may be dropped at once: no test waits for them to be old enough."""
    monkeypatch.setattr("treeseek.store.maintenance.GRACE", timedelta(0))


@pytest.fixture
def units() -> Callable[..., UnitColumns]:
    return make_units


@pytest.fixture
def identity() -> IndexIdentity:
    return IDENTITY


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "data" / "root-0123"


@pytest.fixture
def store(tmp_path: Path, directory: Path) -> UnitStore:
    return UnitStore.create(directory, tmp_path, IDENTITY)
