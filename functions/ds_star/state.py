"""What the analysis track knows between two slices."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from functions.ds_star.loop_state import Loop
from functions.ds_star.operation import OperationSpec
from schemas.analysis import AnalysisAnswer, AnalysisArtifact, EvidenceRequest, FileDescription, Finding, Round, Run, Value
from schemas.assertion import Assertion
from schemas.base import Contract, Sha256, Timestamp
from schemas.evidence import PromptUse, SubQuestion, Usage
from schemas.handoff import TakenUp
from shared.waiting import Waited


class DataFile(Contract):
    """A data file of the mission, or a table that was found in one of its documents."""

    name: str
    uri: str
    sha256: Sha256
    origin: Literal["data", "document"] = "data"


class OpenFinding(Contract):
    """A finding before the tests of the whole mission are adjusted: where p is then not below 0.05, the weak statement stands."""

    finding: Finding
    weak_statement: str | None = None
    weak_assertion: Assertion | None = None


class Work(Contract):
    """What is still to do for the sub-question in hand: its operations, in order, and how often the present one was tried."""

    question_id: str
    reading: str
    specs: tuple[OperationSpec, ...]
    notes: tuple[str, ...] = ()
    done: int = 0
    tries: int = 0
    problems: tuple[str, ...] = ()
    finding_ids: tuple[str, ...] = ()


class DsStarState(BaseModel):
    """The state between slices; ``DsStarState()`` is the one before the first."""

    model_config = ConfigDict(frozen=True)

    started_at: Timestamp | None = None
    sub_questions: tuple[SubQuestion, ...] = ()
    refusal: str = ""
    """Why nothing of the question is read, e.g. a language without a lexicon."""
    next_document: int = 0
    """How many documents an earlier version has read, from the first one on."""
    read_from_end: int = 0
    """How many documents are read, from the last one on."""
    tables_read: bool = False
    files: tuple[DataFile, ...] = ()
    descriptions: tuple[FileDescription, ...] = ()
    next_question: int = 0
    work: Work | None = None
    last_spec: OperationSpec | None = None
    """What the last reading calculated: what a pronoun of the next sub-question may speak of."""
    calculated: dict[str, tuple[OperationSpec, ...]] = {}
    """What was planned for which sub-question: a hypothesis that asks for the same is not calculated again."""
    taken_up: tuple[TakenUp, ...] = ()
    """Hypotheses of the documents: under the sub-question that calculates the same, or one of their own (``h1``)."""
    offered: int = 0
    """How many requests for evidence were published."""
    waited: Waited = Waited.model_construct()
    """How the track, done otherwise, waited for what the documents suggest."""
    answers: tuple[AnalysisAnswer, ...] = ()
    values: tuple[Value, ...] = ()
    findings: tuple[OpenFinding, ...] = ()
    artifacts: tuple[AnalysisArtifact, ...] = ()
    runs: tuple[Run, ...] = ()
    rounds: tuple[Round, ...] = ()
    evidence_requests: tuple[EvidenceRequest, ...] = ()
    read_ahead: bool = False
    """Whether all parts of the question were read for what the data lack, ahead of any calculation."""
    plan: tuple[str, ...] = ()
    limitations: tuple[str, ...] = ()
    loop: Loop | None = None
    """The model loop, from its first slice on; ``None`` where the extractive roles do everything."""
    retold: int = 0
    """How many of the files that the analyzer could not read were given to a model."""
    tier: str = "extractive"
    prompts: tuple[PromptUse, ...] = ()
    dropped: int = 0
    flags: tuple[str, ...] = ()
    usage: Usage = Usage()
