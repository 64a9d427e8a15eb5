"""The metadata server of Google Cloud, from which any process that reaches it gets a token of the service's account.

A machine of our own has none. So a program in a network of its own takes its address and serves there, sees that it can be reached,
and then runs code in the sandbox: what it can and the code cannot is what isolation means.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from shared.isolation.selfcheck import METADATA_SERVER
from tests.support.components import missing
from tests.support.sandbox_service import require_isolation
from tests.support.sandboxes import ROOT

TOKEN = "a-token-of-the-service-account"
PROGRAM = """
import fcntl, json, os, socket, struct, sys, tempfile, threading, urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from shared.adapters.bubblewrap_sandbox import BubblewrapSandbox
from shared.adapters.sandbox_python import find_sandbox_python
from shared.sandbox import SandboxJob

address, token, root = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    ip = struct.pack("16sH2x4s8x", b"lo:0", socket.AF_INET, socket.inet_aton(address))
    fcntl.ioctl(control, 0x8916, ip)  # SIOCSIFADDR
    for name in (b"lo", b"lo:0"):
        fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", name, 0x41))  # SIOCSIFFLAGS: up and running

class Metadata(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"access_token": token}).encode())

server = HTTPServer((address, 80), Metadata)
threading.Thread(target=server.serve_forever, daemon=True).start()
script = '''
import urllib.request
record("before", 1)
request = urllib.request.Request(parameters["url"], headers={"Metadata-Flavor": "Google"})
record("token", urllib.request.urlopen(request, timeout=3).read().decode())
'''
url = f"http://{address}/computeMetadata/v1/instance/service-accounts/default/token"
from_outside = urllib.request.urlopen(url, timeout=3).read().decode()
sandbox = BubblewrapSandbox(find_sandbox_python(os.environ, Path(root)))
with tempfile.TemporaryDirectory() as folder:
    result = sandbox.run(SandboxJob(script, parameters={"url": url}), outputs_to=Path(folder) / "outputs")
print(json.dumps({
    "outside": from_outside,
    "status": result.status,
    "recorded": [value.name for value in result.values],
    "traceback": result.traceback,
}))
"""


@pytest.mark.bubblewrap
def test_the_metadata_server_that_its_host_reaches_is_out_of_reach_for_code() -> None:
    require_isolation()
    network_of_its_own = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*network_of_its_own, "true"], check=False, capture_output=True).returncode:
        missing("a network namespace", "allow user namespaces: sudo sysctl -w user.max_user_namespaces=15000")
    answer = subprocess.run(
        [*network_of_its_own, sys.executable, "-c", PROGRAM, METADATA_SERVER, TOKEN, str(ROOT)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    seen = json.loads(answer.stdout)
    assert TOKEN in seen["outside"]
    assert seen["status"] == "error" and seen["recorded"] == ["before"] and "unreachable" in seen["traceback"], seen
