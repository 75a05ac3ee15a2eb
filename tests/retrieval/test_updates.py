"""A corpus brought up to date equals one laid out anew, in every field and to the bit, and the old one stays."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import treeseek
from treeseek.model import UnitColumns
from treeseek.retrieval import splices
from treeseek.retrieval.corpus import Corpus
from treeseek.retrieval.rows import merged, taken
from treeseek.retrieval.splices import Splice
from treeseek.retrieval.vectors import BLOCK_ROWS, Vectors
from treeseek.settings import load

DIMS = 4


class Row(NamedTuple):
    """One chunk: its kind, its terms with their counts, the kinds and names that it declares, and its vector."""

    kind: str
    terms: Mapping[int, int]
    declarations: list[tuple[str, str]]
    vector: list[float]


ROWS = st.builds(
    Row,
    st.sampled_from(["function", "block"]),
    st.dictionaries(
        st.sampled_from([0, 1, 2, 3, 1 << 31, (1 << 32) - 2, (1 << 32) - 1]) | st.integers(0, (1 << 32) - 1),
        st.integers(1, 255),
        max_size=5,
    ),
    st.lists(
        st.tuples(
            st.sampled_from(["class", "method", "variable"]),
            st.sampled_from(["", "Cart", "Cart.Cart", "Cart.add_item", "AddItem", "x9", "größe"]),
        ),
        max_size=3,
    ),
    st.lists(st.floats(-1, 1, width=16), min_size=DIMS, max_size=DIMS),
)
PATHS = st.sampled_from(
    ["a.py", "a/cart.py", "a/cart/index.ts", "a/test_cart.py", "b", "b.md", "lib/cart_item.go", "z/ü.py"]
)
FILES = st.dictionaries(PATHS, st.lists(ROWS, min_size=1, max_size=12), max_size=6)
BULK = {"m/bulk.py": [Row("function", {i % 7: 1}, [("method", f"Bulk.m{i}")], [0.5, i / 64, 0, 0]) for i in range(64)]}
"""Rows that stay, beside which a change is small."""


def columns_of(files: Mapping[str, list[Row]]) -> UnitColumns:
    placed = [(path, i, row) for path in sorted(files) for i, row in enumerate(files[path])]
    rows = [row for *_, row in placed]
    terms = [pair for row in rows for pair in sorted(row.terms.items())]
    declared = [(place, *pair) for _, place, row in placed for pair in row.declarations]
    numbers = np.array([place for _, place, _ in placed], np.int64)

    def texts(form: str) -> list[str]:
        return [form.format(path=path, i=i, row=row) for path, i, row in placed]

    def offsets(counts: list[int]) -> NDArray[np.int64]:
        return np.array([0, *accumulate(counts)], np.int64)

    return UnitColumns(
        id=texts("{path}:{i}:{row.kind}"),
        path=texts("{path}"),
        language=texts("python"),
        kind=texts("{row.kind}"),
        name=texts("name {i}"),
        signature=texts("{row.declarations}"),
        text=[],
        note=texts(""),
        content_hash=texts("{row.terms}"),
        start_line=(numbers + 1).astype(np.int32),
        end_line=(numbers + 2).astype(np.int32),
        start_byte=numbers * 10,
        end_byte=numbers * 10 + 10,
        size=numbers * 0,
        mtime_ns=numbers * 0,
        inode=(numbers * 0).astype(np.uint64),
        terms=np.array([term for term, _ in terms], np.uint32),
        term_counts=np.array([count for _, count in terms], np.uint8),
        term_offsets=offsets([len(row.terms) for row in rows]),
        declaration_kind=[kind for _, kind, _ in declared],
        declaration_name=[name for *_, name in declared],
        declaration_start_line=np.array([place for place, *_ in declared], np.int32),
        declaration_end_line=np.array([place + 1 for place, *_ in declared], np.int32),
        declaration_offsets=offsets([len(row.declarations) for row in rows]),
        vector=np.array([row.vector for row in rows], np.float16).reshape(-1, DIMS),
        has_vector=np.ones(len(rows), np.bool_),
    )


def differences(one: Any, other: Any, name: str = "") -> Iterator[str]:
    """Yield the names of the fields that aren't equal to the bit."""
    if isinstance(one, Vectors):
        one, other = np.asarray(one), np.asarray(other)
    if is_dataclass(one):
        assert type(one) is type(other)
        for field in fields(one):
            yield from differences(getattr(one, field.name), getattr(other, field.name), f"{name}.{field.name}")
    elif isinstance(one, np.ndarray):
        if (one.dtype, one.shape, one.tobytes()) != (other.dtype, other.shape, other.tobytes()):
            yield name
    elif one != other:
        yield name


@pytest.mark.parametrize(("few", "many"), [(splices.FEW_RUNS, splices.MANY_RUNS), (0, 0)])
@settings(deadline=None)
@given(files=FILES, bulk=st.sampled_from([{}, BULK]), changes=st.lists(FILES, max_size=3), paths=st.sets(PATHS))
def test_an_updated_corpus_equals_one_laid_out_anew(
    few: int, many: int, files: dict[str, list[Row]], bulk: dict[str, list[Row]], changes: list[Any], paths: set[str]
) -> None:
    files = files | bulk
    corpus = Corpus.of(columns_of(files))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splices, "FEW_RUNS", few)
        patch.setattr(splices, "MANY_RUNS", many)
        for change in changes:
            kept = {path: rows for path, rows in files.items() if path not in paths | change.keys()}
            before, state = corpus, pickle.dumps(corpus)
            new = columns_of(change)
            assert (
                list(differences(merged(columns_of(files), paths | change.keys(), new), columns_of(kept | change)))
                == []
            )
            files = kept | change
            corpus = before.updated(paths | change.keys(), new)
            assert list(differences(corpus, Corpus.of(columns_of(files)))) == []
            assert pickle.dumps(before) == state, "the old corpus must stay as it is"


