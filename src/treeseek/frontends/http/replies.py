"""What goes back to a client? Documents as JSON, with the status that their error stands for."""

from __future__ import annotations

import math

from starlette.responses import Response

from treeseek.frontends import documents
from treeseek.frontends.failures import Failure, explain

__all__ = ["STATUSES", "encoded", "failed", "refusal", "reply"]

STATUSES = {
    "usage": 400, "token": 401, "forbidden": 403, "root": 404, "unreadable": 404, "not-found": 404, "method": 405,
    "not-indexed": 409, "too-large": 413, "uri-too-long": 414, "rate": 429, "headers": 431,
    "embedding": 502, "credentials": 502, "access-denied": 502, "endpoint": 502, "answer": 502,
    "overloaded": 503, "store-locked": 503, "throttled": 503, "not-ready": 503, "deadline": 504,
}  # fmt: skip
"""The status of an error's code; of all others it is 500."""

RETRY_SECONDS = {503: 1.0}
"""When to ask again, where nothing better is known."""

JSON = "application/json"


def encoded(document: documents.Document) -> bytes:
    """Return a document as it is sent: what a path or a text has that is no Unicode is spelled out."""
    return documents.dumped(document).encode("utf-8", "backslashreplace")


def reply(content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return the response with a document that is encoded already."""
    return Response(content, status, headers, JSON)


def refusal(
    code: str, message: str, hint: str = "", *, status: int | None = None, retry_after: float | None = None,
    headers: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    """Return the response to what isn't done, with the document of the error."""
    status = STATUSES.get(code, 500) if status is None else status
    retry_after = RETRY_SECONDS.get(status) if retry_after is None else retry_after
    again = {} if retry_after is None else {"retry-after": str(max(1, math.ceil(retry_after)))}
    return reply(encoded(documents.failure(code, message, hint)), status, {**(headers or {}), **again})


def failed(error: Exception) -> Response:
    """Return the response to what couldn't be done."""
    return refusal(*_named(explain(error)))


def _named(failure: Failure) -> tuple[str, str, str]:
    return failure.code, failure.message, failure.hint
