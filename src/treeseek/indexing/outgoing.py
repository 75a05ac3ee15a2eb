"""Which embedder serves a root, and what becomes of texts before they leave? Composed here, for every frontend."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from treeseek.embedding import load
from treeseek.embedding.protocol import Usage

if TYPE_CHECKING:
    from treeseek.embedding import Embedder, TextEmbedder
    from treeseek.embedding.redacted import Redactor
    from treeseek.settings import Settings

__all__ = ["embedder_of", "is_remote", "usage_of"]


def embedder_of(settings: Settings) -> Embedder:
    """Return the embedder that the settings ask for; a remote one gets no text that wasn't redacted.

    Raises UsageError for a setting that can't be, EmbeddingError for a local model that can't be read.
    """
    embedder = load(settings)
    redactor, policy = _redactor(settings)
    if not is_remote(embedder) or redactor is None:
        return embedder
    from treeseek.embedding.redacted import Redacted

    return Redacted(cast("TextEmbedder", embedder), redactor, policy)


def is_remote(embedder: Embedder) -> bool:
    """Whether texts leave this machine."""
    return bool(getattr(embedder, "is_remote", False))


def usage_of(embedder: Embedder) -> Usage:
    """Return what an embedder did so far; nothing if it doesn't count."""
    usage = getattr(embedder, "usage", None)
    found = usage() if callable(usage) else None
    return found if isinstance(found, Usage) else Usage()


def _redactor(settings: Settings) -> tuple[Redactor | None, str]:
    """Return what texts go through before they leave, and its policy's name: this is the one place that chooses it.

    There is no redactor yet, so texts leave as they are.
    """
    return None, ""
