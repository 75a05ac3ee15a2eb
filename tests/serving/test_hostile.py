"""A sample of the hostile requests on every run, and a judge that sees what is wrong."""

from __future__ import annotations

import pytest
from hostile.requests import Hostile, all_of_them, asked, judged

from .conftest import Served

SLOW = {"slow"}
SAMPLE = [request for request in all_of_them() if request.kind not in SLOW][::7]


def test_there_are_many_of_many_kinds() -> None:
    everything = all_of_them()
    assert len(everything) >= 200
    assert len({(one.kind, one.name, one.data) for one in everything}) == len(everything)
    assert {one.kind for one in everything} == {one.kind for one in SAMPLE} | SLOW


@pytest.mark.parametrize(
    "request_", SAMPLE, ids=lambda one: f"{one.kind}: {one.name}".encode("unicode_escape").decode()
)
def test_a_hostile_request_is_refused_or_answered_as_any(running: Served, request_: Hostile) -> None:
    if b"\r\n\r\n" in request_.data:  # the others only end when the server loses patience
        assert asked(request_, running.port).wrong == ""


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (b'HTTP/1.1 400 Bad Request\r\n\r\n{"ok":false,"error":{"code":"usage","message":"no"}}\n', ""),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", "answered with"),
        (b"HTTP/1.1 500 Internal\r\n\r\n{}", "answered with"),
        (b"", "answered with"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\nno", "no document"),
        (b'HTTP/1.1 400 Bad Request\r\n\r\n{"ok":false,"error":{"code":"","message":"Traceback"}}', "its code"),
        (b"HTTP/1.1 400 Bad\r\n\r\nHTTP/1.1 400 Bad\r\n\r\n", "2 answers"),
        (b"HTTP/1.1 404 No\r\n\r\ncanary_that_nobody_may_see", "outside of the root"),
        (b'HTTP/1.1 404 No\r\nset-cookie: a\r\n\r\n{"ok":false,"error":{"code":"","message":""}}', "smuggled"),
    ],
)
def test_a_wrong_answer_is_seen(answer: bytes, wrong: str) -> None:
    found = judged(Hostile("kind", "name", b""), answer).wrong
    assert wrong in found
    assert bool(found) == bool(wrong)
