"""``kimera`` in processes that begin in a moment: each is forked off a server that imported the command and its models once.

A start imports for longer than most commands then work. How the command starts by itself is tested where that is the subject.
"""

from __future__ import annotations

import atexit
import importlib
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
"""Makes processes off that server."""
CONTEXT.set_forkserver_preload(
    [
        *(f"cli.{command}" for command in ("run", "running", "status", "list", "report", "inspect", "costs", "audit", "bench")),
        *("infra.local.platform", "infra.local.quality.bench", "shared.models.provider", "pydantic_ai.models.openai"),
        "tests.support.remote_process",
    ]
)


@dataclass(frozen=True)
class Ended:
    """How a process ended: its code (of a signal: minus its number), and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Its one JSON object: stdout holds nothing else."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


def kimera(
    arguments: Sequence[str], environment: Mapping[str, str], *, folder: Path | None = None, stdin: str = "", within_s: float = 200
) -> Ended:
    """Run the command in ``folder`` to its end. A process that lasts longer is killed, and an ``AssertionError``."""
    return forked("cli.main", arguments, environment, folder=folder, stdin=stdin, within_s=within_s)


def forked(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], *, folder: Path | None, stdin: str = "", within_s: float
) -> Ended:
    """The same of any module whose ``main`` takes its arguments and gives back its exit code."""
    with tempfile.TemporaryDirectory(prefix="kimera-forked-") as kept:
        streams = [str(Path(kept, name)) for name in ("stdin", "stdout", "stderr")]
        Path(streams[0]).write_text(stdin)
        where = str(folder or Path.cwd())
        process = CONTEXT.Process(target=_begin, args=(module, list(arguments), dict(environment), where, streams))
        process.start()
        process.join(within_s)
        late = process.exitcode is None
        if late:
            process.kill()
            process.join()
        code = process.exitcode
        process.close()
        out, err = (Path(path).read_text() if Path(path).exists() else "" for path in streams[1:])
    assert not late and code is not None, f"it did not end within {within_s:.0f} s: {err[-2000:]}"
    return Ended(code, out, err)


def _begin(module: str, arguments: list[str], environment: dict[str, str], folder: str, streams: list[str]) -> None:
    flags = (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT | os.O_TRUNC] * 2)
    for descriptor, (path, flag) in enumerate(zip(streams, flags, strict=True)):
        opened = os.open(path, flag)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as the process is there
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    code = importlib.import_module(module).main(arguments)
    atexit._run_exitfuncs()  # multiprocessing leaves them out, and what a process leaves behind is part of what is tested
    sys.exit(code)
