"""Several operations in one sandbox run: starting pandas sixty times would cost more than all the rest of the suite.

``SharedRuns`` is a ``CodeSandbox`` in front of the real one. ``prepare`` carries out many jobs in one run of the real sandbox, each in
a folder of its own; ``run`` then gives back what was found for exactly that script and those parameters, else asks the real one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from shared.documents import Json
from shared.sandbox import CodeSandbox, OutputFile, SandboxJob, SandboxLimits, SandboxResult

_SCRIPT = """
import os, traceback
base, found = os.getcwd(), []
given = dict(inputs)
for number, job in enumerate(parameters["jobs"]):
    here = f"/tmp/{number}"
    os.makedirs(f"{base}/outputs/{number}", exist_ok=True)
    os.makedirs(here)
    os.symlink(f"{base}/outputs/{number}", f"{here}/outputs")
    os.chdir(here)
    one = {"result": None, "error": ""}
    def record_here(name, value, unit=None, n=None, filters=None, number=number):
        record(f"{number}/{name}", value, unit=unit, n=n, filters=filters)
    try:
        exec(compile(parameters["scripts"][job["script"]], "script.py", "exec"), {
            "record": record_here, "emit": lambda result, one=one: one.update(result=result), "parameters": job["parameters"],
            "inputs": {k: os.path.join(base, v) for k, v in given.items()}, "__name__": "__main__"})
    except Exception:
        one["error"] = traceback.format_exc()
    found.append(one)
os.chdir(base)
emit({"found": found})
"""


class SharedRuns:
    """See the module. Only for operations that trust each other: they share a process."""

    reads_artifacts = False

    def __init__(self, sandbox: CodeSandbox, folder: Path) -> None:
        self._sandbox = sandbox
        self._folder = folder
        self._known: dict[str, SandboxResult] = {}
        self.alone = 0
        """Runs that were not prepared."""

    def check(self) -> None:
        """As the real one."""
        self._sandbox.check()

    def expect(self) -> None:
        """As the real one."""
        self._sandbox.expect()

    def prepare(self, jobs: Sequence[SandboxJob]) -> None:
        """Carry out ``jobs``, which have the same libraries, in one run."""
        scripts = sorted({job.script for job in jobs})
        listed: list[Json] = [{"script": scripts.index(job.script), "parameters": dict(job.parameters)} for job in jobs]
        inputs = {item.name: item for job in jobs for item in job.inputs}
        parameters: dict[str, Json] = {"jobs": listed, "scripts": list(scripts)}
        together = SandboxJob(_SCRIPT, tuple(inputs.values()), parameters, SandboxLimits(seconds=240), libraries=jobs[0].libraries)
        result = self._sandbox.run(together, outputs_to=self._folder / hashlib.sha256(_key(together).encode()).hexdigest()[:12])
        assert result.status == "ok", result.traceback
        assert isinstance(result.result, dict)
        found = result.result["found"]
        assert isinstance(found, list)
        for number, job in enumerate(jobs):
            own = found[number]
            assert isinstance(own, dict)
            self._known[_key(job)] = _part(result, number, own)

    def run(self, job: SandboxJob, *, outputs_to: Path) -> SandboxResult:
        """The prepared result, its files copied; else a run of the real sandbox."""
        known = self._known.get(_key(job))
        if known is None:
            self.alone += 1
            return self._sandbox.run(job, outputs_to=outputs_to)
        outputs_to.mkdir(parents=True, exist_ok=True)
        copied = tuple(dataclasses.replace(file, path=Path(shutil.copy(file.path, outputs_to / file.name))) for file in known.outputs)
        return dataclasses.replace(known, outputs=copied)


def _key(job: SandboxJob) -> str:
    return json.dumps([job.script, [i.name for i in job.inputs], dict(job.parameters)], sort_keys=True)


def _part(result: SandboxResult, number: int, own: dict[str, Json]) -> SandboxResult:
    """What one of the jobs left."""
    prefix = f"{number}/"
    values = tuple(dataclasses.replace(v, name=v.name.removeprefix(prefix)) for v in result.values if v.name.startswith(prefix))
    outputs = tuple(_renamed(file, prefix) for file in result.outputs if file.name.startswith(prefix))
    failed = bool(own["error"])
    return dataclasses.replace(
        result, status="error" if failed else "ok", traceback=str(own["error"]), values=values, outputs=outputs, result=own["result"]
    )


def _renamed(file: OutputFile, prefix: str) -> OutputFile:
    return dataclasses.replace(file, name=file.name.removeprefix(prefix))
