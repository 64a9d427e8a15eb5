"""Restate: its server as it comes, our handlers served by Hypercorn in a process of their own, missions started over its ingress."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from workload import STEPS, Fused, Result, asked, imported, measured, result_of

with imported("restate"):
    import restate

tracks = restate.Service("Track")
missions = restate.Workflow("Mission")


@tracks.handler()
async def branch(context: restate.Context, name: str) -> list[Result]:
    found: list[Result] = []
    for number in range(1, STEPS + 1):

        async def step(number: int = number) -> Result:
            return result_of(name, number)

        found.append(await context.run_typed(f"{name}{number}", step))
    return found


async def pending() -> str:
    return "PENDING"


async def ended() -> str:
    return "DONE"


@missions.main()
async def run(context: restate.WorkflowContext, _: str) -> Fused:
    await context.run_typed("submit", pending)
    calls = {name: context.service_call(branch, arg=name) for name in "AB"}
    both = {name: await call for name, call in calls.items()}

    async def fuse() -> Fused:
        return both

    fused = await context.run_typed("fusion", fuse)
    await context.run_typed("done", ended)
    return fused


app = restate.app([tracks, missions])


def serve(port: int) -> None:
    """Serve the handlers until killed."""
    import hypercorn.asyncio
    from hypercorn.config import Config

    config = Config()
    config.bind, config.loglevel = [f"127.0.0.1:{port}"], "ERROR"
    asyncio.run(hypercorn.asyncio.serve(app, config))


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def call(method: str, url: str, body: object = None) -> object:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"}, method=method), timeout=120) as answer:
        return json.loads(answer.read() or b"null")


def eventually(attempt: Callable[[], object], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            attempt()
            return
        except (URLError, ConnectionError):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def main() -> None:
    given = asked()
    ingress, admin, node, own = (free_port() for _ in range(4))
    server_file = next(Path(os.environ["RESTATE_SERVER"]).rglob("bin/restate-server"))
    environment = os.environ | {
        "RESTATE_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",
        "RUST_LOG": "error",
        "RESTATE_LISTEN_MODE": "tcp",
        "RESTATE_BIND_IP": "127.0.0.1",
        "RESTATE_BIND_PORT": str(node),
        "RESTATE_ADVERTISED_HOST": "127.0.0.1",
        "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}",
        "RESTATE_BASE_DIR": str(given.folder / "data"),
    }
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([server_file, "--no-logo"], env=environment, **quiet)
    handlers = subprocess.Popen([sys.executable, __file__, "serve", str(own)], **quiet)
    try:
        eventually(lambda: call("GET", f"http://127.0.0.1:{ingress}/restate/health"))
        eventually(lambda: call("GET", f"http://127.0.0.1:{admin}/health"))
        eventually(lambda: socket.create_connection(("127.0.0.1", own)).close())
        call("POST", f"http://127.0.0.1:{admin}/deployments", {"uri": f"http://127.0.0.1:{own}", "force": True})

        def mission(name: str) -> Fused:
            fused: Fused = call("POST", f"http://127.0.0.1:{ingress}/Mission/{name}/run", name)  # type: ignore[assignment]  # the workflow answers with one
            return fused

        measured("Restate", given, mission, others=lambda: [server.pid, handlers.pid])
    finally:
        for process in (handlers, server):
            process.kill()
            process.wait()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        main()
