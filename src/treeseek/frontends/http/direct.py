"""How does a question get to its route at once? FastAPI declares the routes; what is asked most doesn't go through it.

Between a request and its handler FastAPI has a dozen layers, which took a quarter of all that an answer costs. None of
them does anything for these routes but to read their parameters, which is done here, by the same models and with the
same outcome (`tests/serving/test_direct.py`). Whatever is no plain request to one of them goes the usual way.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, get_origin
from urllib.parse import parse_qsl

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from treeseek.frontends.http.replies import refusal

__all__ = ["Direct", "directly", "unfit"]

Direct = Callable[[bytes], Awaitable[Response]]
"""From a query string to the answer; raises what the route does."""


def directly(routes: APIRouter) -> dict[tuple[str, str], Direct]:
    """Return the routes that take one model of parameters, or none, by method and path."""
    found: dict[tuple[str, str], Direct] = {}
    for route in routes.routes:
        if isinstance(route, APIRoute):
            parameters = list(inspect.signature(route.endpoint, eval_str=True).parameters.values())
            model = parameters[0].annotation.__origin__ if parameters else None
            for method in route.methods or ():
                found[method, route.path] = _direct(route.endpoint, model)
    return found


def _direct(endpoint: Callable[..., Awaitable[Response]], model: type[BaseModel] | None) -> Direct:
    if model is None:

        async def plain(_: bytes) -> Response:
            return await endpoint()

        return plain
    lists = frozenset(name for name, field in model.model_fields.items() if get_origin(field.annotation) is list)

    async def asked(query: bytes) -> Response:
        try:
            question = model.model_validate(_values(query, lists))
        except ValidationError as error:
            return unfit(error.errors(include_url=False, include_context=False))
        return await endpoint(question)

    return asked


def _values(query: bytes, lists: frozenset[str]) -> dict[str, str | list[str]]:
    """Return the parameters of a query string; of one that isn't a list, the last value counts."""
    values: dict[str, Any] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name in lists:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    return values


def unfit(errors: Sequence[Mapping[str, Any]]) -> Response:
    """Return the answer to parameters that don't fit."""
    place = [str(part) for part in errors[0]["loc"] if part != "query"]
    return refusal(
        "usage", f"{'.'.join(place)[:80] or 'the request'}: {errors[0]['msg']}", "see /openapi.json", status=422
    )
