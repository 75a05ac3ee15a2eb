"""Every error that treeseek raises on purpose.

    TreeseekError                 exit code 2
    ├── UsageError                the caller asked for something that can't be: a bad filter, an empty query
    ├── RootError                 the root doesn't exist, isn't a directory, can't be read, or is refused
    ├── NotIndexedError           an answer needs an index and there is none (exit code 10 of `verify`)
    ├── StoreError                the index can't be read or written
    │   ├── StoreLockedError      another process is writing this index (exit code 11 of `verify`)
    │   ├── StoreCorruptError     the index doesn't hold together
    │   └── FormatError           the index was written by a newer treeseek, or for another embedder
    ├── UnreadableError           a file beneath the root can't be read, or must not be: see its `reason`
    ├── TreeError                 a syntax tree can't give what was asked of it
    │   ├── TreeCorruptError      what was stored of a tree is damaged
    │   └── TreeMismatchError     it is of another text, grammar or format version
    ├── OverloadedError           more is being asked at once than may be; ask again
    ├── DeadlineError             a server gave up on an answer that took too long
    ├── EmbeddingError            an embedder failed or returned something malformed
    │   ├── MissingExtraError     what it needs isn't installed; raised of a server's libraries, too
    │   ├── CredentialsError      there are no credentials for it, or they aren't accepted
    │   ├── AccessDeniedError     the credentials are good, but not for this model
    │   ├── ThrottledError        it keeps saying that this is too much
    │   ├── EndpointError         it can't be reached, keeps failing, or refuses what is asked
    │   └── AnswerError           it gives too many or too few vectors, of another width, or not numbers
    └── WorkerError               the analysis processes can't be started or all died

The message is one line for a person: what was wrong, where, and what to do. Frontends map `exit_code` once.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AccessDeniedError",
    "AnswerError",
    "CredentialsError",
    "DeadlineError",
    "EmbeddingError",
    "EndpointError",
    "FormatError",
    "MissingExtraError",
    "NotIndexedError",
    "OverloadedError",
    "RootError",
    "StoreCorruptError",
    "StoreError",
    "StoreLockedError",
    "ThrottledError",
    "TreeCorruptError",
    "TreeError",
    "TreeMismatchError",
    "TreeseekError",
    "UnreadableError",
    "UsageError",
    "WorkerError",
]


class TreeseekError(Exception):
    """Base of all errors that treeseek raises on purpose."""

    exit_code: int = 2
    code: ClassVar[str] = "error"


class UsageError(TreeseekError):
    """The caller asked for something that can't be."""

    code = "usage"


class RootError(TreeseekError):
    """The root doesn't exist, isn't a directory, can't be read, or is refused."""

    code = "root"


class NotIndexedError(TreeseekError):
    """An answer needs an index and there is none."""

    code = "not-indexed"


class StoreError(TreeseekError):
    """The index can't be read or written."""

    code = "store"


class StoreLockedError(StoreError):
    """Another process is writing this index."""

    code = "store-locked"


class StoreCorruptError(StoreError):
    """The index doesn't hold together."""

    code = "store-corrupt"


class FormatError(StoreError):
    """The index was written by a newer treeseek, or for another embedder."""

    code = "format"


class UnreadableError(TreeseekError):
    """A file beneath the root can't be read, or must not be. `reason` is a stable, short code."""

    code = "unreadable"

    def __init__(self, message: str, reason: str = "io-error") -> None:
        super().__init__(message)
        self.reason = reason


class TreeError(TreeseekError):
    """A syntax tree can't give what was asked of it."""

    code = "tree"


class TreeCorruptError(TreeError):
    """What was stored of a syntax tree is damaged."""

    code = "tree-corrupt"


class TreeMismatchError(TreeError):
    """What was stored is the tree of another text, or of another grammar, or in a newer format."""

    code = "tree-mismatch"


class OverloadedError(TreeseekError):
    """More is being asked at once than may be."""

    code = "overloaded"


class DeadlineError(TreeseekError):
    """A server gave up on an answer that took too long."""

    code = "deadline"


class EmbeddingError(TreeseekError):
    """An embedder failed or returned something malformed."""

    code = "embedding"


class MissingExtraError(EmbeddingError):
    """What an embedder needs isn't installed, or what a server does."""

    code = "missing-extra"


class CredentialsError(EmbeddingError):
    """There are no credentials for an embedder, or they aren't accepted."""

    code = "credentials"


class AccessDeniedError(EmbeddingError):
    """The credentials are good, but not for this model."""

    code = "access-denied"


class ThrottledError(EmbeddingError):
    """An embedder keeps saying that this is too much."""

    code = "throttled"


class EndpointError(EmbeddingError):
    """An embedder can't be reached, keeps failing, or refuses what is asked."""

    code = "endpoint"


class AnswerError(EmbeddingError):
    """An embedder gives too many or too few vectors, of another width than it should, or what isn't a direction."""

    code = "answer"


class WorkerError(TreeseekError):
    """The analysis processes can't be started, or all of them died."""

    code = "worker"
