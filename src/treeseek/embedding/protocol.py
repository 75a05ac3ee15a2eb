"""What an embedder must be able to do, and how vectors get their context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from treeseek.tokens import TokenBatch

__all__ = ["Embedder", "EmbedderIdentity", "TokenEmbedder"]


@dataclass(frozen=True, slots=True)
class EmbedderIdentity:
    """What makes two vectors comparable: the model's name and version, their width, a hash of its weights."""

    name: str
    version: str
    dims: int
    weights: str

    def __str__(self) -> str:
        return f"{self.name}@{self.version}:{self.dims}:{self.weights}"


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
