"""The bundled model: deterministic, order-free, and close where meaning is close."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from treeseek import settings
from treeseek.embedding import default_embedder, static
from treeseek.embedding import load as embedder_of
from treeseek.embedding.context import path_text, with_context
from treeseek.embedding.pieces import MAX_PIECES, split
from treeseek.embedding.static import StaticEmbedder, bundled, load
from treeseek.embedding.weights_file import quantised, read, write_directory, write_file
from treeseek.errors import EmbeddingError


def test_vectors_have_length_one_or_are_zero() -> None:
    vectors = default_embedder().embed(["open a file", "", "§§§", "qzxjkqzxjk"])
    lengths = np.linalg.norm(vectors, axis=1)
    assert lengths == pytest.approx([1, 0, 0, 0], abs=1e-5)
    assert vectors.dtype == np.float32
    assert vectors.shape == (4, default_embedder().identity.dims)


def test_a_text_has_the_same_vector_whatever_is_beside_it() -> None:
    texts = [f"text number {i} about sockets and files" for i in range(300)]
    together = default_embedder().embed(texts)
    alone = np.concatenate([default_embedder().embed([text]) for text in texts])
    assert np.array_equal(together, alone)


def test_a_query_is_embedded_as_a_text() -> None:
    embedder = default_embedder()
    for text in (
        "where do we retry failed uploads?",
        "",
        "retry retry retry",
        "hostnames for getaddrinfo, getaddrinfo",
    ):
        assert embedder.embed_query(text) == pytest.approx(embedder.embed([text])[0], abs=1e-6)


def test_meaning_is_nearer_than_spelling() -> None:
    embedder = default_embedder()
    query, near, far = embedder.embed(["delete a directory", "remove folder recursively", "parse json number"])
    assert query @ near > query @ far + 0.2


def test_context_moves_a_chunk_towards_its_path_and_file() -> None:
    rng = np.random.default_rng(0)
    chunks, paths = rng.normal(size=(3, 8)).astype(np.float32), rng.normal(size=(2, 8)).astype(np.float32)
    placed = with_context(chunks, paths, np.array([0, 0, 1]))
    assert np.linalg.norm(placed, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    plain = chunks / np.linalg.norm(chunks, axis=1, keepdims=True)
    path = paths[0] / np.linalg.norm(paths[0])
    assert placed[0] @ path > plain[0] @ path
    alone = with_context(chunks[:1], paths[:1], np.array([0]))
    assert not np.allclose(alone[0], placed[0]), "the file's other chunks are part of the context"


def test_only_the_last_parts_of_a_path_are_context() -> None:
    assert path_text("a/b/c/d.py") == "b/c/d.py"
    assert path_text("d.py") == "d.py"


def test_the_identity_follows_the_weights(tmp_path: Path) -> None:
    copy = tmp_path / "weights"
    shutil.copytree(bundled().directory, copy)
    assert StaticEmbedder(copy).identity == bundled().identity
    vectors = np.load(copy / "vectors.npy")
    vectors[0, 0] ^= 1
    np.save(copy / "vectors.npy", vectors)
    assert StaticEmbedder(copy).identity != bundled().identity


def test_a_broken_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="can't read the model"):
        StaticEmbedder(tmp_path)
    copy = tmp_path / "weights"
    shutil.copytree(bundled().directory, copy)
    (copy / "vocab.txt").write_text("one\nword\n")
    with pytest.raises(EmbeddingError, match="incomplete"):
        StaticEmbedder(copy)


def test_the_weights_say_what_they_learned_from() -> None:
    provenance = json.loads((bundled().directory / "provenance.json").read_text("utf-8"))
    assert provenance["recipe"]["dim"] == bundled().identity.dims
    assert provenance["figures"]
    names = [source["github"] for source in provenance["learned_from"]]
    assert len(names) == len(set(names)) > 100
    for source in provenance["learned_from"]:
        assert source["github"].count("/") == 1
        assert len(source["revision"]) == 40
        assert set(source["licence"].split(" AND ")) <= {"MIT", "BSD", "Apache-2.0", "ISC"}
        assert source["licence"]


def test_the_weights_are_small() -> None:
    assert sum(path.stat().st_size for path in bundled().directory.iterdir()) < 9_000_000


KNOWN = frozenset("get addr info host names name getaddr quant ization".split())


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("getaddrinfo", ["getaddr", "info"]),
        ("hostnames", ["host", "names"]),
        ("hostname", ["host", "name"]),
        ("hostess", []),
        ("info", []),  # too short to be two
        ("addr2info", []),
        ("hosthosthosthosthost", []),  # more pieces than say anything
        ("", []),
    ],
)
def test_an_unknown_word_is_split_into_the_fewest_known_ones(word: str, pieces: list[str]) -> None:
    assert split(word, KNOWN) == pieces


@given(st.text("gaetdrinfohsm", max_size=40))
def test_pieces_are_known_and_make_up_the_word(word: str) -> None:
    pieces = split(word, KNOWN)
    assert not pieces or "".join(pieces) == word
    assert set(pieces) <= KNOWN
    assert len(pieces) <= MAX_PIECES


def made(path: Path, words: list[str], dims: int = 4) -> StaticEmbedder:
    table = np.random.default_rng(0).normal(size=(len(words), dims)).astype(np.float32)
    write_directory(path, quantised(words, table), {})
    return StaticEmbedder(path)


def test_a_word_without_a_vector_counts_as_its_pieces(tmp_path: Path) -> None:
    embedder = made(tmp_path, ["get", "addr", "info", "host", "names"])
    whole, parts, nothing = embedder.embed(["getaddrinfo hostnames", "get addr info host names", "zzzzzzz"])
    assert whole == pytest.approx(parts, abs=1e-6)
    assert not nothing.any()
    assert embedder.embed_query("getaddrinfo hostnames") == pytest.approx(parts, abs=1e-6)


def test_unknown_words_are_forgotten_before_they_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = made(tmp_path, ["get", "addr", "info"])
    monkeypatch.setattr(static, "MAX_REMEMBERED", 10)
    once = embedder.embed(["getaddr getinfo"])
    letters = "abcdefghij"
    for first in letters:
        embedder.embed([" ".join(f"getqq{first}{second}" for second in letters[:4])])
    assert len(embedder._known_splits) <= 10
    assert np.array_equal(embedder.embed(["getaddr getinfo"]), once)


@given(arrays.arrays(np.float32, (3, 5), elements=st.floats(-1e3, 1e3, width=32)))
def test_a_rounded_number_is_off_by_half_a_step_at_most(table: np.ndarray) -> None:
    weights = quantised(["a", "b", "c"], table)
    step = weights.scales.astype(np.float32)[:, None]
    assert (np.abs(weights.table() - table) <= 0.5 * step + 1e-6 * np.abs(table)).all()
    largest = np.abs(table).max(axis=1, keepdims=True)
    assert (step <= largest / 127 * 1.002 + 1.3e-7).all()


def test_a_model_in_one_file_is_that_in_a_directory(tmp_path: Path) -> None:
    write_file(tmp_path / "model.npz", read(bundled().directory), {"name": "copy"})
    copy = load(tmp_path / "model.npz")
    assert copy.identity == bundled().identity
    assert np.array_equal(copy.embed(["open a file"]), bundled().embed(["open a file"]))
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]


def test_the_settings_say_which_model(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    write_file(path, quantised(["open", "file"], np.eye(2, 8, dtype=np.float32)), {})
    environment = {"TREESEEK_CONFIG": str(tmp_path / "none"), "TREESEEK_MODEL_PATH": str(path)}
    assert embedder_of(settings.load(environment)).identity.dims == 8
    assert embedder_of(settings.load({"TREESEEK_CONFIG": str(tmp_path / "none")})) is default_embedder()


@pytest.mark.parametrize("data", [b"", b"not a model", b"PK\x03\x04 nor an archive"])
def test_a_broken_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "model.npz").write_bytes(data)
    with pytest.raises(EmbeddingError, match=r"can't read the model.*train it again"):
        StaticEmbedder(tmp_path / "model.npz")


def test_a_file_that_holds_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "model.npz", vocab=np.array([{}], object), vectors=np.zeros(1), scales=np.zeros(1))
    with pytest.raises(EmbeddingError, match="can't read the model"):
        StaticEmbedder(tmp_path / "model.npz")
