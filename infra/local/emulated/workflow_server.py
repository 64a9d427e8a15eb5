"""The executions API of the mission workflow as a process of its own: ``python -m infra.local.emulated.workflow_server``.

Its calls go to the functions' addresses over the network, with an identity token as IAM would have checked it. An execution lives as
long as this process; the emulated cloud has ``reconcile`` look after the missions when it had to start it again.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
from pathlib import Path

import httpx

from functions.manifest import MANIFEST
from infra.local.executions import MissionWorkflow
from infra.local.workflows.httpx_transport import HttpxTransport
from shared.clock import SystemClock
from shared.id_tokens import unsigned_token
from shared.ids import Ids
from shared.telemetry.exporters import to_file
from shared.times import WORKFLOW_HTTP_TIMEOUT_S


class FrontEndTokens:
    """The workflow's service account, as each function's front end hands its token on."""

    def __init__(self, account: str) -> None:
        self._account = account

    def token(self, kind: str, audience: str, scopes: tuple[str, ...]) -> str:
        """The token for one audience."""
        return unsigned_token(self._account, audience)


def main() -> None:
    """Serve until SIGTERM or SIGINT. The functions' addresses are in the environment, as ``LIFECYCLE_URL``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--traces", type=Path, required=True, help="the file of its spans")
    parser.add_argument("--account", required=True, help="the workflow's service account")
    parser.add_argument("--threads", type=int, default=20, help="calls at the same time")
    given = parser.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    clock = SystemClock()
    limits = httpx.Limits(max_connections=None)
    workflow = MissionWorkflow(
        HttpxTransport(httpx.Client(timeout=WORKFLOW_HTTP_TIMEOUT_S, limits=limits)),
        Ids(clock, os.urandom),
        to_file(given.traces, service="workflows"),
        threads=given.threads,
        urls={row.url_variable: os.environ[row.url_variable] for row in MANIFEST if not row.is_container},
        tokens=FrontEndTokens(given.account),
    )
    workflow.serve_at(f"127.0.0.1:{given.port}")
    stopped.wait()
    os._exit(0)  # an ordinary exit would wait for calls under way


if __name__ == "__main__":
    main()
