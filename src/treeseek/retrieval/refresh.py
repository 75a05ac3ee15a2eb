"""How does what ranking holds in memory follow a new version? By the files that changed, if the journal tells which."""

from __future__ import annotations

from treeseek import telemetry
from treeseek.retrieval.corpus import Corpus
from treeseek.store import Snapshot, UnitStore
from treeseek.store.memory import give_back_memory

__all__ = ["renewed"]

MAX_SHARE = 0.05
"""With more files changed than this share of all, everything is laid out anew."""


def renewed(loaded: tuple[Corpus, Snapshot] | None, store: UnitStore, snapshot: Snapshot) -> Corpus:
    """Return the layout of `snapshot`, made from that of an earlier version of the same generation if there is one."""
    if loaded is not None and loaded[1].identity == snapshot.identity and loaded[1].uri == snapshot.uri:
        corpus, earlier = loaded
        paths = store.journal.paths_between(earlier.sequence, snapshot.sequence)
        if paths is not None and len(paths) <= max(MAX_SHARE * len(corpus.path), 1):
            moved = store.journal.has_moved_rows(earlier.sequence, snapshot.sequence)
            written = snapshot.columns_of(paths, None if moved else earlier)
            snapshot.take_over(earlier, written, moved=moved)
            telemetry.count("treeseek_corpus_layouts_total", kind="updated")
            return corpus.updated(paths, written) if paths else corpus
    telemetry.count("treeseek_corpus_layouts_total", kind="full")
    corpus = Corpus.of(snapshot.columns())
    give_back_memory()  # as much again was needed on the way
    return corpus
