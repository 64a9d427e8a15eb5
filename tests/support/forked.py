"""``kimera`` in processes that begin in a moment: each is forked off a server that imported the command and its models once.

For tests that kill and start again many times; how the command starts by itself is tested where the command is.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["cli.running", "infra.local.platform", "shared.models.provider", "pydantic_ai.models.openai"])


@dataclass(frozen=True)
class Ended:
    """How a process ended: its code (of a signal: minus its number), and what it wrote."""

    code: int
    out: str
    err: str


def kimera(folder: Path, arguments: list[str], environment: Mapping[str, str], *, within_s: float = 200) -> Ended:
    """Run the command to its end. ``folder`` takes what it writes. A process that lasts longer is killed, and an ``AssertionError``."""
    folder.mkdir(parents=True, exist_ok=True)
    out, err = folder / "stdout", folder / "stderr"
    process = _CONTEXT.Process(target=_command, args=(arguments, dict(environment), str(out), str(err)))
    process.start()
    process.join(within_s)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"it did not end within {within_s:.0f} s: {err.read_text()[-2000:]}")
    return Ended(process.exitcode, out.read_text(), err.read_text())


def _command(arguments: list[str], environment: dict[str, str], out: str, err: str) -> None:
    for path, descriptor in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    from cli.main import main

    sys.exit(main(arguments))
