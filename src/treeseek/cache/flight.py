"""One thread does the work for a key; others that want the same wait for it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["Flight"]

T = TypeVar("T")


@dataclass(slots=True)
class Flight(Generic[T]):
    """Work under way for one key. `is_final` tells that `result` None is the answer, and trying again is no use."""

    result: T | None = None
    is_final: bool = False
    landed: threading.Event = field(default_factory=threading.Event)

    def land(self, result: T | None, *, is_final: bool) -> None:
        """Hand the result to all who wait."""
        self.result, self.is_final = result, is_final or result is not None
        self.landed.set()
