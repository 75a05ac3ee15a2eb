"""What does a newcomer read of a route? Its summary, its answer, and every status that it may have besides."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pydantic import BaseModel

from treeseek.frontends.http import schemas

__all__ = ["DESCRIPTION", "OF_HITS", "OF_ROOTS", "described", "secured"]

DESCRIPTION = """\
Finds code by meaning in the repositories that this server keeps indexed.

Every answer is one JSON document, the same that the command line prints with `--json`, also when something went wrong:
then `ok` is `false`, and `error` has a stable `code`, a `message` for a person and perhaps a `hint`. Paths are relative
to the root, lines are counted from 1. A parameter that a route doesn't know is refused, not ignored.

If the server has a token, send it as `Authorization: Bearer …`.
"""

_WORDS = {
    400: "It can't be: an empty question, an unknown language, a path outside of the root.",
    401: "The token is missing or wrong.",
    403: "The server was called by a name that isn't its own, or by a page of another site.",
    404: "There is no such root or file here.",
    405: "The path has no such method.",
    408: "The request did not come in time.",
    409: "The root's first index isn't there yet.",
    413: "The body is too large.",
    414: "The URL is too long.",
    422: "A parameter is missing, unknown or of the wrong type.",
    429: "Too many requests; ask again later.",
    431: "The headers are too many or too large.",
    500: "It failed for a reason that is not the question's.",
    502: "The embedder failed.",
    503: "Too much is asked at once, or the index is being written by somebody else; ask again in a moment.",
    504: "There was no answer in time.",
}
_RETRY = {
    "Retry-After": {"description": "In how many seconds to ask again.", "schema": {"type": "integer", "minimum": 1}}
}
_ALWAYS = (400, 403, 405, 408, 413, 414, 429, 431, 500)
"""What the guard may say to anybody; of a token only where one is asked for."""


def leads_to(operation: str, description: str, **parameters: str) -> dict[str, Any]:
    """Return a link: what of an answer, by its place in the document, is what parameter of another question."""
    given = {name: f"$response.body#/{place}" for name, place in parameters.items()}
    return {operation: {"operationId": operation, "parameters": given, "description": description}}


OF_HITS = {
    **leads_to("lines", "The first hit in its file.", path="hits/0/path", start="hits/0/start_line",
               end="hits/0/end_line"),
    **leads_to("outline", "What else the first hit's file declares.", path="hits/0/path"),
    **leads_to("related", "What is like the first hit.", path="hits/0/path", line="hits/0/start_line"),
    **leads_to("symbols", "Other declarations of the first hit's name.", name="hits/0/name"),
}  # fmt: skip
OF_ROOTS = leads_to("status", "The state of the first root.", root="roots/0/name")


def described(
    summary: str,
    model: type[BaseModel] | None,
    *others: int,
    token: bool = True,
    links: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what a route is declared with: its answer's schema and where that leads, and the other statuses that it
    may have.
    """
    statuses: Sequence[int] = sorted({*_ALWAYS, *others, *((401,) if token else ())})
    responses: dict[int, dict[str, Any]] = {
        status: {"model": schemas.Failure, "description": _WORDS[status]}
        | ({"headers": _RETRY} if status in (429, 503) else {})
        for status in statuses
    }
    if model is not None:
        responses[200] = {"model": model, "description": "The document."} | ({"links": links} if links else {})
    return {"summary": summary, "responses": responses}


def secured(schema: dict[str, Any], open_routes: Collection[str]) -> None:
    """Have an OpenAPI document say that a token is asked for, on all routes but those that are open."""
    schema["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, operations in schema["paths"].items():
        if path not in open_routes:
            for operation in operations.values():
                operation["security"] = [{"token": []}]
