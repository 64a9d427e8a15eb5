"""The executions API over gRPC, which is what the official Python client speaks (its release 1.24 has no REST transport).

Hand the client a channel to it: ``ExecutionsClient(transport=ExecutionsGrpcTransport(channel=grpc.insecure_channel(server.address)))``.
The one module of this package that needs ``grpcio`` and ``google-cloud-workflows``.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import grpc
from google.cloud.workflows.executions_v1 import types
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from infra.local.workflows.execution_json import execution_json
from infra.local.workflows.execution_list import page
from infra.local.workflows.service import Record, Service, ServiceError

_LOG: Final = logging.getLogger(__name__)
SERVICE_NAME: Final = "google.cloud.workflows.executions.v1.Executions"
_MOST_MESSAGE_BYTES: Final = 16 * 1024 * 1024


class ExecutionsGrpcServer:
    """Serves the executions API of ``service`` until ``close``. ``address`` is ``host:port`` (0 takes a free one) or ``unix:PATH``.

    Raises OSError when it cannot listen there.
    """

    def __init__(self, service: Service, address: str = "127.0.0.1:0", threads: int = 16) -> None:
        _require_free(address)
        options = [("grpc.max_receive_message_length", _MOST_MESSAGE_BYTES), ("grpc.so_reuseport", 0)]
        self._server = grpc.server(ThreadPoolExecutor(threads, thread_name_prefix="executions-grpc"), options=options)
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE_NAME, _Methods(service).handlers()),))
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as problem:
            raise OSError(errno.EADDRNOTAVAIL, f"gRPC cannot listen there: {problem}", address) from problem
        self.address = address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}"
        self._server.start()

    def close(self) -> None:
        self._server.stop(grace=0.5).wait(timeout=5)

    def __enter__(self) -> ExecutionsGrpcServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _require_free(address: str) -> None:
    """Raise the system's own OSError where a port is taken: gRPC says it on stderr, and raises without the reason."""
    if address.startswith("unix:"):
        return
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host.strip("[]"), int(port)))


class _Methods:
    """The four methods. Requests and answers are proto-plus messages, which ship without types."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def handlers(self) -> dict[str, grpc.RpcMethodHandler]:
        known: dict[str, tuple[Callable[[Any], Message], Any]] = {
            "CreateExecution": (self.create, types.CreateExecutionRequest),
            "GetExecution": (self.get, types.GetExecutionRequest),
            "CancelExecution": (self.cancel, types.CancelExecutionRequest),
            "ListExecutions": (self.list, types.ListExecutionsRequest),
        }
        return {
            name: grpc.unary_unary_rpc_method_handler(
                _answering(method), request_deserializer=request.deserialize, response_serializer=_serialized
            )
            for name, (method, request) in known.items()
        }

    def create(self, request: Any) -> Message:  # noqa: ANN401  # proto-plus
        given = request.execution
        buffered = not getattr(given, "disable_concurrency_quota_overflow_buffering", False)
        level = types.Execution.CallLogLevel(given.call_log_level).name
        return _message(
            self._service.create(request.parent, given.argument, labels=dict(given.labels), call_log_level=level, buffered=buffered)
        )

    def get(self, request: Any) -> Message:  # noqa: ANN401  # proto-plus
        return _message(self._service.get(request.name), full=request.view != types.ExecutionView.BASIC)

    def cancel(self, request: Any) -> Message:  # noqa: ANN401  # proto-plus
        return _message(self._service.cancel(request.name))

    def list(self, request: Any) -> Message:  # noqa: ANN401  # proto-plus
        options: dict[str, str | int] = {
            "pageSize": request.page_size,
            "pageToken": request.page_token,
            "view": types.ExecutionView(request.view).name,
            "filter": getattr(request, "filter", ""),
            "orderBy": getattr(request, "order_by", ""),
        }
        records, token = page(self._service, request.parent, options)
        answer: Message = types.ListExecutionsResponse.pb(types.ListExecutionsResponse(next_page_token=token))
        answer.executions.extend(_message(record, full=options["view"] == "FULL") for record in records)
        return answer


def _message(record: Record, *, full: bool = True) -> Message:
    """The JSON form and the message are two spellings of one thing; fields that this client does not know yet are left out."""
    message: Message = types.Execution.pb(types.Execution())
    return ParseDict(execution_json(record, full=full), message, ignore_unknown_fields=True)


def _serialized(message: Message) -> bytes:
    return bytes(message.SerializeToString())


def _answering(method: Callable[[Any], Message]) -> Callable[[Any, grpc.ServicerContext], Message]:
    def answer(request: Any, context: grpc.ServicerContext) -> Message:  # noqa: ANN401  # proto-plus
        try:
            return method(request)
        except ServiceError as problem:
            context.abort(grpc.StatusCode[problem.status], str(problem))
            raise

    return answer
