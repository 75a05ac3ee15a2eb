"""The application: what a server answers, put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from treeseek import __version__
from treeseek.errors import TreeseekError, UsageError
from treeseek.frontends import documents, metrics
from treeseek.frontends.http.described import DESCRIPTION, described, secured
from treeseek.frontends.http.direct import directly, unfit
from treeseek.frontends.http.guard import OPEN, Guard
from treeseek.frontends.http.hosts import Hosts
from treeseek.frontends.http.log import Log
from treeseek.frontends.http.options import Options
from treeseek.frontends.http.pages import Pages
from treeseek.frontends.http.replies import encoded, failed, refusal, reply
from treeseek.frontends.http.routes import router
from treeseek.frontends.http.schemas import Alive
from treeseek.frontends.http.tracing import spans_of
from treeseek.frontends.http.work import Work

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from treeseek.service import Service

__all__ = ["Mounted", "create_app"]


class Mounted(NamedTuple):
    """Another application under this one's roof, and what must be open while it is asked."""

    app: ASGIApp
    lifespan: Callable[[], AbstractAsyncContextManager[Any]] | None = None


def create_app(
    service: Service,
    options: Options | None = None,
    *,
    extra_mounts: Mapping[str, Mounted] | None = None,
    log: Log | None = None,
) -> ASGIApp:
    """Return the application that answers for a service. The caller starts and closes the service, and the log.

    What is mounted under a path, such as `/mcp`, is asked for that path and what is below it, with the path as it is,
    after the guard has let the request in. Raises UsageError for settings that can't be.
    """
    settings, options = service.settings, options or Options()
    mounts = dict(extra_mounts or {})
    work = Work(service)
    spans, flush = spans_of(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for mounted in mounts.values():
                if mounted.lifespan is not None:
                    await stack.enter_async_context(mounted.lifespan())
            yield
        work.close()
        await asyncio.to_thread(flush)

    app = FastAPI(
        title="treeseek", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False,
        summary="Find code by meaning in repositories that keep changing.", description=DESCRIPTION,
        # Its own spans and logs would tell what was asked. Releases that have none take the word, and ignore it.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        default_response_class=Response,
        generate_unique_id_function=lambda route: route.name,
    )  # fmt: skip
    v1 = router(service, work, spans)
    app.include_router(v1)
    _add_pages(app, service, work)
    _add_failures(app)
    try:
        hosts = Hosts(options.host, settings.allowed_hosts.split(","))
    except ValueError as error:
        raise UsageError(f"allowed_hosts: {error}") from None
    schema = app.openapi()
    if options.token:
        secured(schema, OPEN)
    routes = frozenset(("/", "/openapi.json", *schema["paths"]))
    inner = {path: one.app for path, one in mounts.items()}
    return Guard(app, settings, hosts, options.token, log or Log("off"), inner, routes, directly(v1), spans)


def _add_pages(app: FastAPI, service: Service, work: Work) -> None:
    pages = Pages()

    @app.get("/healthz", **described("Tell whether the server is there", Alive, token=False))
    async def healthz() -> Response:
        """Answers as long as the server does."""
        return reply(encoded(documents.alive("health")))

    @app.get("/readyz", **described("Tell whether every root has answers", Alive, 503, token=False))
    async def readyz() -> Response:
        """Answers with 503 until there is an index of every root."""
        if not service.is_ready:
            return refusal("not-ready", "the first index of a root is still being made")
        return reply(encoded(documents.alive("ready")))

    @app.get("/metrics", **described("Read the metrics", None, 504), response_class=PlainTextResponse)
    async def measured() -> Response:
        """Everything that is counted, in the text format of Prometheus."""
        content, kind = await work.aside(lambda: metrics.render(service))
        return Response(content, headers={"content-type": kind})

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page(request: Request) -> Response:
        return pages.get("index.html", request) or refusal("not-found", "there is no page")

    @app.api_route("/assets/{name}", methods=["GET", "HEAD"], include_in_schema=False)
    async def asset(name: str, request: Request) -> Response:
        return pages.get(name, request) or refusal("not-found", "there is no such file")


def _add_failures(app: FastAPI) -> None:
    @app.exception_handler(TreeseekError)
    async def refused(_: Request, error: Exception) -> Response:
        return failed(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return unfit(error.errors())

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        codes = {404: ("not-found", "there is nothing at this path"), 405: ("method", "this path has no such method")}
        code, message = codes.get(error.status_code, ("usage", str(error.detail)))
        return refusal(code, message, status=error.status_code, headers=dict(error.headers or {}))
