"""Runs generated code in the sandbox, once for each place in the mission: code that gives other figures each time is not run again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from functions.ds_star.analyzer import DataInput
from functions.ds_star.failures import summary_of
from functions.ds_star.libraries import READING, libraries
from functions.ds_star.loop_state import GeneratedRun, Output, Recorded
from functions.ds_star.once import once
from functions.ds_star.roles.analyzer import sandbox_input
from functions.ds_star.standalone import lines_before_operation, standalone_script
from functions.ds_star.state import DataFile
from schemas.sandbox import MAX_INPUT_BYTES, MAX_INPUT_FILES
from shared.errors import InputUnreadable
from shared.sandbox import CodeSandbox, OutputFile, RecordedValue, SandboxJob, SandboxLimits, SandboxResult
from shared.times import SANDBOX_RUN_S
from shared.tracks import SliceContext

LIMITS = SandboxLimits(seconds=SANDBOX_RUN_S)
MAX_VALUES = 200
"""Values kept of one run: more than any report states, and few enough that verifier and finalizer see nearly all."""
MAX_OUTPUTS = 12
MAX_OUTPUT_BYTES = 4_000_000
_MAX_TEXT = 300
_KEEP_FOR_RESULT = "\n\nemit({})  # the figures go to outputs/result.json as well\n"


def run_generated(
    sandbox: CodeSandbox, context: SliceContext, files: Sequence[DataFile], code: str, *, place: str, number: int
) -> GeneratedRun:
    """What the code does with the mission's files, run now or before. ``place`` (round and try) is where in the mission it stands;
    ``number`` goes into the names of what it leaves.

    Whatever the code does is in the result. Errors: those of the sandbox and of the store.
    """
    digest = hashlib.sha256("\0".join([code, *(f"{f.name}\0{f.sha256}" for f in files)]).encode()).hexdigest()

    def run() -> GeneratedRun:
        usable = _usable(files)
        inputs, lost = _fetched(sandbox, context, usable)
        job = SandboxJob(
            script=code,
            inputs=tuple(data.for_sandbox for data in inputs),
            limits=LIMITS,
            libraries=libraries(*READING),
        )
        context.doing(f"running {number:02}-analysis.py")
        result = sandbox.run(job, outputs_to=context.workdir / f"outputs-{place}")
        context.doing("")
        return _read(context, result, code, [file.name for file in usable], number, lost)

    return once(context, f"{place}-{digest[:16]}", GeneratedRun, run)


def _usable(files: Sequence[DataFile]) -> list[DataFile]:
    """The files under names that a sandbox takes, each name once."""
    named = {file.name: file for file in reversed(files) if file.name.isprintable() and len(file.name.encode()) <= 255}
    return [file for file in files if named.get(file.name) is file]


def _fetched(sandbox: CodeSandbox, context: SliceContext, files: Sequence[DataFile]) -> tuple[list[DataInput], list[str]]:
    """The files as the sandbox takes them, and what is said of those that the code goes without: they are damaged, gone or one too many."""
    inputs: list[DataInput] = []
    lost: list[str] = []
    room = MAX_INPUT_BYTES
    for file in files:
        try:
            data = sandbox_input(sandbox, context.artifacts, file, context.workdir)
        except InputUnreadable as error:
            lost.append(str(error))
            continue
        if sandbox.reads_artifacts:
            size = context.artifacts.stat(file.uri).size
            if size > room or len(inputs) == MAX_INPUT_FILES:
                lost.append(f"{file.name}: the code went without it; with it, the files together are more than the sandbox takes")
                continue
            room -= size
        inputs.append(data)
    return inputs, lost


def _read(context: SliceContext, result: SandboxResult, code: str, names: list[str], number: int, lost: list[str]) -> GeneratedRun:
    script_name = f"{number:02}-analysis.py"
    alone = standalone_script(
        name=script_name,
        title="An analysis that a model wrote; every figure of it was recorded in a sandbox",
        script=code.rstrip("\n") + _KEEP_FOR_RESULT,
        modules=READING,
        parameters={},
        inputs=tuple(names),
    )
    stored = context.put_artifact(script_name, alone.encode(), media_type="text/x-python")
    outputs, left_out = _outputs(context, result.outputs, number) if result.status == "ok" else ((), [])
    if len(result.values) > MAX_VALUES:
        left_out.append(f"{len(result.values)} values were recorded; the first {MAX_VALUES} are kept")
    return GeneratedRun(
        script_name=script_name,
        script=stored.uri,
        script_sha256=stored.sha256,
        code_sha256=hashlib.sha256(code.encode()).hexdigest(),
        lines_before=lines_before_operation(alone),
        status=result.status,
        problem=summary_of(result, code),
        values=tuple(_recorded(v) for v in result.values[:MAX_VALUES]) if result.status == "ok" else (),
        outputs=outputs,
        warnings=tuple(dict.fromkeys([*lost, *(w[:_MAX_TEXT] for w in result.warnings[:20]), *left_out])),
    )


def _recorded(value: RecordedValue) -> Recorded:
    """The value with its texts cut to what a reader can bear."""
    shown = value.value[:_MAX_TEXT] if isinstance(value.value, str) else value.value
    return Recorded(
        name=" ".join(value.name.split()),
        value=shown,
        unit=value.unit[:40] if value.unit else None,
        n=value.n,
        filters=" ".join(value.filters.split())[:_MAX_TEXT] if value.filters else None,
        line=value.line,
    )


def _outputs(context: SliceContext, files: Sequence[OutputFile], number: int) -> tuple[tuple[Output, ...], list[str]]:
    """(charts and tables as artifacts, what was left out and why)."""
    kept: list[Output] = []
    left_out: list[str] = []
    for file in sorted(files, key=lambda f: f.name):
        kind = {"image/svg+xml": "chart", "image/png": "chart", "text/csv": "table"}.get(file.media_type)
        if kind is None or file.size > MAX_OUTPUT_BYTES or len(kept) == MAX_OUTPUTS:
            left_out.append(f"the output {file.name[:80]} is not kept: it is no SVG, PNG or CSV, too large, or one too many")
            continue
        path = PurePosixPath(file.name)
        slug = re.sub(r"[^A-Za-z0-9._-]+", "-", str(path.with_suffix("")))[-80:].strip("-.") or kind
        name = f"{number:02}-{slug}{path.suffix.lower()}"
        stored = context.put_artifact(name, file.path.read_bytes(), media_type=file.media_type)
        kept.append(
            Output.model_validate({"name": name, "kind": kind, "uri": stored.uri, "sha256": stored.sha256, "media_type": file.media_type})
        )
    return tuple(kept), left_out[:5]
