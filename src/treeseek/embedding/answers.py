"""Is what came back what was asked for? As many vectors, as wide, each a direction, each in its text's place."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treeseek.embedding.context import normalized
from treeseek.embedding.retry import RequestError

__all__ = ["Answer", "checked", "decoded", "in_order", "one_line", "parsed"]

MIN_LENGTH = 1e-6
"""A vector that is shorter points nowhere."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Vectors as a provider gave them, in the order of the texts, and the tokens that it counted, if it does."""

    vectors: Sequence[Any]
    tokens: int | None = None


def parsed(body: bytes) -> dict[str, Any]:
    """Return a body as a JSON object. Raises RequestError: an answer that was cut off may be whole the next time."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise RequestError("malformed", "what came is not JSON") from None
    if not isinstance(document, dict):
        raise RequestError("malformed", "what came is not a JSON object")
    return document


def in_order(items: Any, count: int) -> list[Any]:
    """Return the `embedding` of each item of an OpenAI-compatible answer, in the order of the texts.

    By `index`, whatever the order; in the order given only if no item has one. Raises RequestError.
    """
    if not isinstance(items, list) or not all(isinstance(item, dict) and "embedding" in item for item in items):
        raise RequestError("malformed", "what came has no list of embeddings")
    if len(items) != count:
        raise RequestError("malformed", f"{len(items)} vectors came for {count} texts")
    numbers = [item.get("index") for item in items]
    if all(number is None for number in numbers):
        return [item["embedding"] for item in items]
    placed: dict[int, Any] = {}
    for number, item in zip(numbers, items, strict=True):
        if type(number) is not int or not 0 <= number < count or number in placed:
            raise RequestError("malformed", f"a vector is for text {str(number)[:20]}, again or of none that was sent")
        placed[number] = item["embedding"]
    return [placed[number] for number in range(count)]


def decoded(vector: Any) -> Any:
    """Return a vector of numbers; one in base64 (little-endian float32) is unpacked. Raises RequestError."""
    if not isinstance(vector, str):
        return vector
    try:
        return np.frombuffer(base64.b64decode(vector, validate=True), "<f4")
    except (binascii.Error, ValueError):
        raise RequestError("malformed", "a vector is not base64 of float32 numbers") from None


def checked(vectors: Sequence[Any], count: int, dims: int) -> NDArray[np.float32]:
    """Return the vectors at length 1, shape (count, dims). Raises RequestError for anything that isn't that."""
    if len(vectors) != count:
        raise RequestError("malformed", f"{len(vectors)} vectors came for {count} texts")
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            rows = [np.asarray(decoded(vector), np.float32) for vector in vectors]
    except (TypeError, ValueError):
        raise RequestError("malformed", "a vector is not a list of numbers") from None
    for row in rows:
        if row.shape != (dims,):
            came = f"a vector of {len(row)} numbers" if row.ndim == 1 else "something else than a vector"
            raise RequestError("malformed", f"{came} came instead of one of {dims} numbers")
    whole = np.stack(rows) if rows else np.zeros((0, dims), np.float32)
    if not np.isfinite(whole).all():
        raise RequestError("malformed", "a vector holds what is no number, or too large a one")
    if (np.linalg.norm(whole, axis=1) < MIN_LENGTH).any():
        raise RequestError("malformed", "a vector is zero")
    return normalized(whole)


def one_line(message: object, most: int = 200) -> str:
    """Return what a provider said, short and printable."""
    line = " ".join("".join(one if one.isprintable() else " " for one in str(message)[: most * 4]).split())
    return line if len(line) <= most else line[: most - 1] + "…"
