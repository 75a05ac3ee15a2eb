"""What does it mean? Texts to vectors.

The `Embedder` protocol and its implementations; which one an index was built with is part of the index's identity.
"""

from treeseek.embedding.protocol import Embedder, EmbedderIdentity, TokenEmbedder

__all__ = ["Embedder", "EmbedderIdentity", "TokenEmbedder", "default_embedder"]


def default_embedder() -> TokenEmbedder:
    """Return the bundled static model: offline, deterministic, no set-up. Loaded when first used."""
    from treeseek.embedding.static import bundled

    return bundled()
