"""Who takes a call, and what becomes of it? Read, waited for, asked in a thread, counted, and answered in any case."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from anyio import to_thread

from treeseek import telemetry
from treeseek.errors import NotIndexedError, StoreLockedError, TreeseekError, UsageError
from treeseek.frontends import documents
from treeseek.frontends.escapes import printable
from treeseek.frontends.mcp.arguments import arguments_of
from treeseek.frontends.mcp.tools import tools_for
from treeseek.frontends.mcp.waiting import Waiting, progress_line
from treeseek.model import SearchResult

if TYPE_CHECKING:
    from treeseek.frontends.documents import Document
    from treeseek.frontends.mcp.tools import Tool
    from treeseek.frontends.mcp.waiting import ProgressSink
    from treeseek.service import Root, Service

__all__ = ["Desk", "Reply"]

INDEXED = ("search", "symbols", "related")
"""The tools that an index answers; the others read the files."""


class Reply(NamedTuple):
    """An answer as text and as a document, whether it is an error, and what it is counted as."""

    text: str
    document: Document
    is_error: bool = False
    outcome: str = "found"


class Desk:
    """Answers calls, for as many callers at once as the service has room for.

    The service may still be opening when the first call comes: it is awaited. What asks the engine is imported then.
    """

    def __init__(
        self, service: Callable[[], Awaitable[Service]], tell: Callable[[str], object], *, has_many: bool = False
    ) -> None:
        """`tell` is given a line about each defect; what users do wrong is nobody's business but theirs.

        `has_many` says that several roots are served: then the tools ask which one is meant.
        """
        self._service = service
        self._tell = tell
        self._has_many = has_many
        self._waiting: Waiting | None = None

    async def tools(self) -> list[Tool]:
        """Return the tools, as they are for the roots that are served."""
        roots = tuple((await self._service()).roots) if self._has_many else ()
        return list(tools_for(roots).values())

    async def answer(self, name: str, given: Mapping[str, Any], report: ProgressSink | None = None) -> Reply:
        """Return what a tool says to some arguments. Nothing is raised: an error is an answer, too."""
        began, tool, outcome = time.perf_counter(), "unknown", "cancelled"
        try:
            tools = {one.name: one for one in await self.tools()}
            if name not in tools:
                raise UsageError(f"no tool {name[:80]!r}; there are {', '.join(tools)}")
            tool = name
            reply = await self._answered(tools[name], arguments_of(tools[name], given), report)
            outcome = reply.outcome
        except Exception as error:  # noqa: BLE001 - the boundary: a model gets one line, whatever it was
            reply = self._failed(error)
            outcome = reply.outcome
        finally:
            telemetry.count("treeseek_mcp_calls_total", tool=tool, outcome=outcome)
            telemetry.observe("treeseek_mcp_call_seconds", time.perf_counter() - began, tool=tool)
        return reply

    async def _answered(self, tool: Tool, values: dict[str, Any], report: ProgressSink | None) -> Reply:
        service = await self._service()
        root = service.root(values.get("root", ""))

        def job() -> Reply:
            from treeseek.frontends.mcp.asking import ask

            with service.admitted():
                return ask(tool, root, values)

        if tool.name in INDEXED:
            if not root.state.has_answers:
                with suppress(NotIndexedError):  # a question that can't be is refused before anything is waited for
                    return await to_thread.run_sync(job, abandon_on_cancel=True)
            self._waiting = self._waiting or Waiting(service)
            if not await self._waiting.for_answers(root, report):
                return _unanswered(tool, root, values)
        return await to_thread.run_sync(job, abandon_on_cancel=True)

    def _failed(self, error: Exception) -> Reply:
        from treeseek.frontends.failures import explain
        from treeseek.safety.redact import for_log

        failure = explain(error)
        if not isinstance(error, (TreeseekError, OSError)):
            self._tell(f"a call failed: {for_log(f'{type(error).__name__}: {error}')}")
        message = printable(failure.message)
        said = f"{failure.code}: {message}" + (f" ({failure.hint})" if failure.hint else "")
        return Reply(said, documents.failure(failure.code, message, failure.hint), True, failure.code)


def _unanswered(tool: Tool, root: Root, values: dict[str, Any]) -> Reply:
    """Answer, while there is nothing to answer from, with how far that is: no error, since there is nothing to mend."""
    state = root.state
    if state.phase == "failing" and state.error_code != StoreLockedError.code:
        said = f"there is no index yet: {printable(state.error)}"
        return Reply(f"{state.error_code}: {said}", documents.failure(state.error_code, said), True, state.error_code)
    note = f"{progress_line(state.progress)}; ask again in some seconds, or grep meanwhile"
    asked = values.get("query") or values.get("name") or f"{values['path']}:{values['line']}"
    document = documents.answer(tool.name, str(root.engine.root), SearchResult(asked, (), 0, (note,)))
    return Reply(note, document, outcome="indexing")
