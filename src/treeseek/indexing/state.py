"""What does an index hold, and what does it lack of its root as that is now?"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from treeseek.indexing.run import left_out, pending, without
from treeseek.model import IndexStatus
from treeseek.safety.redact import Policy
from treeseek.settings import Settings
from treeseek.store import UnitStore, reading
from treeseek.workspace import walk

__all__ = ["state_of"]


def state_of(root: Path, directory: Path, store: UnitStore | None, settings: Settings, *, skipped: bool) -> IndexStatus:
    """Return the state of a root's index, None if there is no `store`; with `skipped`, all that was left out."""
    found = walk(root, max_file_bytes=settings.max_file_bytes, max_files=settings.max_files)
    if store is None:
        left = found.skipped if skipped else ()
        return IndexStatus(str(root), False, str(directory), skipped=left,
                           pending={"new": len(found.files), "changed": 0, "deleted": 0})  # fmt: skip
    found = without(found, root, store)
    with reading(directory):
        snapshot = store.snapshot()
        manifest = snapshot.manifest()
    indexed = [language for kind, language in zip(manifest.kind, manifest.language, strict=True) if kind == "file"]
    return IndexStatus(
        root=str(root),
        indexed=True,
        directory=str(directory),
        version=snapshot.version,
        files=len(indexed),
        chunks=snapshot.chunk_count(),
        bytes_on_disk=store.bytes_on_disk(),
        embedder=store.identity.embedder,
        redaction=Policy(settings.redact_store, settings.redact_pii).fingerprint or "off",
        languages=dict(Counter(indexed).most_common()),
        skipped=left_out(found, manifest) if skipped else (),
        pending=pending(found, manifest),
    )
