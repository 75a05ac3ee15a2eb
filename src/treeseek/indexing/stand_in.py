"""What embeds where files are analysed, in worker processes too? The bundled model itself, or nothing in its place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from treeseek.embedding import Embedder, EmbedderIdentity, TokenEmbedder, default_embedder
from treeseek.tokens import TokenBatch

__all__ = ["UNEMBEDDED", "analysing"]


class _Unembedded:
    """Stands for an embedder where files are analysed, and gives vectors of no width at all."""

    identity = EmbedderIdentity("unembedded", "1", 0, "")

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.zeros((len(texts), 0), np.float32)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        return np.zeros(0, np.float32)

    def embed_tokens(self, batch: TokenBatch) -> NDArray[np.float32]:
        return np.zeros((batch.texts, 0), np.float32)


UNEMBEDDED: TokenEmbedder = _Unembedded()


def analysing(embedder: Embedder) -> TokenEmbedder:
    """Return what stands for an embedder where files are analysed: the bundled model itself, nothing for any other."""
    if hasattr(embedder, "embed_tokens") and embedder is (bundled := default_embedder()):
        return bundled
    return UNEMBEDDED
