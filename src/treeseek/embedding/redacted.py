"""An embedder that never sees what must not leave: every text goes through a redactor first, questions too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from treeseek.embedding.protocol import EmbedderIdentity, Forecast, Part, TextEmbedder, Usage
from treeseek.errors import EmbeddingError

__all__ = ["Redacted", "Redactor"]

Redactor = Callable[[Sequence[str]], list[str]]
"""Returns the texts, in order, each without what must not leave."""


class Redacted:
    """Another embedder, behind a redactor. `policy` names what that does, and becomes part of the identity: the same
    text gives another vector under another policy.
    """

    def __init__(self, embedder: TextEmbedder, redactor: Redactor, policy: str) -> None:
        self._embedder, self._redactor, self._policy = embedder, redactor, policy

    @property
    def identity(self) -> EmbedderIdentity:
        """That of the embedder behind it, and the policy."""
        own = self._embedder.identity
        return replace(own, prepared="+".join(filter(None, (own.prepared, f"redacted={self._policy}"))))

    @property
    def is_remote(self) -> bool:
        """Whether texts leave this machine."""
        return self._embedder.is_remote

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return an array of shape (len(texts), dims)."""
        return self._embedder.embed(self.redacted(texts))

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return one vector of shape (dims,)."""
        return self._embedder.embed_query(self.redacted([text])[0])

    def embed_parts(self, texts: Sequence[str], deadline: float = float("inf")) -> Iterator[Part]:
        """Yield vectors as they come."""
        return self._embedder.embed_parts(self.redacted(texts), deadline)

    def forecast(self, sizes: Sequence[int]) -> Forecast:
        """Return what texts of so many bytes would take."""
        return self._embedder.forecast(sizes)

    def usage(self) -> Usage:
        """Return what was done so far."""
        return self._embedder.usage()

    def close(self) -> None:
        """Let go of connections."""
        self._embedder.close()

    def redacted(self, texts: Sequence[str]) -> list[str]:
        """Return the texts as they may leave."""
        redacted = self._redactor(texts)
        if len(redacted) != len(texts):
            raise EmbeddingError(f"the redactor returned {len(redacted)} texts for {len(texts)}; nothing was sent")
        return redacted
