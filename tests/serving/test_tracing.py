"""Spans of a request and its search, sent to a collector that is a real endpoint on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from treeseek.errors import MissingExtraError
from treeseek.frontends.http.tracing import no_spans, spans_of
from treeseek.settings import load

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PROGRAM = """
import sys
from pathlib import Path
import httpx
from treeseek.frontends.http.app import create_app
from treeseek.service import Service
from treeseek.settings import load

with Service([Path(sys.argv[1])], load()) as service:
    service.root().refresh()
    app = create_app(service)
    import asyncio

    async def ask():
        lifespan = app._app.router.lifespan_context(app._app)
        async with lifespan:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                await client.get("/v1/search?q=private+question", headers={"traceparent": sys.argv[2]})
                await client.get("/unheard/of")

    asyncio.run(ask())
"""


@pytest.fixture
def collected() -> Iterator[tuple[str, list[Span]]]:
    spans: list[Span] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                spans.extend(span for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", spans
    server.shutdown()
    server.server_close()


def test_a_request_and_its_search_are_spans_of_the_callers_trace(
    collected: tuple[str, list[Span]], tmp_path: Path
) -> None:
    url, spans = collected
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.py").write_text("def a():\n    return 1\n")
    environment = {**os.environ, "TREESEEK_DATA_DIR": str(tmp_path / "data"), "TREESEEK_TRACE": "1",
                   "OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}  # fmt: skip
    subprocess.run([sys.executable, "-c", PROGRAM, str(root), PARENT], env=environment, check=True)
    named = {span.name: span for span in spans}
    assert set(named) == {"GET /v1/search", "treeseek search", "GET other"}
    request, search = named["GET /v1/search"], named["treeseek search"]
    assert request.trace_id.hex() == search.trace_id.hex() == PARENT.split("-")[1]
    assert request.parent_span_id.hex() == PARENT.split("-")[2]
    assert search.parent_span_id == request.span_id
    about = {one.key: one.value for one in request.attributes}
    assert about["http.response.status_code"].int_value == 200
    assert about["http.route"].string_value == "/v1/search"
    assert "private" not in str(spans)
    assert "unheard" not in str(spans)


def test_what_tracing_lacks_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    places = {"data_dir": tmp_path / "data", "cache_dir": tmp_path / "cache"}
    with pytest.raises(MissingExtraError, match=r"pip install 'treeseek\[tracing\]'"):
        spans_of(load({}, **places, trace=True))
    assert spans_of(load({}, **places))[0] is no_spans
