"""The difference of two versions of a report names statements, figures, verdicts and flags, not lines of text."""

from __future__ import annotations

from typing import Literal

from functions.missions.difference import difference
from schemas.evidence import Support
from schemas.outcome import (
    Agreement,
    Citation,
    Conflict,
    MergedClaim,
    MissionOutcomePackage,
    OutcomeArtifact,
    OutcomeSource,
    Provenance,
    Section,
    StatedValue,
    Trust,
)
from tests.support.clock import START

QUESTION = "How many boats are there?"
Told = tuple[str, str, str | None, str | None]


def claim(
    text: str, *, support: Support = "verbatim", origin: Literal["data", "document"] = "data", value: float | None = None
) -> MergedClaim:
    values = (StatedValue(name="boats", text=f"{value:g}", value=value, n=24, script="a.py", line=3),) if value is not None else ()
    return MergedClaim(
        id="c1", origin=origin, text=text, support=support, citations=(Citation(origin=origin, label="harbour.csv"),), values=values
    )


def outcome(version: int, *findings: MergedClaim, **more: object) -> MissionOutcomePackage:
    whole = {
        "version": version,
        "kind": "final",
        "status": "answered",
        "question": QUESTION,
        "answer": ("There are boats.",),
        "sections": (Section(question=QUESTION, status="answered", findings=findings),),
        "trust": Trust(tier="extractive", verified=1, unverified=0),
        "provenance": Provenance(mission_id="m_1", version=version, created_at=START),
    }
    return MissionOutcomePackage.model_validate(whole | more)


def told(old: MissionOutcomePackage, new: MissionOutcomePackage) -> list[Told]:
    return [(c.what, c.change, c.before, c.after) for c in difference("m_1", old, new).changes]


def test_two_versions_that_say_the_same_have_no_changes_whatever_their_ids_and_times() -> None:
    later = Provenance(mission_id="m_1", version=2, created_at=START.replace(year=2027), uris={"x": "artifact:y"})
    assert told(outcome(1, claim("A.")), outcome(2, claim("A.").model_copy(update={"id": "c9"}), provenance=later)) == []


def test_findings_are_added_and_removed() -> None:
    assert told(outcome(1, claim("It was wet.")), outcome(2, claim("It was cold."))) == [
        ("finding", "added", None, "It was cold."),
        ("finding", "removed", "It was wet.", None),
    ]


def test_a_finding_whose_number_moved_has_changed_and_so_has_its_value() -> None:
    old, new = outcome(1, claim("There are 12 boats.", value=12)), outcome(2, claim("There are 1,412 boats.", value=1412))
    assert told(old, new) == [
        ("finding", "changed", "There are 12 boats.", "There are 1,412 boats."),
        ("value", "changed", "12 (n = 24)", "1412 (n = 24)"),
    ]


def test_a_statement_that_lost_its_support_has_changed() -> None:
    assert told(outcome(1, claim("A.")), outcome(2, claim("A.", support="unchecked"))) == [
        ("finding", "changed", "verbatim; cited to harbour.csv", "unchecked; cited to harbour.csv")
    ]


def test_a_verdict_that_turned_round_is_one_change() -> None:
    document, data = claim("12 boats.", origin="document"), claim("14 boats.")
    old = outcome(1, agreements=(Agreement(document=document, data=data, reason="within half a digit"),))
    new = outcome(2, conflicts=(Conflict(first=document, second=data, reason="12 is not 14"),))
    assert told(old, new) == [("verdict", "changed", "agree: within half a digit", "conflict: 12 is not 14")]


def test_flags_limitations_status_and_trust_are_told() -> None:
    old = outcome(1, status="not_answered", kind="partial", flags=("research_late",), limitations=("Research is late.",))
    new = outcome(2, trust=Trust(tier="standard", verified=1, unverified=0, cost_micro_usd=500_000))
    assert told(old, new) == [
        ("status", "changed", "partial", "final"),
        ("status", "changed", "not answered", "answered"),
        ("flag", "removed", "research_late", None),
        ("limitation", "removed", "Research is late.", None),
        ("trust", "changed", "extractive", "standard"),
        ("trust", "changed", "$0.00", "$0.50"),
    ]


def test_sources_and_files_are_told_by_name_and_content() -> None:
    first, second = "a" * 64, "b" * 64
    read = OutcomeSource(title="Harbour rules", sha256=first)
    chart = OutcomeArtifact(name="boats.png", kind="chart", sha256=first, media_type="image/png")
    old = outcome(1, sources=(read,), artifacts=(chart,))
    new = outcome(
        2,
        sources=(read.model_copy(update={"quotes": 1}), OutcomeSource(title="Log book", sha256=second, quotes=2)),
        artifacts=(chart.model_copy(update={"sha256": second}),),
    )
    assert told(old, new) == [
        ("source", "changed", "read, not quoted", "1 quote"),
        ("source", "added", None, "2 quotes"),
        ("file", "changed", first[:12], second[:12]),
    ]
