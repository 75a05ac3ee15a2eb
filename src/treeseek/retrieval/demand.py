"""What is asked often? So that it is asked again, of a new version of the index, before somebody does."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Demand"]

A = TypeVar("A")

MAX_QUESTIONS = 512
"""So many of those asked last are counted."""
MIN_TIMES = 2
"""Asked so often, or nearly so since longer ago, a question is expected again."""


@dataclass(slots=True)
class _Count(Generic[A]):
    ask: A
    times: float


class Demand(Generic[A]):
    """How often each of the last questions was asked, and how it is asked again. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: OrderedDict[Hashable, _Count[A]] = OrderedDict()

    def note(self, question: Hashable, ask: A) -> None:
        """Note that a question was asked."""
        with self._lock:
            if (count := self._counts.get(question)) is None:
                count = self._counts[question] = _Count(ask, 0)
                if len(self._counts) > MAX_QUESTIONS:
                    self._counts.popitem(last=False)
            count.ask = ask
            count.times += 1
            self._counts.move_to_end(question)

    def expected(self) -> list[tuple[Hashable, A]]:
        """Return the questions that are expected again, those asked most often first; what was counted counts half."""
        with self._lock:
            found = [(count.times, question, count.ask) for question, count in self._counts.items()]
            for question, count in list(self._counts.items()):
                count.times /= 2
                if count.times < 1 / MIN_TIMES:
                    del self._counts[question]
        found.sort(key=lambda one: -one[0])
        return [(question, ask) for times, question, ask in found if times >= MIN_TIMES]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._counts.clear()
