"""Where spans go: a file, an OpenTelemetry collector over OTLP/HTTP, or Cloud Trace."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from pathlib import Path
from typing import TYPE_CHECKING

from shared.telemetry.tracing import Tracing

if TYPE_CHECKING:
    from google.cloud.trace_v2 import TraceServiceClient
    from google.cloud.trace_v2.types import BatchWriteSpansRequest
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

    from shared.adapters.resilience import Resilience

GOOGLE_ENDPOINT = "cloudtrace.googleapis.com"
OTLP_PATH = "/v1/traces"
OTLP_TIMEOUT_S = 5.0
"""Of one request with its retries, as the library counts it."""
_log = logging.getLogger(__name__)


class Flusher:
    """Sends what waits, for as long as its caller has time: the library's own flush knows no bound."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="kimera-spans")
        self._lock = threading.Lock()
        self._running: Future[bool] | None = None

    def flush(self, bound_s: float) -> None:
        """Return once the spans that ended before are sent, or after ``bound_s``."""
        with self._lock:
            if self._running is None or self._running.done():  # one that runs goes on until nothing waits
                self._running = self._pool.submit(self._provider.force_flush)
            running = self._running
        try:
            running.result(bound_s)
        except TooLate:
            _log.warning("Spans were not sent within %s s; they go on in the background.", bound_s)


def to_file(path: Path, *, service: str) -> Tracing:
    """Tracing into an OTLP JSON-lines file: each span is written when it ends, so that a kill loses only the open ones."""
    from shared.telemetry.span_lines import SpanLines

    return Tracing(SpanLines(path, service=service))


def to_otlp(endpoint: str, *, service: str) -> Tracing:
    """Tracing to the collector at ``endpoint`` (its root, e.g. ``http://127.0.0.1:4318``)."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return _batched(OTLPSpanExporter(f"{endpoint.rstrip('/')}{OTLP_PATH}", timeout=OTLP_TIMEOUT_S), service)


def to_google_cloud(
    project: str, *, service: str, resilience: Callable[[str], Resilience], client: TraceServiceClient | None = None
) -> Tracing:
    """Tracing into Cloud Trace. Raises ``Unavailable`` without credentials."""
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.trace_v2 import TraceServiceClient
    from opentelemetry.exporter.cloud_trace import CloudTraceSpanExporter

    from shared.adapters.google_errors import GoogleService, without_credentials

    service_called = GoogleService("Cloud Trace", GOOGLE_ENDPOINT, "roles/cloudtrace.agent")
    try:
        bounded = _Bounded(client or TraceServiceClient(), resilience(str(service_called)))
    except GoogleAuthError as error:
        raise without_credentials(service_called, error) from error
    return _batched(CloudTraceSpanExporter(project_id=project, client=bounded), service)  # type: ignore[no-untyped-call] # the package has no types


class _Bounded:
    """The one method of the client that the exporter calls: left alone, the client goes on for two minutes."""

    def __init__(self, client: TraceServiceClient, resilience: Resilience) -> None:
        self._client = client
        self._resilience = resilience

    def batch_write_spans(self, request: BatchWriteSpansRequest) -> None:
        """Send the spans. Raises what the client raises, and ``Unavailable``; the exporter logs it."""
        self._resilience.call(lambda timeout_s: self._client.batch_write_spans(request=request, retry=None, timeout=timeout_s))


def _batched(exporter: SpanExporter, service: str) -> Tracing:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Tracing(provider, Flusher(provider))
