"""What does one text declare? Asked of a worker, like everything that a grammar has a part in."""

from __future__ import annotations

import threading
from dataclasses import replace

from treeseek.indexing.identity import content_hash
from treeseek.indexing.quarantine import Quarantine
from treeseek.indexing.trees import has_grammar
from treeseek.indexing.workers import Pool, Terms
from treeseek.model import Syntax
from treeseek.settings import Settings
from treeseek.syntax import analyse

__all__ = ["outline"]

PATIENCE_SECONDS = 1.0
"""How long the worker that waits for a task is waited for while another outline has it: a start takes about as long."""
_one = threading.BoundedSemaphore(1)


def outline(data: bytes, language: str, settings: Settings) -> Syntax:
    """Return the declarations, with their documentation, and the chunks of a text; see `syntax.analyse`.

    Of a text that ends its worker, `fallback` says how. Raises WorkerError if no worker can be had.
    """
    terms = Terms.of(settings)
    if settings.sandbox == "off" or not has_grammar(language):
        return analyse(data, language, deadline_seconds=terms.deadline_seconds, bounds=terms.bounds)
    is_mine = _one.acquire(timeout=PATIENCE_SECONDS)
    pool = Pool(1, terms, Quarantine(settings.cache_dir))
    try:
        found = pool.outline(data, language, content_hash(data))
    finally:
        pool.close()
        if is_mine:
            _one.release()
    if isinstance(found, Syntax):
        return found
    return replace(analyse(data, "text", deadline_seconds=terms.deadline_seconds), language=language, fallback=found)
