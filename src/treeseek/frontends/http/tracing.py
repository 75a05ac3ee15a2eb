"""Where does a request's time go? Spans for OpenTelemetry, if a setting asks for them; otherwise nothing at all.

A span has the method, the route's template and the status, never a question or a path. Where spans go, the variables of
OpenTelemetry say (`OTEL_EXPORTER_OTLP_ENDPOINT` and its kin), which its own libraries read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

from treeseek import __version__
from treeseek.errors import MissingExtraError

if TYPE_CHECKING:
    from treeseek.settings import Settings

__all__ = ["Span", "Spans", "no_spans", "spans_of"]


class Span(Protocol):
    """What is going on; attributes may be added while it is."""

    def set_attribute(self, key: str, value: str | int | float | bool) -> None:
        """Add what is only known later."""


class Spans(Protocol):
    """Begins a span under the current one, or under the one that the headers of a request name."""

    def __call__(
        self, name: str, attributes: Mapping[str, str | int] | None = None, headers: Mapping[str, str] | None = None
    ) -> AbstractContextManager[Span]:
        """Return the span, to be entered."""


class Nothing:
    """A span that nobody sees."""

    def set_attribute(self, key: str, value: str | int | float | bool) -> None:
        """Forget it."""


_NOTHING: AbstractContextManager[Span] = nullcontext(Nothing())


def no_spans(
    name: str, attributes: Mapping[str, str | int] | None = None, headers: Mapping[str, str] | None = None
) -> AbstractContextManager[Span]:
    """Begin nothing."""
    return _NOTHING


def spans_of(settings: Settings) -> tuple[Spans, Callable[[], object]]:
    """Return what begins spans as the settings want it, and what sends those that are left when the server ends.

    Raises MissingExtraError if they are wanted and OpenTelemetry isn't installed.
    """
    if not settings.trace:
        return no_spans, lambda: None
    try:
        from opentelemetry import propagate, trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{error.name} is not installed; pip install 'treeseek[tracing]'") from None
    provider: Any = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):  # nobody else has set one up
        provider = TracerProvider(resource=Resource.create({"service.name": "treeseek"}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)
    tracer = provider.get_tracer("treeseek", __version__)

    def begin(
        name: str, attributes: Mapping[str, str | int] | None = None, headers: Mapping[str, str] | None = None
    ) -> AbstractContextManager[Span]:
        context = None if headers is None else propagate.extract(headers)
        span: AbstractContextManager[Span] = tracer.start_as_current_span(name, context, attributes=attributes)
        return span

    return begin, provider.force_flush
