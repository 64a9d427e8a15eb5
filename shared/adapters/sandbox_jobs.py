"""What has to hold for a job before any sandbox takes it: the same in every adapter, checked where the caller is."""

from __future__ import annotations

import os
import re
from pathlib import Path

from shared.errors import BadInput, NotFound
from shared.sandbox import SandboxJob


def checked_inputs(job: SandboxJob, *, with_artifacts: bool = True) -> dict[str, Path]:
    """Name -> real path of every input; ``BadInput`` or ``NotFound`` for a job that is not well formed.

    Those that are artifacts are left out without ``with_artifacts``: they need no path.
    """
    inputs: dict[str, Path] = {}
    names: set[str] = set()
    for item in job.inputs:
        if not item.name.isprintable() or "/" in item.name or item.name in ("", ".", "..") or len(os.fsencode(item.name)) > 255:
            raise BadInput(f"{item.name!r:.100} cannot be the name of a sandbox input.", remedy="Use a plain file name without a slash.")
        if item.name in names:
            raise BadInput(f"Two sandbox inputs are named {item.name!r}.", remedy="Give each input a name of its own.")
        names.add(item.name)
        if item.uri and not with_artifacts:
            continue
        if item.path is None or not item.path.is_file():
            raise NotFound(f"The sandbox input {item.name!r} is no file.", remedy="Check that the file still exists.", place=str(item.path))
        inputs[item.name] = item.path.resolve()
    if not _is_unicode(job.script) or not all(_is_unicode(source) for _, source in job.libraries):
        raise BadInput("The script of a sandbox run is no Unicode text.", remedy="Take the lone surrogates out of it.")
    for name, _ in job.libraries:
        if not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
            raise BadInput(f"{name!r:.100} cannot be the name of a module.", remedy="Use a lower-case Python identifier.")
    limits = job.limits
    if min(limits.seconds, limits.memory_mb, limits.processes, limits.file_mb) <= 0 or limits.output_bytes < 0:
        raise BadInput(f"A sandbox run needs limits above zero, not {limits}.", remedy="Give positive limits.")
    return inputs


def make_empty(outputs_to: Path) -> None:
    """Make the folder for a run's outputs; ``BadInput`` where something lies in it."""
    outputs_to.mkdir(parents=True, exist_ok=True)
    if any(outputs_to.iterdir()):
        raise BadInput(f"The folder for the outputs of a sandbox run, {outputs_to}, is not empty.", remedy="Give each run a new one.")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
