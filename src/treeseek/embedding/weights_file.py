"""How is a static model kept? A byte a number, as a directory (the bundled one) or as one file (a trained one).

A directory holds `vectors.npy` (int8, words x dims), `scales.npy` (float16, one per word), `vocab.txt` (a word a line)
and `provenance.json`; a file is an uncompressed `.npz` of the same four. Nothing in either is code, or pickled.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treeseek.errors import EmbeddingError

__all__ = ["Weights", "quantised", "read", "write_directory", "write_file"]


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's words, and for each a row of `vectors` to be multiplied by its scale."""

    words: list[str]
    vectors: NDArray[np.int8]
    scales: NDArray[np.float16]

    def table(self) -> NDArray[np.float32]:
        """Return the rows as they count: shape (words, dims)."""
        return self.vectors.astype(np.float32) * self.scales.astype(np.float32)[:, None]


def quantised(words: Sequence[str], table: NDArray[np.float32]) -> Weights:
    """Round a table (words x dims) to a byte a number: each is off by half a 127th of its row's largest at most."""
    scales = np.maximum(np.abs(table).max(axis=1, initial=0) / 127, 6e-8).astype(np.float16)
    too_small = scales.astype(np.float32) * 127 < np.abs(table).max(axis=1, initial=0)
    scales[too_small] = np.nextafter(scales[too_small], np.float16(np.inf))
    vectors = np.rint(table / scales.astype(np.float32)[:, None]).astype(np.int8)
    return Weights(list(words), vectors, scales)


def read(path: Path) -> Weights:
    """Return the weights in a directory or a file. Raises EmbeddingError if they can't be read, or don't fit."""
    try:
        weights = _from_directory(path) if path.is_dir() else _from_file(path)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise EmbeddingError(f"can't read the model in {path}: {error}; {_advice(path)}") from error
    vectors, scales = weights.vectors, weights.scales
    fits = vectors.ndim == 2 and vectors.dtype == np.int8 and scales.dtype == np.float16 and scales.ndim == 1
    if not fits or not len(weights.words) == len(vectors) == len(scales):
        raise EmbeddingError(f"the model in {path} is incomplete; {_advice(path)}")
    return weights


def _advice(path: Path) -> str:
    return "reinstall treeseek" if path == Path(__file__).parent / "weights" else "train it again, or unset model_path"


def _from_directory(path: Path) -> Weights:
    vectors = np.load(path / "vectors.npy", mmap_mode="r")
    words = (path / "vocab.txt").read_text("utf-8").splitlines()
    return Weights(words, vectors, np.load(path / "scales.npy"))


def _from_file(path: Path) -> Weights:
    with np.load(path, allow_pickle=False) as parts:
        return Weights(parts["vocab"].tobytes().decode("utf-8").splitlines(), parts["vectors"], parts["scales"])


def write_directory(path: Path, weights: Weights, provenance: Mapping[str, Any]) -> None:
    """Write weights as a directory, and what they come from beside them."""
    path.mkdir(parents=True, exist_ok=True)
    np.save(path / "vectors.npy", weights.vectors)
    np.save(path / "scales.npy", weights.scales)
    (path / "vocab.txt").write_text("\n".join(weights.words) + "\n", "utf-8")
    (path / "provenance.json").write_text(json.dumps(provenance, indent=1, ensure_ascii=False) + "\n", "utf-8")


def write_file(path: Path, weights: Weights, provenance: Mapping[str, Any]) -> None:
    """Write weights as one file, whole or not at all. Raises OSError."""
    vocab = np.frombuffer("\n".join(weights.words).encode(), np.uint8)
    told = np.frombuffer(json.dumps(provenance).encode(), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            np.savez(file, vectors=weights.vectors, scales=weights.scales, vocab=vocab, provenance=told)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
