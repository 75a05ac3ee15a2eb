"""What an embedder must be able to do, and what it tells of itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from treeseek.tokens import TokenBatch

__all__ = ["Embedder", "EmbedderIdentity", "Forecast", "Part", "TextEmbedder", "TokenEmbedder", "Usage"]


@dataclass(frozen=True, slots=True)
class EmbedderIdentity:
    """What makes two vectors comparable: the model's name and version, their width, a hash of its weights (or "remote",
    where they are somebody else's), and in `prepared` what is done to texts before and to vectors after.

    Where a model is served from has no part in it.
    """

    name: str
    version: str
    dims: int
    weights: str
    prepared: str = ""

    def __str__(self) -> str:
        stated = f"{self.name}@{self.version}:{self.dims}:{self.weights}"
        return f"{stated}+{self.prepared}" if self.prepared else stated


@dataclass(frozen=True, slots=True)
class Usage:
    """What an embedder did since it was made. `waited` are seconds spent on keeping to limits and on backing off.

    `tokens` are those that the provider counted, or where it doesn't, an estimate. `dollars` is 0 without a price.
    """

    texts: int = 0
    requests: int = 0
    tokens: int = 0
    retries: int = 0
    throttles: int = 0
    truncated: int = 0
    dollars: float = 0.0
    waited: float = 0.0

    def since(self, before: Usage) -> Usage:
        """Return what was done between two states."""
        return Usage(*(getattr(self, one.name) - getattr(before, one.name) for one in fields(self)))


@dataclass(frozen=True, slots=True)
class Forecast:
    """What embedding some texts would take. `dollars` is None without a known price; `seconds` is what limits and
    concurrency allow at best, None if nothing can be said.
    """

    requests: int
    tokens: int
    dollars: float | None
    seconds: float | None


class Embedder(Protocol):
    """Turns texts into vectors of `identity.dims` float32 numbers, of length 1, or all zero for a text it can't read.

    The same text gives the same vector, whatever is embedded beside it.
    """

    @property
    def identity(self) -> EmbedderIdentity:
        """What the index remembers, and refuses to mix."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return an array of shape (len(texts), dims)."""
        ...

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return one vector of shape (dims,) for a question, which some models embed otherwise than documents."""
        ...


class TokenEmbedder(Embedder, Protocol):
    """An embedder that reads the sub-tokens that lexical search has cut already, in the process that cut them."""

    def embed_tokens(self, batch: TokenBatch) -> NDArray[np.float32]:
        """Return an array of shape (batch.texts, dims)."""
        ...


Part = tuple[Sequence[int], "NDArray[np.float32]"]
"""Numbers of texts, and an array of their vectors, a row each."""


class TextEmbedder(Embedder, Protocol):
    """An embedder that takes its time, or money: what it did is kept even if the rest fails."""

    @property
    def is_remote(self) -> bool:
        """Whether texts leave this machine."""
        ...

    def embed_parts(self, texts: Sequence[str], deadline: float = float("inf")) -> Iterator[Part]:
        """Yield vectors as they come, in any order, each text's once.

        Nothing is begun after `deadline`, on the monotonic clock: then some are missing. Raises EmbeddingError when it
        can't go on, after all that came was yielded.
        """
        ...

    def forecast(self, sizes: Sequence[int]) -> Forecast:
        """Return what texts of so many bytes would take."""
        ...

    def usage(self) -> Usage:
        """Return what was done so far."""
        ...

    def close(self) -> None:
        """Let go of connections. It may be used again."""
        ...
