"""The self-check of a sandbox: a script that tries everything to get out, and some that use the machine up.

A short form of ``tests/contract/test_code_sandbox_escape.py`` and ``test_code_sandbox_exhaustion.py``, for the machine that will run the
code: what namespaces, a kernel or a container runtime allow is only known there. It takes about a second.
"""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from shared.adapters.bubblewrap_command import ENVIRONMENT
from shared.documents import Json
from shared.errors import SandboxUnavailable
from shared.sandbox import CodeSandbox, RunStatus, SandboxInput, SandboxJob, SandboxLimits

METADATA_SERVER = "169.254.169.254"
"""Google Cloud's: whoever reaches it can mint a token of the service's account."""
_ESCAPE = Path(__file__).parent / "sandbox_scripts" / "escape.py"
_SMALL = SandboxLimits(seconds=30, memory_mb=256, processes=16, file_mb=4, output_bytes=20_000)
_WANTED = {"reads its input"}
"""What the script has to manage; everything else it tries, it must not."""
_OWN_NAMES = {*ENVIRONMENT, "PYTHONPATH", "LC_CTYPE", "PWD"}
"""Names in the sandbox's own environment: its settings, the search path, what Python and bubblewrap add."""


@dataclass(frozen=True, slots=True)
class _Hog:
    """A script that uses something up, and how its run has to end."""

    what: str
    script: str
    ends: tuple[RunStatus, ...]
    limits: SandboxLimits = _SMALL


_HOGS = (
    _Hog("time", "while True: pass", ("timeout",), replace(_SMALL, seconds=0.3)),
    _Hog("memory", "x = []\nwhile True: x.append(bytearray(5_000_000))", ("memory",), replace(_SMALL, memory_mb=64)),
    _Hog("room in /tmp", "open('/tmp/big', 'wb').write(bytes(6_000_000))", ("error",)),
    _Hog("output", "import os\nwhile True: os.write(1, b'x' * 50_000)", ("output_limit",)),
    _Hog(
        "processes",  # it stops at 256 by itself: were the sandbox broken, the machine would live
        "import os, time\nfor _ in range(8):\n    try: os.fork()\n    except OSError: pass\ntime.sleep(0.3)\n"
        "assert sum(map(str.isdigit, os.listdir('/proc'))) > 24",
        ("killed", "error"),
    ),
)


def show_isolation(sandbox: CodeSandbox, scratch: Path) -> int:
    """How many attempts failed as they should. ``SandboxUnavailable`` names the ones that did not; ``scratch`` is a writable folder."""
    sandbox.check()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=scratch, prefix="selfcheck-")))
        escaped, tried = _escapes(sandbox, folder, stack)
        for number, hog in enumerate(_HOGS):
            result = sandbox.run(SandboxJob(hog.script, limits=hog.limits, scope="selfcheck"), outputs_to=folder / f"hog-{number}")
            if result.status not in hog.ends:
                escaped.append(f"uses up {hog.what} ({result.status})")
    if escaped:
        raise SandboxUnavailable(
            f"Code that runs here is not isolated: it {'; '.join(escaped[:10])}.",
            remedy="Give this machine or container what bubblewrap needs (docs/operating.md); nothing is run in it as it is.",
        )
    return tried + len(_HOGS)


def _escapes(sandbox: CodeSandbox, folder: Path, stack: ExitStack) -> tuple[list[str], int]:
    """(What the script managed that it should not, or failed at that it should; how much it tried)."""
    mark = f"mark-{secrets.token_hex(8)}"
    secret, given = folder / "secret", folder / "input"
    secret.write_text(mark, encoding="utf-8")
    given.write_text("input", encoding="utf-8")
    parameters: dict[str, Json] = {
        "addresses": dict(stack.enter_context(_listening(folder))),
        "files": [str(secret), str(_ESCAPE), "/etc/passwd", "/etc/hostname", "/var", "/sys/kernel", "/run"],
        "processes": [os.getpid(), os.getppid()],
        "mark": mark,
        "names": [name for name in os.environ if name not in _OWN_NAMES],
    }
    job = SandboxJob(
        _ESCAPE.read_text(encoding="utf-8"),
        inputs=(SandboxInput("input", given),),
        parameters=parameters,
        limits=_SMALL,
        scope="selfcheck",
    )
    result = sandbox.run(job, outputs_to=folder / "escape")
    if result.status != "ok" or not result.values:
        return [f"did not finish its attempts ({result.status}: {(result.traceback or result.stderr)[-200:].strip()})"], 0
    wrong = [value.name for value in result.values if value.value is not (value.name in _WANTED)]
    return [f"cannot do this: {name}" if name in _WANTED else name for name in wrong], len(result.values)


@contextmanager
def _listening(folder: Path) -> Iterator[dict[str, Json]]:
    """Addresses that are not to be reached: those of servers that listen here now, and of the world outside."""
    with (
        socket.create_server(("127.0.0.1", 0)) as local,
        socket.socket(socket.AF_UNIX) as named,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        path, hidden = str(folder / "socket"), f"\0kimera-{secrets.token_hex(8)}"
        for server, address in ((named, path), (abstract, hidden)):
            server.bind(address)
            server.listen()
        yield {
            "the metadata server": ["inet", [METADATA_SERVER, 80]],
            "the supervisor's machine": ["inet", ["127.0.0.1", local.getsockname()[1]]],
            "the internet": ["inet", ["1.1.1.1", 443]],
            "the internet over IPv6": ["inet6", ["2606:4700:4700::1111", 443]],
            "a named socket": ["unix", path],
            "an abstract socket": ["unix", hidden],
        }
