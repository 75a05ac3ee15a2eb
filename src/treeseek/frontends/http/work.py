"""Who does the work, and for how long? Threads do; the event loop only waits.

Searches are quick and hold the interpreter most of their time, so several at once only get in each other's way: at
50,000 chunks an answer took 8 ms of processor time with one thread, 15 with two and more with eight. So they queue.
What may take long (a difference, a first look at a tree) has threads of its own, and no more than half of the service's
places, so that searches always find one.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

from treeseek.errors import DeadlineError
from treeseek.safety.caps import Gate

if TYPE_CHECKING:
    from treeseek.service import Service

__all__ = ["Work"]

T = TypeVar("T")


class Work:
    """The threads of a server. A request takes one of the service's places until its work is really done.

    Nothing can end a thread, so work that is given up on goes on, and keeps its place: more can't pile up behind it.
    """

    def __init__(self, service: Service) -> None:
        places = max(1, service.settings.max_concurrent_requests)
        slow = max(1, places // 2)
        # Who asks another embedder than the bundled one mostly waits for it.
        quick = 1 if service.settings.embedder == "static" else places
        self._service = service
        self._seconds = service.settings.request_seconds or None
        self._quick = ThreadPoolExecutor(quick, thread_name_prefix="treeseek-search")
        self._slow = ThreadPoolExecutor(slow, thread_name_prefix="treeseek-slow")
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="treeseek-metrics")
        self._slow_places = Gate(slow)

    async def quickly(self, job: Callable[[], T]) -> T:
        """Return what a job returns that takes milliseconds, in the caller's context.

        Raises OverloadedError if there is no place, DeadlineError if it isn't done in the time that the settings allow,
        and whatever the job does.
        """
        with ExitStack() as place:
            place.enter_context(self._service.admitted())
            return await self._done(self._quick, job, place, self._seconds)

    async def slowly(self, job: Callable[[], T], seconds: float | None = None) -> T:
        """Do the same with one that may take long: as long as the settings allow, or `seconds`."""
        with ExitStack() as place:
            place.enter_context(self._slow_places.entered())
            place.enter_context(self._service.admitted())
            return await self._done(self._slow, job, place, self._seconds if seconds is None else seconds)

    async def aside(self, job: Callable[[], T]) -> T:
        """Do the same with one that is for whoever runs the server: it needs no place, so it never lacks one."""
        return await self._done(self._aside, job, ExitStack(), self._seconds)

    async def _done(
        self, threads: ThreadPoolExecutor, job: Callable[[], T], place: ExitStack, limit: float | None
    ) -> T:
        future = threads.submit(contextvars.copy_context().run, job)
        taken = place.pop_all()
        future.add_done_callback(lambda _: taken.close())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), limit)
        except TimeoutError:
            if future.done() and not future.cancelled():  # its own, not ours
                return future.result()
            raise DeadlineError(f"there was no answer within {limit:g} seconds; ask for less") from None

    def close(self) -> None:
        """Begin no more work. What is under way ends by itself."""
        for threads in (self._quick, self._slow, self._aside):
            threads.shutdown(wait=False, cancel_futures=True)
