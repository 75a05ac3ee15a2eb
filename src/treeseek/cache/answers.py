"""Has this been asked already? Answers by question, as long as the version that gave them is the newest.

Whoever asks what somebody else is just finding out waits for that.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from treeseek import telemetry
from treeseek.cache.flight import Flight

__all__ = ["AnswerCache", "Version"]

V = TypeVar("V")

Version = tuple[str, int]
"""What is asked: a table, and a number that grows with each of its versions."""

MAX_SHARE = 8
"""One answer may take one part in so many of the budget."""
NAME = "treeseek_query_cache"

_hit, _miss, _wait, _renewal, _evicted, _invalidated = (
    telemetry.counter(f"{NAME}_{event}_total")
    for event in ("hits", "misses", "waits", "renewals", "evictions", "invalidations")
)


class AnswerCache(Generic[V]):
    """Answers within a budget in bytes, those not asked for longest going first. Threads share it.

    `weigh` tells the bytes that an answer takes. A budget of 0 keeps nothing; what many ask at once is found once even
    then.
    """

    def __init__(self, budget: int, weigh: Callable[[V], int]) -> None:
        self._budget, self._weigh = budget, weigh
        self._lock = threading.Lock()
        self._version: Version = ("", 0)
        self._answers: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._flights: dict[tuple[Version, Hashable], Flight[V]] = {}
        self.nbytes = 0
        telemetry.shift_gauge(f"{NAME}_budget_bytes", budget)

    def __len__(self) -> int:
        return len(self._answers)

    def get(
        self,
        version: Version,
        question: Hashable,
        find: Callable[[], tuple[V, bool]],
        serves: Callable[[V], bool] = lambda answer: True,
        *,
        is_renewal: bool = False,
    ) -> V:
        """Return a version's answer to a question, one that `serves`; one that doesn't gives way to what is found.

        A renewal was asked by nobody, and counts apart.

        `find` returns it, and whether it may be kept; what it raises is raised here, and the next one who waited tries
        on its own.
        """
        while True:
            with self._lock:
                self._turn_to(version)
                if version == self._version and (kept := self._answers.get(question)) and serves(kept[0]):
                    self._answers.move_to_end(question)
                    if not is_renewal:
                        _hit(1)
                    return kept[0]
                flight = self._flights.get((version, question))
                if flight is None:
                    mine = self._flights[version, question] = Flight()
                    break
            flight.landed.wait()
            if flight.result is not None and serves(flight.result):
                if not is_renewal:
                    _wait(1)
                return flight.result
        (_renewal if is_renewal else _miss)(1)
        return self._found(version, question, find, mine)

    def weigh_again(self, version: Version, question: Hashable) -> None:
        """Take notice that an answer may have grown."""
        with self._lock:
            if version == self._version and (kept := self._answers.get(question)) is not None:
                if (nbytes := self._weigh(kept[0])) * MAX_SHARE <= self._budget:
                    self._keep(question, kept[0], nbytes)
                else:
                    before = self.nbytes, len(self._answers)
                    self.nbytes -= self._answers.pop(question)[1]
                    self._tell(*before)

    def _found(self, version: Version, question: Hashable, find: Callable[[], tuple[V, bool]], flight: Flight[V]) -> V:
        answer: V | None = None
        try:
            answer, may_keep = find()
            nbytes = self._weigh(answer)
            with self._lock:
                if may_keep and version == self._version and nbytes * MAX_SHARE <= self._budget:
                    self._keep(question, answer, nbytes)
            return answer
        finally:
            with self._lock:
                del self._flights[version, question]
            flight.land(answer, is_final=False)

    def _turn_to(self, version: Version) -> None:
        """Forget what earlier versions answered; who still asks an older one is given what is found for him alone."""
        table, number = self._version
        if version == self._version or (version[0] == table and version[1] < number):
            return
        if self._answers:
            _invalidated(len(self._answers))
        self._forget()
        self._version = version

    def _keep(self, question: Hashable, answer: V, nbytes: int) -> None:
        before = self.nbytes, len(self._answers)
        if (old := self._answers.pop(question, None)) is not None:
            self.nbytes -= old[1]
        while self._answers and self.nbytes + nbytes > self._budget:
            self.nbytes -= self._answers.popitem(last=False)[1][1]
            _evicted(1)
        self._answers[question] = answer, nbytes
        self.nbytes += nbytes
        self._tell(*before)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._forget()

    def close(self) -> None:
        """Forget everything for good: its budget doesn't count any more."""
        self.clear()
        telemetry.shift_gauge(f"{NAME}_budget_bytes", -self._budget)
        self._budget = 0

    def _forget(self) -> None:
        before = self.nbytes, len(self._answers)
        self._answers.clear()
        self.nbytes = 0
        self._tell(*before)

    def _tell(self, nbytes: int, entries: int) -> None:
        telemetry.shift_gauge(f"{NAME}_bytes", self.nbytes - nbytes)
        telemetry.shift_gauge(f"{NAME}_entries", len(self._answers) - entries)
