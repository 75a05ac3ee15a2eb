"""The bundled model: deterministic, order-free, and close where meaning is close."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from treeseek.embedding import default_embedder
from treeseek.embedding.context import path_text, with_context
from treeseek.embedding.static import StaticEmbedder, bundled
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
    for text in ("where do we retry failed uploads?", "", "retry retry retry"):
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
    for source in provenance["learned_from"]:
        assert source["github"].count("/") == 1
        assert len(source["revision"]) == 40
        assert "licence" in source  # empty where the repository states it in a way the recipe did not read
