"""Spans arrive where the settings say: at a collector over OTLP/HTTP, in Cloud Trace, in a file; and no answer waits long for them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.cloud.trace_v2 import TraceServiceClient
from google.cloud.trace_v2.services.trace_service.transports import TraceServiceGrpcTransport
from google.cloud.trace_v2.types import BatchWriteSpansRequest
from google.protobuf.empty_pb2 import Empty
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider

from shared.adapters.google_errors import fault
from shared.adapters.resilience import Resilience
from shared.errors import Unavailable
from shared.runtime import Runtime
from shared.settings import Settings
from shared.telemetry.context import CallContext, about
from shared.telemetry.exporters import Flusher, to_google_cloud
from tests.support.clock import FrozenClock


class Collector:
    """An OpenTelemetry collector that decodes what arrives."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        collector = self

        class Receiving(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf":
                    collector.requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Receiving)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def spans(self) -> list[tuple[str, str, dict[str, str]]]:
        """(service, name, attributes) of every span that arrived."""
        return [
            (resource.resource.attributes[0].value.string_value, span.name, {a.key: a.value.string_value for a in span.attributes})
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def runtime(tmp_path: Path, collector: Collector, profile: str = "cloud") -> Runtime:
    settings = {"profile": profile, "traces": "otlp", "otlp_endpoint": collector.url, "home": tmp_path}
    return Runtime(Settings.model_validate(settings), service="missions")


@pytest.mark.parametrize("profile", ["embedded", "cloud"])
def test_a_collector_gets_the_spans_with_the_calls_identifiers(tmp_path: Path, collector: Collector, profile: str) -> None:
    made = runtime(tmp_path, collector, profile)
    with about(CallContext(request_id="r-7")), made.tracing.span("missions /missions"):
        pass
    made.close()
    assert collector.spans() == [("missions", "missions /missions", {"kimera.request_id": "r-7"})]


def test_on_the_cloud_a_flush_sends_the_spans_that_have_ended(tmp_path: Path, collector: Collector) -> None:
    made = runtime(tmp_path, collector)
    with made.tracing.span("one"):
        pass
    made.flush()
    assert [name for _, name, _ in collector.spans()] == ["one"]
    made.close()


class Stuck(TracerProvider):
    """A provider whose flush does not end before a test says so."""

    def __init__(self) -> None:
        super().__init__(shutdown_on_exit=False)
        self.go, self.sent, self.flushes = threading.Event(), threading.Event(), 0

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        self.flushes += 1
        self.go.wait(10)
        self.sent.set()
        return True


def test_a_flush_returns_after_its_bound_and_what_it_began_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    stuck = Stuck()
    flusher = Flusher(stuck)
    for _ in range(2):
        flusher.flush(0.01)
    assert not stuck.sent.is_set(), "it waited for the end"
    assert "go on in the background" in caplog.text
    stuck.go.set()
    assert stuck.sent.wait(10)
    assert stuck.flushes == 1, "the second waited for the first"


def test_without_an_address_the_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="KIMERA_OTLP_ENDPOINT"):
        _ = Runtime(Settings(home=tmp_path, traces="otlp")).tracing


def test_a_file_can_be_chosen_on_the_cloud_profile_too(tmp_path: Path) -> None:
    made = Runtime(Settings(profile="cloud", traces="file", home=tmp_path))
    with made.tracing.span("one"):
        pass
    made.close()
    assert '"one"' in (tmp_path / "telemetry" / "traces.jsonl").read_text()


class CloudTrace:
    """Cloud Trace's method that takes spans, over gRPC on this machine."""

    def __init__(self) -> None:
        self.requests: list[BatchWriteSpansRequest] = []
        self.refuse: list[grpc.StatusCode] = []
        self._server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
        method = grpc.unary_unary_rpc_method_handler(
            self._write, request_deserializer=BatchWriteSpansRequest.deserialize, response_serializer=Empty.SerializeToString
        )
        service = "google.devtools.cloudtrace.v2.TraceService"
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"BatchWriteSpans": method}),))
        channel = grpc.insecure_channel(f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}")
        self._server.start()
        self.client = TraceServiceClient(transport=TraceServiceGrpcTransport(channel=channel))

    def _write(self, request: Any, context: grpc.ServicerContext) -> Empty:
        if self.refuse:
            context.abort(self.refuse.pop(0), "not now")
        self.requests.append(request)
        return Empty()

    def close(self) -> None:
        self._server.stop(grace=None).wait()


@pytest.fixture
def cloud_trace() -> Iterator[CloudTrace]:
    made = CloudTrace()
    yield made
    made.close()


def test_cloud_trace_gets_the_spans_also_after_a_failure_that_passes(cloud_trace: CloudTrace) -> None:
    clock = FrozenClock()
    tracing = to_google_cloud(
        "p",
        service="missions",
        resilience=lambda name: Resilience(name, judge=fault, clock=clock, uniform=lambda: 0.0),
        client=cloud_trace.client,
    )
    cloud_trace.refuse += [grpc.StatusCode.UNAVAILABLE]
    with tracing.span("outer") as outer, tracing.span("inner"):
        pass
    tracing.flush(30)
    (request,) = cloud_trace.requests
    spans = {span.display_name.value: span for span in request.spans}
    assert request.name == "projects/p"
    assert spans["inner"].parent_span_id == f"{outer.get_span_context().span_id:016x}" == spans["outer"].span_id
    tracing.close()
