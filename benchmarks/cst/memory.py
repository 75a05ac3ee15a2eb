"""What Python's allocators have handed out: objects, arrays, and the parser's trees, which the binding lets Python
allocate. Tracing has to be on (`tracemalloc.start()`) since before what is measured was made.
"""

from __future__ import annotations

import gc
import os
import tracemalloc
from collections.abc import Callable

__all__ = ["held_by"]


def held_by(release: Callable[[], object]) -> int:
    """Return how many bytes `release` gives back. It is done in a forked child: here everything stays.

    Raises OSError if the child ends without an answer.
    """
    gc.collect()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            before, _ = tracemalloc.get_traced_memory()
            release()
            gc.collect()
            os.write(writing, str(before - tracemalloc.get_traced_memory()[0]).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        told = answer.read()
    os.waitpid(child, 0)
    if not told:
        raise OSError("the child that was to measure memory said nothing")
    return int(told)
