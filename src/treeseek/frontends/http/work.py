"""Who does the work, and for how long? Threads do, as many as may ask at once; the event loop only waits."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

from treeseek.errors import DeadlineError

if TYPE_CHECKING:
    from treeseek.service import Service

__all__ = ["Work"]

T = TypeVar("T")


class Work:
    """The threads of a server. A request takes one of the service's places until its work is really done.

    Nothing can end a thread, so work that is given up on goes on, and keeps its place: more can't pile up behind it.
    """

    def __init__(self, service: Service) -> None:
        settings = service.settings
        self._service = service
        self._seconds = settings.request_seconds or None
        self._threads = ThreadPoolExecutor(max(1, settings.max_concurrent_requests), thread_name_prefix="treeseek-http")

    async def do(self, job: Callable[[], T], seconds: float | None = None) -> T:
        """Return what the job returns, in the caller's context.

        Raises OverloadedError if there is no place, DeadlineError if it isn't done in `seconds`, by default in what the
        settings allow; and whatever the job does.
        """
        with ExitStack() as place:
            place.enter_context(self._service.admitted())
            future = self._threads.submit(contextvars.copy_context().run, job)
            taken = place.pop_all()
            future.add_done_callback(lambda _: taken.close())
        limit = seconds if seconds is not None else self._seconds
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), limit)
        except TimeoutError:
            if future.done() and not future.cancelled():  # its own, not ours
                return future.result()
            raise DeadlineError(f"there was no answer within {limit:g} seconds; ask for less") from None

    async def aside(self, job: Callable[[], T]) -> T:
        """Return what a job returns that is for whoever runs the server, and needs no place."""
        return await asyncio.get_running_loop().run_in_executor(None, contextvars.copy_context().run, job)

    def close(self) -> None:
        """Begin no more work. What is under way ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
