"""What does it mean? Texts to vectors.

The `Embedder` protocol and its implementations; which one an index was built with is part of the index's identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from treeseek.embedding.protocol import Embedder, EmbedderIdentity, TextEmbedder, TokenEmbedder

if TYPE_CHECKING:
    from treeseek.settings import Settings

__all__ = ["Embedder", "EmbedderIdentity", "TextEmbedder", "TokenEmbedder", "default_embedder", "load"]


def default_embedder() -> TokenEmbedder:
    """Return the bundled static model: offline, deterministic, no set-up. Loaded when first used."""
    from treeseek.embedding.static import bundled

    return bundled()


def load(settings: Settings) -> Embedder:
    """Return the embedder that `settings.embedder` asks for; for "static", the model at `model_path` if that is set. It
    connects to nothing, and imports no extra, until used.

    Raises UsageError for a setting that can't be, EmbeddingError for a local model that can't be read.
    """
    from treeseek.embedding.spec import parse

    spec = parse(settings.embedder)
    if spec.provider == "bedrock":
        from treeseek.embedding.bedrock import titan

        return titan(spec)
    if spec.provider == "openai":
        from treeseek.embedding.openai import endpoint

        return endpoint(spec)
    if spec.provider == "onnx":
        from treeseek.embedding.onnx import transformer

        return transformer(spec, settings.workers)
    if settings.model_path is not None:
        from treeseek.embedding.static import load as trained

        return trained(settings.model_path)
    return default_embedder()
