"""Which embedder serves a root, and what becomes of texts before they leave it, or of answers before they are shown?

Composed here, for every frontend.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from treeseek.embedding import load
from treeseek.embedding.protocol import Usage
from treeseek.errors import UnreadableError
from treeseek.safety.answers import Answer, held, paths_of, redacted
from treeseek.safety.redact import OFF, Policy, redact_bytes, redactor
from treeseek.workspace import open_root

if TYPE_CHECKING:
    from treeseek.embedding import Embedder, TextEmbedder
    from treeseek.embedding.redacted import Redactor
    from treeseek.settings import Settings

__all__ = ["embedder_of", "is_remote", "shown", "shown_bytes", "usage_of"]


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


def shown(root: Path, settings: Settings, answer: Answer, paths: Sequence[str]) -> Answer:
    """Return an answer, about files that it names or others at `paths`, as the settings let it be shown."""
    policy = _policy_of_answers(settings)
    if not policy.is_on:
        return answer
    known: dict[str, str] = {}
    with open_root(root) as reader:
        for path in {*paths_of(answer), *paths}:
            with suppress(UnreadableError):
                known |= held(reader.read(path, max_bytes=settings.max_file_bytes), policy)
    return redacted(answer, policy, known)


def shown_bytes(data: bytes, settings: Settings) -> bytes:
    """Return a file's bytes as the settings let them be shown: of equal length, with the same line breaks."""
    return redact_bytes(data, _policy_of_answers(settings))[0]


def _policy_of_answers(settings: Settings) -> Policy:
    # What mustn't be stored isn't shown either, where an answer is made of the files themselves.
    tier = next((one for one in (settings.redact_answers, settings.redact_store) if one != OFF), OFF)
    return Policy(tier, settings.redact_pii)


def _redactor(settings: Settings) -> tuple[Redactor | None, str]:
    """Return what texts go through before they leave, and its policy's name: this is the one place that chooses it."""
    policy = Policy(settings.redact, settings.redact_pii)
    return (redactor(policy), policy.fingerprint) if policy.is_on else (None, "")
