"""The routes under /v1: each reads its question, has a thread ask the engine, and sends the document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from treeseek.errors import UsageError
from treeseek.frontends import documents, fit
from treeseek.frontends.globs import globs_of
from treeseek.frontends.http.described import OF_HITS, OF_ROOTS, described
from treeseek.frontends.http.questions import (
    AboutRoot,
    DiffQuestion,
    Filtered,
    LinesQuestion,
    OutlineQuestion,
    RefreshQuestion,
    RelatedQuestion,
    SearchQuestion,
    StatusQuestion,
    SymbolsQuestion,
)
from treeseek.frontends.http.replies import encoded, reply
from treeseek.frontends.http.schemas import Diff, Hits, Index, Lines, Outline, Roots, Status
from treeseek.frontends.http.tracing import no_spans
from treeseek.safety import caps
from treeseek.workspace import client_path

if TYPE_CHECKING:
    from treeseek.frontends.http.tracing import Spans
    from treeseek.frontends.http.work import Work
    from treeseek.model import SearchResult
    from treeseek.service import Root, Service

__all__ = ["router"]

REFRESH_SECONDS = 3_600.0
"""Who asks for an index to be brought up to date says how long that may take."""


def router(service: Service, work: Work, spans: Spans = no_spans) -> APIRouter:
    """Return the routes to what the service serves."""
    routes = APIRouter(prefix="/v1")

    most = service.settings.max_response_bytes

    def bounded(job: Callable[[Root], bytes], asked: AboutRoot) -> bytes:
        answer = job(service.root(asked.root))
        if len(answer) > most:
            caps.hit("max_response_bytes")
            raise UsageError(f"the answer has {len(answer):,} bytes, and at most {most:,} are given; ask for less")
        return answer

    async def quickly(asked: AboutRoot, job: Callable[[Root], bytes]) -> Response:
        return reply(await work.quickly(lambda: bounded(job, asked)))

    async def slowly(asked: AboutRoot, job: Callable[[Root], bytes], seconds: float | None = None) -> Response:
        return reply(await work.slowly(lambda: bounded(job, asked), seconds))

    async def found(command: str, asked: Filtered, ask: Callable[[Root], SearchResult]) -> Response:
        def job(root: Root) -> bytes:
            with spans(f"treeseek {command}") as span:
                result = ask(root)
                span.set_attribute("treeseek.hits", len(result.hits))
            return _fitting(command, root, _noted(root, result), asked.max_tokens, most)

        return await quickly(asked, job)

    @routes.get(
        "/search", **described("Find the places that answer a question", Hits, 404, 409, 422, 503, 504, links=OF_HITS)
    )
    async def search(asked: Annotated[SearchQuestion, Query()]) -> Response:
        """Places that answer a question in plain words, or the name of something: best first, one a file first."""
        return await found("search", asked, lambda root: root.engine.search(
            asked.q, limit=asked.limit, filters=asked.filters(), explain=asked.explain
        ))  # fmt: skip

    @routes.get(
        "/related", **described("Find code like the code at a line", Hits, 404, 409, 422, 503, 504, links=OF_HITS)
    )
    async def related(asked: Annotated[RelatedQuestion, Query()]) -> Response:
        """Places most like the code at a line of a file, without that place itself."""
        return await found("related", asked, lambda root: root.engine.related(
            asked.path, asked.line, limit=asked.limit, filters=asked.filters()
        ))  # fmt: skip

    @routes.get("/symbols", **described("Find declarations by name", Hits, 404, 409, 422, 503, 504, links=OF_HITS))
    async def symbols(asked: Annotated[SymbolsQuestion, Query()]) -> Response:
        """Declarations of a name: spelled so, in another case, as the same words, or as part of one."""
        return await found("symbols", asked, lambda root: root.engine.symbols(
            asked.name, limit=asked.limit, filters=asked.filters()
        ))  # fmt: skip

    @routes.get("/outline", **described("List what a file declares", Outline, 404, 422, 503, 504))
    async def outline(asked: Annotated[OutlineQuestion, Query()]) -> Response:
        """The declarations of a file as it is on disk now. Needs no index."""

        def job(root: Root) -> bytes:
            path = client_path(asked.path, root.engine.root)
            return encoded(documents.outline(str(root.engine.root), path, root.engine.outline(path)))

        return await slowly(asked, job)

    @routes.get("/lines", **described("Read some lines of a file", Lines, 404, 422, 503, 504))
    async def lines(asked: Annotated[LinesQuestion, Query()]) -> Response:
        """Lines of a file as it is on disk now, for showing a hit in what is around it; at most 1,000 at once."""

        def job(root: Root) -> bytes:
            excerpt = root.engine.lines(asked.path, asked.start, asked.end)
            return encoded(documents.lines(str(root.engine.root), excerpt))

        return await slowly(asked, job)

    @routes.get("/diff", **described("Tell what changed in meaning", Diff, 404, 422, 503, 504))
    async def diff(asked: Annotated[DiffQuestion, Query()]) -> Response:
        """What became of which declarations, from one revision of git to another, or to the files as they are."""

        def job(root: Root) -> bytes:
            top = root.engine.root
            difference = root.engine.diff(asked.old, asked.new, paths=globs_of(asked.path, top), nodes=asked.nodes)
            return encoded(documents.difference(str(top), difference, stat=asked.stat, nodes=asked.nodes))

        return await slowly(asked, job)

    @routes.get("/status", **described("Tell what an index holds and lacks", Status, 404, 422, 503, 504))
    async def status(asked: Annotated[StatusQuestion, Query()]) -> Response:
        """What the index of a root holds, and what changed since; the files are looked at for it."""

        def job(root: Root) -> bytes:
            return encoded(documents.status(root.engine.status(skipped=asked.skipped), skipped=asked.skipped))

        return await slowly(asked, job)

    @routes.get("/roots", **described("List what is served", Roots, 503, 504, links=OF_ROOTS))
    async def roots() -> Response:
        """The roots that are served, and how far the index of each is."""
        return reply(await work.quickly(lambda: encoded(documents.roots(list(service.roots.values())))))

    @routes.post("/refresh", **described("Bring an index up to date", Index, 404, 422, 502, 503, 504))
    async def refresh(asked: Annotated[RefreshQuestion, Query()]) -> Response:
        """Bring the index of a root up to date now. It is kept so anyway; this waits for it."""

        def job(root: Root) -> bytes:
            engine = root.engine
            return encoded(documents.index_report(str(engine.root), str(engine.directory), root.refresh(asked.seconds)))

        return await slowly(asked, job, REFRESH_SECONDS)

    return routes


def _noted(root: Root, result: SearchResult) -> SearchResult:
    """Return an answer with a note if nobody manages to bring the index up to date any more."""
    state = root.state
    if state.phase != "failing":
        return result
    return replace(result, notes=(*result.notes, f"not brought up to date: {state.error}"))


def _fitting(command: str, root: Root, result: SearchResult, max_tokens: int | None, max_bytes: int) -> bytes:
    """Return an answer's document, with as many lines and hits as fit."""
    top = str(root.engine.root)

    def text(part: SearchResult) -> str:
        return documents.dumped(documents.answer(command, top, part))

    whole = text(result)
    if fit.fits(whole, max_tokens, max_bytes):
        return whole.encode("utf-8", "backslashreplace")
    if len(whole) > max_bytes:
        caps.hit("max_response_bytes")
    kept = fit.cut_result(result, max_tokens, text, max_bytes)
    if kept is None:
        raise UsageError(f"nothing fits in {max_tokens:,} tokens" if max_tokens else "the answer is too large")
    return encoded(documents.answer(command, top, kept))
