"""Runs the committed analyzer and operation scripts in the real sandbox, several cases in one run, and scipy beside them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from functions.ds_star.analyzer import DataInput
from functions.ds_star.execute import MODULES, SCRIPTS
from functions.ds_star.libraries import READING, libraries, source_of
from functions.ds_star.operation import OperationSpec, TableRef
from functions.ds_star.operation_result import OperationResult, RawFinding
from schemas.analysis import ColumnDescription, FileDescription, TableDescription
from shared.documents import Json
from shared.sandbox import CodeSandbox, SandboxInput, SandboxJob, SandboxLimits

LIMITS = SandboxLimits(seconds=110)
_DRIVER = """
outcomes = []
for case in parameters["cases"]:
    values, results = [], []
    def note(name, value, unit=None, n=None, filters=None):
        values.append({"name": name, "value": value, "unit": unit, "n": n, "filters": filters})
    names = {"parameters": case["parameters"], "inputs": inputs, "record": note, "emit": results.append}
    exec(compile(parameters["scripts"][case["script"]], case["script"], "exec"), names)
    outcomes.append({"values": values, "result": results[0]})
emit({"outcomes": outcomes})
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one operation recorded and emitted."""

    values: dict[str, int | float | str | bool | None]
    units: dict[str, str | None]
    result: OperationResult

    @property
    def first(self) -> RawFinding:
        assert self.result.refusal is None, self.result.refusal
        return self.result.findings[0]

    def number(self, name: str) -> float:
        value = self.values[name]
        assert isinstance(value, int | float), f"{name} = {value!r}"
        return float(value)

    def sentence(self, index: int = 0) -> str:
        """A statement with its values in it."""
        text = self.result.findings[index].statement
        for name, value in self.values.items():
            digits = self.result.formats.get(name)
            shown = f"{value:.{digits}f}" if digits is not None and isinstance(value, float) else str(value)
            text = text.replace("{" + name + "}", shown)
        return text


def write(folder: Path, name: str, text: str | bytes) -> DataInput:
    """A data file, dedented where it is text."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).lstrip("\n").encode())
    return DataInput.of(path)


def spec(file: str, operation: str, **fields: object) -> OperationSpec:
    """A spec over the table that is called after its file."""
    source = fields.pop("source", None) or TableRef(file=file, table=Path(file).stem)
    return OperationSpec.model_validate({"operation": operation, "source": source, **fields})


def carry_out(
    sandbox: CodeSandbox, files: list[DataInput], specs: list[OperationSpec], outputs_to: Path, *, options: dict[str, Json] | None = None
) -> list[Outcome]:
    """The outcomes of the specs, all from one run of the sandbox."""
    scripts: dict[str, Json] = {SCRIPTS[s.operation]: source_of(SCRIPTS[s.operation]) for s in specs}
    cases: list[Json] = [
        {"script": SCRIPTS[s.operation], "parameters": {"spec": s.model_dump(mode="json"), "options": cast(Json, options or {})}}
        for s in specs
    ]
    job = SandboxJob(
        _DRIVER,
        inputs=tuple(SandboxInput(f.name, f.path) for f in files),
        parameters={"scripts": scripts, "cases": cases},
        limits=LIMITS,
        libraries=libraries(*MODULES),
    )
    result = sandbox.run(job, outputs_to=outputs_to)
    assert result.status == "ok", result.traceback or result
    emitted = cast(dict[str, list[dict[str, Json]]], result.result)
    outcomes = []
    for item in emitted["outcomes"]:
        values = cast(list[dict[str, Json]], item["values"])
        outcomes.append(
            Outcome(
                {str(v["name"]): cast("int | float | str | bool | None", v["value"]) for v in values},
                {str(v["name"]): cast("str | None", v["unit"]) for v in values},
                OperationResult.model_validate(item["result"]),
            )
        )
    return outcomes


def reference(sandbox: CodeSandbox, files: list[DataInput], code: str, outputs_to: Path) -> dict[str, float]:
    """What an independent script records, in the same interpreter: pandas, scipy and statsmodels without any module of ours."""
    job = SandboxJob(textwrap.dedent(code), inputs=tuple(SandboxInput(f.name, f.path) for f in files), limits=LIMITS)
    result = sandbox.run(job, outputs_to=outputs_to)
    assert result.status == "ok", result.traceback
    return {v.name: float(v.value) for v in result.values if isinstance(v.value, int | float)}


def describe(
    sandbox: CodeSandbox, files: list[DataInput], outputs_to: Path, *, options: dict[str, Json] | None = None
) -> dict[str, FileDescription]:
    """The analyzer's descriptions of many files, from one run; the hints of unreadable ones are in ``error``."""
    job = SandboxJob(
        source_of("analyze"),
        inputs=tuple(SandboxInput(f.name, f.path) for f in files),
        parameters={"options": cast(Json, options or {})},
        limits=LIMITS,
        libraries=libraries(*READING),
    )
    result = sandbox.run(job, outputs_to=outputs_to)
    assert result.status == "ok", result.traceback or result
    found = cast(dict[str, dict[str, dict[str, Json]]], result.result)["files"]
    described = {}
    for file in files:
        fields = dict(found[file.name])
        about = {"file": file.name, "sha256": file.sha256, "analyzer": "analyze", "analyzer_version": "1"}
        if "error" in fields:
            fields = {"format": "unknown", "tables": [], "error": f"{fields['error']}. {fields['remedy']}"}
        described[file.name] = FileDescription.model_validate({**about, **fields})
    return described


def table(description: FileDescription, name: str | None = None) -> TableDescription:
    """The file's table of that name, or its first."""
    assert description.error is None, description.error
    return next(t for t in description.tables if name in (None, t.name))


def column(description: FileDescription, name: str, *, of: str | None = None) -> ColumnDescription:
    return next(c for c in table(description, of).columns if c.name == name)
