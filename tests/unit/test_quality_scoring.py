"""The scorers of the quality gate decide by code, and every kind of check can fail."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.local.quality.scoring import Published, failures, failures_side_by_side
from infra.local.quality.tasks import TaskFile, load_suite
from schemas.analysis import AnalysisAnswer, AnalyticalReportPackage, Finding, Run, Value
from schemas.base import Contract
from schemas.evidence import AnswerStatus, Lineage, SubQuestion
from schemas.outcome import Citation, Conflict, MergedClaim, MissionOutcomePackage, Provenance, Section, Trust
from shared.errors import BadInput

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUOTED = Citation(origin="document", label="history.pdf, page 3", quote="The mast was moved in 1994.", source_title="history.pdf", page=3)
CLAIM = MergedClaim(id="c1", origin="document", text="The mast was moved in 1994.", support="verbatim", citations=(QUOTED,))
FIGURE = MergedClaim(
    id="c2", origin="data", text="The mean temp is 14.5.", support="verbatim", citations=(Citation(origin="data", label="01-mean.py"),)
)


def published(status: AnswerStatus = "answered", *, conflict: bool = False) -> Published:
    analysis = AnalyticalReportPackage(
        question="q",
        sub_questions=(SubQuestion(id="q1", text="q"),),
        answers=(AnalysisAnswer(question_id="q1", status=status, reading="I read this as mean(temp) by city"),),
        values=(Value(id="v1", name="mean", value=14.5, run="r1", line=1), Value(id="v2", name="top", value="Bern", run="r1", line=2)),
        findings=(Finding(id="f1", question_id="q1", statement="{v1}", value_ids=("v1", "v2"), columns=("temp",), run="r1"),),
        runs=(Run(id="r1", script="01-mean.py", script_sha256="0" * 64, parameters_sha256="0" * 64, status="ok"),),
        lineage=Lineage(mission_id="m", track="ds_star", attempt=1, epoch=1, started_at=NOW, finished_at=NOW),
    )
    outcome = MissionOutcomePackage(
        version=1,
        kind="final",
        status=status,
        question="q",
        answer=("The mean temp is 14.5.",),
        sections=(Section(question="q", status=status, findings=(FIGURE,), passages=(CLAIM,)),),
        conflicts=(Conflict(first=CLAIM, second=FIGURE, reason="the year differs"),) if conflict else (),
        trust=Trust(tier="extractive", verified=2, unverified=0),
        provenance=Provenance(mission_id="m", version=1, created_at=NOW),
    )
    return Published(outcome, analysis)


def check(**fields: object) -> list[str]:
    return failures(TaskFile.model_validate({"question": "q", "checks": [fields]}).checks, published())


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "value", "number": 14.5},
        {"type": "value", "number": 14.6, "tolerance": 0.2},
        {"type": "value", "text": "Bern"},
        {"type": "answer", "any_of": ["a Zug", "bern"]},
        {"type": "answer", "any_of": ["mast was moved"]},
        {"type": "answer", "any_of": [{"number": 14.49, "tolerance": 0.02}]},
        {"type": "answer", "any_of": [{"number": 1994}]},
        {"type": "answer", "any_of": [{"number": 14, "relative": 0.05}]},
        {"type": "columns", "names": ["temp", "city"]},
        {"type": "operation", "name": "mean"},
        {"type": "must_cite"},
        {"type": "must_cite", "source": "History", "page": 3, "quote": "moved in  1994"},
        {"type": "conflict", "present": False},
        {"type": "must_not_say", "texts": ["1994"]},  # only quoted, not said
    ],
)
def test_a_check_that_holds(fields: dict[str, object]) -> None:
    assert check(**fields) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "value", "number": 14.6},
        {"type": "value", "number": 14.8, "tolerance": 0.2},
        {"type": "value", "text": "Ber"},
        {"type": "answer", "any_of": ["ber", {"number": 14.4}, {"number": 199}, {"number": 14, "relative": 0.01}]},
        {"type": "answer", "any_of": ["?"]},
        {"type": "columns", "names": ["rain"]},
        {"type": "operation", "name": "median"},
        {"type": "must_cite", "page": 4},
        {"type": "must_cite", "quote": "in 1995"},
        {"type": "must_cite", "source": "other"},
        {"type": "must_refuse"},
        {"type": "conflict"},
        {"type": "must_not_say", "texts": ["MEAN temp is"]},
    ],
)
def test_a_check_that_does_not_hold_says_so(fields: dict[str, object]) -> None:
    (failure,) = check(**fields)
    assert failure.startswith(f"{fields['type']}: ")


def test_refusals_and_conflicts_are_recognised() -> None:
    refuse = TaskFile.model_validate({"question": "q", "checks": [{"type": "must_refuse"}]}).checks
    conflict = TaskFile.model_validate({"question": "q", "checks": [{"type": "conflict", "about": "the year"}]}).checks
    assert failures(refuse, published("not_answered")) == []
    assert failures(refuse, Published(None, None, refused="in German")) == []
    assert failures(refuse, Published(None, None)) != []
    assert failures(conflict, published(conflict=True)) == []


def test_without_a_report_nothing_else_holds() -> None:
    checks = TaskFile.model_validate({"question": "q", "checks": [{"type": "must_not_say", "texts": ["x"]}]}).checks
    assert failures(checks, Published(None, None)) == ["must_not_say: there is no report"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("question = ", "no TOML"),
        ('question = "q"\nchecks = []\n', "checks"),
        ('question = "q"\n[[checks]]\ntype = "magic"\n', "checks.0"),
        ('question = "q"\n[[checks]]\ntype = "value"\nnumber = 1\ntext = "1"\n', "either number or text"),
        ('question = "q"\ninputs = ["x.csv"]\n[[checks]]\ntype = "must_refuse"\n', "x.csv"),
    ],
)
def test_a_broken_task_is_named_with_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "t1").mkdir()
    (tmp_path / "t1" / "task.toml").write_text(text)
    with pytest.raises(BadInput, match=said):
        load_suite(tmp_path)


def test_a_suite_is_read_by_name_with_paths_from_the_tasks_folder(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    for name in ("t2", "t1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "task.toml").write_text('question = "q"\ninputs = ["../a.csv"]\n[[checks]]\ntype = "must_refuse"\n')
    assert [task.name for task in load_suite(tmp_path)] == ["t1", "t2"]
    assert load_suite(tmp_path)[0].data[0].resolve() == (tmp_path / "a.csv").resolve()
    assert issubclass(TaskFile, Contract)


@pytest.mark.parametrize(
    ("fields", "holds"),
    [
        ({"type": "value", "number": 14.5}, True),
        ({"type": "value", "number": 99}, False),
        ({"type": "must_not_say", "texts": ["14.5"]}, False),
        ({"type": "must_refuse"}, False),
        ({"type": "conflict", "present": False}, True),
    ],
)
def test_side_by_side_one_report_is_enough_to_state_and_none_may_say_what_is_forbidden(fields: dict[str, object], holds: bool) -> None:
    checks = TaskFile.model_validate({"question": "q", "checks": [fields]}).checks
    silent = published("not_answered")
    assert silent.outcome
    silent = Published(silent.outcome.model_copy(update={"answer": (), "sections": ()}), None)
    assert (failures_side_by_side(checks, [silent, published()]) == []) is holds
    assert (failures_side_by_side(checks, [published(), silent]) == []) is holds