@given(files=FILES, data=st.data())
def test_taken_rows_are_those_rows(files: dict[str, list[Row]], data: st.DataObject) -> None:
    paths = data.draw(st.sets(st.sampled_from(sorted(files)))) if files else set()
    columns = columns_of(files)
    chosen = np.array([i for i, path in enumerate(columns.path) if path in paths], np.int64)
    assert list(differences(taken(columns, chosen), columns_of({path: files[path] for path in paths}))) == []
    backwards = taken(columns, np.arange(len(columns))[::-1])
    assert list(differences(taken(backwards, np.arange(len(columns))[::-1]), columns)) == []


def test_rows_of_other_paths_are_refused() -> None:
    row = Row("function", {1: 1}, [], [0.0] * DIMS)
    corpus = Corpus.of(columns_of({"b": [row]}))
    for path in ("a", "c"):
        with pytest.raises(ValueError, match="of other paths"):
            corpus.updated(["b"], columns_of({path: [row]}))
    new = columns_of({"b": [row], "c": [row]})
    new.path.reverse()
    with pytest.raises(ValueError, match="order"):
        corpus.updated(["b", "c"], new)


def test_a_corpus_stays_the_same_when_nothing_changes() -> None:
    corpus = Corpus.of(columns_of(BULK))
    assert corpus.updated(["never/seen.py"], columns_of({})) is corpus


def test_an_edit_on_disk_gives_the_corpus_of_the_new_version(tmp_path: Path) -> None:
    root = tmp_path / "package"
    shutil.copytree(Path(treeseek.__file__).parent, root, ignore=shutil.ignore_patterns("__pycache__"))
    chosen = load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")
    with treeseek.open(root, chosen) as engine:
        engine.sync()
        corpus, _ = engine._reader.laid_out()
        (root / "model.py").write_text("def only_one_here():\n    return 'a word that is new: quokka'\n")
        _check(engine, corpus, {"model.py"})
        corpus, _ = engine._reader.laid_out()
        with (root / "engine.py").open("a") as file:
            file.write("\n\nclass Aardvark:\n    def dig(self):\n        return 'termites'\n")
        (root / "errors.py").unlink()
        (root / "aaa").mkdir()
        (root / "tokens.py").rename(root / "aaa" / "tokens.py")
        _check(engine, corpus, {"engine.py", "errors.py", "tokens.py", "aaa/tokens.py"})


def _check(engine: treeseek.Engine, before: Corpus, paths: set[str]) -> None:
    engine.sync()
    after, snapshot = engine._reader.laid_out()
    rows = snapshot.columns()
    new = taken(rows, np.array([i for i, path in enumerate(rows.path) if path in paths], np.int64))
    updated = before.updated(paths, new)
    assert list(differences(updated, after)) == []
    assert updated.vectors.base is before.vectors.base, "a small edit copies no vectors but its own"
    vector = np.asarray(after.vectors)[0]
    assert (updated.vectors @ vector).tobytes() == (after.vectors @ vector).tobytes()


RUNS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3), st.integers(0, 3)), max_size=4)


@given(size=st.integers(0, 120), edits=st.lists(RUNS, max_size=6))
def test_vectors_read_as_one_matrix(size: int, edits: list[list[tuple[int, int, int]]]) -> None:
    rng = np.random.default_rng(size)
    matrix = rng.random((size, DIMS), np.float32)
    vectors = Vectors.of(matrix)
    for runs in edits:
        rows = _splice(runs, len(matrix))
        fresh = rng.random((int(rows.fresh[-1]), DIMS), np.float32)
        matrix, vectors = rows.array(matrix, fresh), vectors.spliced(rows, Vectors.of(fresh))
        assert np.array_equal(np.asarray(vectors), matrix)
        assert np.array_equal(vectors[np.arange(len(matrix))[::-2]], matrix[::-2])
        assert all(np.array_equal(vectors[i], matrix[i]) for i in range(len(matrix)))
        assert len(vectors.base) + len(vectors.patch) <= len(matrix) * (1 + 2 / 16), "what lies unused is bounded"


def _splice(runs: list[tuple[int, int, int]], size: int) -> Splice:
    """Make a splice of runs given as gap, rows that go, rows that come; those beyond the end are left out."""
    start, stop, fresh, at = [], [], [0], 0
    for gap, goes, comes in runs:
        at += gap + 1
        if at + goes <= size:
            start.append(at)
            stop.append(at + goes)
            fresh.append(fresh[-1] + comes)
            at += goes
    return Splice(np.array(start, np.int64), np.array(stop, np.int64), np.array(fresh, np.int64), size)


def test_products_don_t_depend_on_how_vectors_lie() -> None:
    matrix = np.random.default_rng(1).random((2 * BLOCK_ROWS + 77, 256), np.float32)
    rows = _splice([(5, 2, 3), (BLOCK_ROWS, 1, 0), (BLOCK_ROWS - 100, 0, 2)], len(matrix))
    fresh = np.random.default_rng(2).random((5, 256), np.float32)
    patched, anew = Vectors.of(matrix).spliced(rows, Vectors.of(fresh)), Vectors.of(rows.array(matrix, fresh))
    assert patched.base is matrix
    assert (patched @ matrix[0]).tobytes() == (anew @ matrix[0]).tobytes()
    assert np.allclose(patched @ matrix[0], np.asarray(anew) @ matrix[0])
