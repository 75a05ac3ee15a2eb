"""What Lance and the file system raise, in one line of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from treeseek.errors import StoreError

__all__ = ["as_store_error"]

_PANIC = "pyo3_runtime"
"""The module of what native code raises when it meets what it thought impossible: no Exception, and damage here."""
_SOURCE_PLACE = re.compile(r",? \S+\.rs:\d+")
"""The place in Lance's own source that its messages end with."""


@contextmanager
def as_store_error(what: str, kind: type[StoreError] = StoreError) -> Iterator[None]:
    """Turn what Lance and the file system raise into one line of ours, which begins with `what`."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, (OSError, ValueError, RuntimeError, KeyError)) and type(error).__module__ != _PANIC:
            raise
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise kind(f"{what}: {_SOURCE_PLACE.split(first)[0]}") from error
