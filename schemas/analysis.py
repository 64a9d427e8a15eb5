"""``AnalyticalReportPackage``: the analysis track's handoff to fusion, and the description of a data file.

Every figure is a ``Value`` that a sandbox run recorded (invariant 6). Ids are local to the package and the same in equal runs.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from schemas.assertion import Assertion
from schemas.base import SCHEMA_VERSION, Contract, LocalId, Scalar, Sha256
from schemas.evidence import AnswerStatus, Lineage, PromptUse, SubQuestion, Usage
from schemas.handoff import TakenUp

ColumnRole = Literal["id", "category", "ordinal", "measure", "time", "text", "flag", "constant", "empty"]


class ColumnDescription(Contract):
    """One column as it was read. ``unit`` comes from the name or the header, e.g. ``temp (°C)``."""

    name: str
    dtype: Literal["integer", "number", "string", "boolean", "date", "datetime", "empty"]
    role: ColumnRole
    missing: int = 0
    distinct: int = 0
    unit: str | None = None
    additive: bool | None = None
    minimum: Scalar = None
    maximum: Scalar = None
    samples: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    """All values of a category with few of them (at most 200), so that a question's words can be matched to cells."""


class TableDescription(Contract):
    """One table of a file: the file itself, a sheet, or a table of a database."""

    name: str
    rows: int
    sampled_rows: int | None = None
    columns: tuple[ColumnDescription, ...]
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class FileDescription(Contract):
    """What the analyzer found in one data file; cached by the file's sha256 and the analyzer's version."""

    schema_version: int = SCHEMA_VERSION
    file: str
    sha256: Sha256
    format: str
    encoding: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    tables: tuple[TableDescription, ...]
    warnings: tuple[str, ...] = ()
    analyzer: str
    analyzer_version: str
    error: str | None = None
    text: str | None = None
    """Where the analyzer could not read the file (``error`` says why) but a generated script could: what that script said of it."""


class Value(Contract):
    """A figure that a sandbox run recorded: the only kind of figure that a report may state."""

    id: LocalId
    name: str
    value: Scalar
    unit: str | None = None
    n: int | None = Field(default=None, ge=0)
    filters: str | None = None
    digits: int | None = Field(default=None, ge=0, le=15)
    """The decimals with which it is to be stated; without them fusion keeps about four significant digits."""
    run: LocalId
    line: int = Field(ge=0)


class TestResult(Contract):
    """A statistical test as it was run. ``p_adjusted`` is Holm's over the mission's tests."""

    __test__ = False

    name: str
    statistic: float | None = None
    p: float | None = Field(default=None, ge=0, le=1)
    p_adjusted: float | None = Field(default=None, ge=0, le=1)
    effect_name: str | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    n_used: int | None = None
    n_dropped: int | None = None


class Finding(Contract):
    """A statement that follows from recorded values. ``statement`` holds ``{v3}``-like slots; code formats the values into them."""

    id: LocalId
    question_id: LocalId
    statement: str
    assertion: Assertion | None = None
    value_ids: tuple[LocalId, ...] = ()
    test: TestResult | None = None
    n_used: int | None = None
    n_dropped: int | None = None
    inputs: tuple[Sha256, ...] = ()
    columns: tuple[str, ...] = ()
    run: LocalId
    verified: bool = True
    tier: str = "extractive"
    prompt_version: str | None = None
    """``ds_star.finalizer@1``: the prompt that worded the statement; ``None`` where code did."""


class AnalysisArtifact(Contract):
    """A chart, a table or a script. ``name`` is its file name in the report's folder; ``uri`` differs between runs."""

    id: LocalId
    name: str
    kind: Literal["chart", "table", "script", "data"]
    uri: str
    sha256: Sha256
    media_type: str
    caption: str = ""
    question_id: LocalId | None = None
    run: LocalId | None = None


class Run(Contract):
    """One sandbox run: its script, its parameters and how it ended."""

    id: LocalId
    script: str
    script_sha256: Sha256
    parameters_sha256: Sha256
    status: Literal["ok", "error", "timeout", "memory", "output_limit", "killed"]
    warnings: tuple[str, ...] = ()


class Round(Contract):
    """One turn of the loop: what was planned, how the verifier judged it, where the router went."""

    number: int
    question_id: LocalId | None = None
    plan: tuple[str, ...] = ()
    run: LocalId | None = None
    verdict: Literal["sufficient", "insufficient", "refused", "failed", "unchecked"] = "sufficient"
    route: str = ""
    note: str = ""
    repairs: int = 0
    tier: str = "extractive"


class AnalysisAnswer(Contract):
    """What the analysis says to one sub-question; ``reading`` tells how it was understood, ``suggestions`` what could be asked instead."""

    question_id: LocalId
    status: AnswerStatus
    reading: str = ""
    finding_ids: tuple[LocalId, ...] = ()
    note: str = ""
    suggestions: tuple[str, ...] = ()


class EvidenceRequest(Contract):
    """What the analysis would like research to look for."""

    id: LocalId
    text: str
    because: str = ""
    """Why it is missing: what the data hold instead."""
    question_id: LocalId | None = None


class AnalyticalReportPackage(Contract):
    """The analysis track's handoff."""

    schema_version: int = SCHEMA_VERSION
    question: str
    sub_questions: tuple[SubQuestion, ...]
    answers: tuple[AnalysisAnswer, ...]
    values: tuple[Value, ...] = ()
    findings: tuple[Finding, ...] = ()
    artifacts: tuple[AnalysisArtifact, ...] = ()
    files: tuple[FileDescription, ...] = ()
    plan: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ()
    rounds: tuple[Round, ...] = ()
    evidence_requests: tuple[EvidenceRequest, ...] = ()
    taken_up: tuple[TakenUp, ...] = ()
    """The hypotheses of the documents that were put to the data while both tracks ran."""
    limitations: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    tier: str = "extractive"
    prompts: tuple[PromptUse, ...] = ()
    dropped: int = 0
    """Sentences of a model that were left out: they stated a figure that no run recorded, or told the reader what to do."""
    usage: Usage = Usage.model_construct()
    lineage: Lineage

    @model_validator(mode="after")
    def _ids_exist(self) -> AnalyticalReportPackage:
        values = {v.id for v in self.values}
        findings = {f.id for f in self.findings}
        runs = {r.id for r in self.runs}
        questions = {q.id for q in self.sub_questions}
        missing = [i for f in self.findings for i in f.value_ids if i not in values]
        missing += [v.run for v in self.values if v.run not in runs]
        missing += [f.run for f in self.findings if f.run not in runs]
        missing += [f.question_id for f in self.findings if f.question_id not in questions]
        missing += [i for a in self.answers for i in a.finding_ids if i not in findings]
        missing += [a.question_id for a in self.answers if a.question_id not in questions]
        missing += [t.question_id for t in self.taken_up if t.question_id not in questions]
        if missing:
            raise ValueError(f"the package refers to ids it does not hold: {sorted(set(missing))}")
        return self
