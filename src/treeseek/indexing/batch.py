"""One batch on its way: files to analyse, and what became of them. What this process and its workers both do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from treeseek.embedding import TokenEmbedder
from treeseek.indexing.analyse import FileText, Vectors, analyse_files
from treeseek.indexing.artifacts import is_lasting, pack
from treeseek.indexing.place import place
from treeseek.model import UnitColumns
from treeseek.syntax import Bounds

__all__ = ["Batch", "Outcome", "analyse_batch"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Files to analyse, and vectors that some of their chunks may have already.

    `looked_at` is how many bytes of files were looked at to find these.
    """

    files: Sequence[FileText] = ()
    lent: Vectors = field(default_factory=dict)
    looked_at: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The rows of a batch, the artifacts to keep by address, and how many chunks got a vector that was lent."""

    rows: UnitColumns
    artifacts: Mapping[bytes, bytes] = field(default_factory=dict)
    reused: int = 0

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return len(self.rows) - self.rows.kind.count("file")


def analyse_batch(
    batch: Batch, embedder: TokenEmbedder, deadline_seconds: float, *, unparsable: str = "", bounds: Bounds = Bounds(),
    begin: Callable[[], object] = lambda: None,
) -> Outcome:  # fmt: skip
    """Return what becomes of a batch. Total, as `analyse_files` is."""
    contents = analyse_files(
        batch.files, embedder, deadline_seconds, unparsable=unparsable, lent=batch.lent, bounds=bounds, begin=begin
    )
    artifacts = {
        file.key: pack(content, file.key)
        for file, content in zip(batch.files, contents, strict=True)
        if file.key and is_lasting(content)
    }
    reused = sum(digest in batch.lent for content in contents for digest in content.digests) if batch.lent else 0
    return Outcome(place(batch.files, contents, embedder), artifacts, reused)
