"""Carries out an ``OperationSpec`` in the sandbox with the committed script of its family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from functions.ds_star.analyzer import DataInput
from functions.ds_star.libraries import OPERATING, READING, libraries, source_of
from functions.ds_star.operation import OperationName, OperationSpec
from functions.ds_star.operation_result import OperationResult, RawFinding
from functions.ds_star.standalone import standalone_script
from schemas.analysis import FileDescription
from shared.counted import counted
from shared.documents import Json
from shared.errors import TooLarge
from shared.sandbox import CodeSandbox, OutputFile, RecordedValue, SandboxJob, SandboxLimits, SandboxResult

SCRIPTS: dict[OperationName, str] = {
    "count": "op_aggregate",
    "sum": "op_aggregate",
    "mean": "op_aggregate",
    "median": "op_aggregate",
    "minimum": "op_aggregate",
    "maximum": "op_aggregate",
    "share": "op_share",
    "top_n": "op_top",
    "compare_groups": "op_compare",
    "trend": "op_trend",
    "trend_difference": "op_trend_difference",
    "correlation": "op_correlation",
    "distribution": "op_distribution",
    "missing_outliers": "op_missing",
    "lookup": "op_lookup",
    "change": "op_change",
    "ratio": "op_ratio",
}
MODULES = (*READING, *OPERATING)
LIMITS = SandboxLimits(seconds=120)


@dataclass(frozen=True, slots=True)
class OutputArtifact:
    """A chart (SVG) or a table (CSV) that the run left, with its caption."""

    file: OutputFile
    caption: str


@dataclass(frozen=True, slots=True)
class OperationRun:
    """One operation as it was carried out. Either ``refusal`` or ``failure`` is set, or there are findings."""

    spec: OperationSpec
    script_name: str
    script: str
    parameters: dict[str, Json]
    standalone: str
    """The same as one file to be run outside KIMERA; its name is ``script_name`` + ``.py``."""
    sandbox: SandboxResult | None
    values: tuple[RecordedValue, ...] = ()
    findings: tuple[RawFinding, ...] = ()
    formats: Mapping[str, int] | None = None
    charts: tuple[OutputArtifact, ...] = ()
    tables: tuple[OutputArtifact, ...] = ()
    assumptions: tuple[str, ...] = ()
    limitations: tuple[str, ...] = ()
    refusal: str | None = None
    """Why the operation was not carried out, as a clause that can follow "Not answered: "."""
    failure: str | None = None
    """What went wrong, where the run ended badly."""


def run_operation(
    sandbox: CodeSandbox,
    spec: OperationSpec,
    descriptions: Mapping[str, FileDescription],
    inputs: Sequence[DataInput],
    outputs_to: Path,
    *,
    limits: SandboxLimits = LIMITS,
) -> OperationRun:
    """Carry out the operation over the files that it names; ``outputs_to`` is a new or empty folder for charts and tables.

    What the data do to the run is in the result, never an exception. Errors: those of ``CodeSandbox.run``.
    """
    wanted = sorted({spec.source.file, *([spec.join.right.file] if spec.join else [])})
    named = {data.name: data for data in inputs}
    script_name = SCRIPTS[spec.operation]
    parameters: dict[str, Json] = {"spec": spec.model_dump(mode="json")}
    script = source_of(script_name)
    alone = standalone_script(
        name=f"{spec.operation}.py",
        title=f"{spec.operation.replace('_', ' ')} of {spec.measure or 'rows'} in {spec.source.file}",
        script=script,
        modules=MODULES,
        parameters=parameters,
        inputs=tuple(wanted),
    )
    problem = _unusable(wanted, named, descriptions)
    if problem:
        return OperationRun(spec, script_name, script, parameters, alone, None, refusal=problem)
    job = SandboxJob(
        script=script,
        inputs=tuple(named[name].for_sandbox for name in wanted),
        parameters=parameters,
        limits=limits,
        libraries=libraries(*MODULES),
    )
    try:
        result = sandbox.run(job, outputs_to=outputs_to)
    except TooLarge:  # for a sandbox elsewhere: each file was not, together they are
        refusal = "its files together are larger than the sandbox takes"
        return OperationRun(spec, script_name, script, parameters, alone, None, refusal=refusal)
    return _read(spec, script_name, script, parameters, alone, result)


def _unusable(wanted: Sequence[str], named: Mapping[str, DataInput], descriptions: Mapping[str, FileDescription]) -> str | None:
    for name in wanted:
        description = descriptions.get(name)
        if description is not None and description.error:
            return f"{name} could not be read: {description.error.removesuffix('.')}"
        if name not in named:
            return f"there is no file {name} among the inputs"
    return None


def _read(
    spec: OperationSpec, script_name: str, script: str, parameters: dict[str, Json], alone: str, result: SandboxResult
) -> OperationRun:
    """The run with what it emitted, once that is well formed and names only values and files that exist."""
    if result.status != "ok":
        return OperationRun(spec, script_name, script, parameters, alone, result, failure=_why(result))
    try:
        found = OperationResult.model_validate(result.result)
    except ValidationError as wrong:
        why = f"its result is not well formed ({counted(wrong.error_count(), 'error')})"
        return OperationRun(spec, script_name, script, parameters, alone, result, failure=why)
    recorded = {value.name for value in result.values}
    unknown = sorted({name for finding in found.findings for name in finding.values if name not in recorded})
    if unknown:
        return OperationRun(
            spec, script_name, script, parameters, alone, result, failure=f"it states values that it did not record: {unknown[:5]}"
        )
    files = {file.name: file for file in result.outputs}
    return OperationRun(
        spec,
        script_name,
        script,
        parameters,
        alone,
        result,
        values=result.values,
        findings=found.findings,
        formats=found.formats,
        charts=tuple(OutputArtifact(files[note.file], note.caption) for note in found.charts if note.file in files),
        tables=tuple(OutputArtifact(files[note.file], note.caption) for note in found.tables if note.file in files),
        assumptions=found.assumptions,
        limitations=found.limitations,
        refusal=found.refusal,
    )


def _why(result: SandboxResult) -> str:
    reasons = {
        "timeout": "it took longer than it may",
        "memory": "the data need more memory than one run may use",
        "output_limit": "it wrote more than it may",
        "killed": "it was ended by a signal",
    }
    last = result.traceback.strip().splitlines()[-1:] or ["no reason is known"]
    return reasons.get(result.status, f"the script failed: {last[0][:300]}")
