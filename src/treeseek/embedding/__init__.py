"""What does it mean? Texts to vectors.

The `Embedder` protocol and its implementations; which one an index was built with is part of the index's identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from treeseek.embedding.protocol import Embedder, EmbedderIdentity, TokenEmbedder

if TYPE_CHECKING:
    from treeseek.settings import Settings

__all__ = ["Embedder", "EmbedderIdentity", "TokenEmbedder", "default_embedder", "load"]


def default_embedder() -> TokenEmbedder:
    """Return the bundled static model: offline, deterministic, no set-up. Loaded when first used."""
    from treeseek.embedding.static import bundled

    return bundled()


def load(settings: Settings) -> Embedder:
    """Return the embedder that the settings ask for: the model at `model_path`, or else the bundled one.

    Raises EmbeddingError for a model that can't be read.
    """
    if settings.model_path is not None:
        from treeseek.embedding.static import load as trained

        return trained(settings.model_path)
    return default_embedder()
