"""What two versions of a report differ in: statements, figures, verdicts and flags, each added, removed or changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from functions.missions.answers import ComparedVersion, ReportChange, ReportDifference, What
from schemas.evidence import AnswerStatus
from schemas.outcome import MergedClaim, MissionOutcomePackage, StatedValue
from shared.counted import counted
from shared.ledger.money import dollars

Key = tuple[str, ...]
_NUMBER = re.compile(r"\d[\d,.]*")


def difference(mission_id: str, old: MissionOutcomePackage, new: MissionOutcomePackage) -> ReportDifference:
    """The changes from ``old`` to ``new``, in the report's order. Ids, times and addresses are no part of what a report says."""
    return ReportDifference(mission_id=mission_id, old=_compared(old), new=_compared(new), changes=tuple(_changes(old, new)))


def _changes(old: MissionOutcomePackage, new: MissionOutcomePackage) -> Iterator[ReportChange]:
    yield from _entries("status", _status(old), _status(new))
    yield from _lines("answer", old.answer, new.answer)
    yield from _claims("summary", {"": old.executive_summary}, {"": new.executive_summary})
    yield from _claims("finding", _by_question(old, "findings"), _by_question(new, "findings"))
    yield from _claims("passage", _by_question(old, "passages"), _by_question(new, "passages"))
    yield from _entries("value", _values(old), _values(new))
    yield from _entries("verdict", _verdicts(old), _verdicts(new))
    yield from _lines("flag", old.flags, new.flags)
    yield from _lines("notice", old.notices, new.notices)
    yield from _lines("limitation", old.limitations, new.limitations)
    yield from _lines("assumption", old.assumptions, new.assumptions)
    yield from _entries("source", _sources(old), _sources(new))
    yield from _entries("file", _files(old), _files(new))
    yield from _entries("trust", _trust(old), _trust(new))


def _entries(what: What, old: Mapping[Key, str], new: Mapping[Key, str]) -> Iterator[ReportChange]:
    """Things that have a name: by it, one that says something else has changed."""
    for key in dict.fromkeys((*old, *new)):
        before, after = old.get(key), new.get(key)
        if before != after:
            yield _change(what, " / ".join(part for part in key if part), before, after)


def _lines(what: What, old: Sequence[str], new: Sequence[str], *, about: str = "") -> Iterator[ReportChange]:
    """Sentences, which have no name: two that differ in their numbers alone are one that has changed."""
    gone = [line for line in dict.fromkeys(old) if line not in new]
    for line in dict.fromkeys(new):
        if line in old:
            continue
        before = next((candidate for candidate in gone if _NUMBER.sub("#", candidate) == _NUMBER.sub("#", line)), None)
        if before is not None:
            gone.remove(before)
        yield _change(what, about, before, line)
    for line in gone:
        yield _change(what, about, line, None)


def _claims(what: What, old: Mapping[str, Sequence[MergedClaim]], new: Mapping[str, Sequence[MergedClaim]]) -> Iterator[ReportChange]:
    """Statements by their text: the same text with another support, or cited to something else, has changed."""
    for question in dict.fromkeys((*old, *new)):
        before = {claim.text: claim for claim in old.get(question, ())}
        after = {claim.text: claim for claim in new.get(question, ())}
        yield from _lines(what, tuple(before), tuple(after), about=question)
        for text in after:
            if text in before and _standing(before[text]) != _standing(after[text]):
                yield _change(what, text, _standing(before[text]), _standing(after[text]))


def _change(what: What, about: str, before: str | None, after: str | None) -> ReportChange:
    change: Literal["added", "removed", "changed"] = "added" if before is None else "removed" if after is None else "changed"
    return ReportChange(what=what, change=change, about=about, before=before, after=after)


def _compared(outcome: MissionOutcomePackage) -> ComparedVersion:
    return ComparedVersion(version=outcome.version, kind=outcome.kind, created_at=outcome.provenance.created_at)


def _standing(claim: MergedClaim) -> str:
    """What a statement stands on, for a reader."""
    labels = ", ".join(dict.fromkeys(citation.label for citation in claim.citations))
    return f"{claim.support}; cited to {labels}"


def _status(outcome: MissionOutcomePackage) -> dict[Key, str]:
    whole: dict[Key, str] = {("report",): outcome.kind, ("whole question",): _answered(outcome.status)}
    return whole | {("question", section.question): _answered(section.status) for section in outcome.sections}


def _answered(status: AnswerStatus) -> str:
    """The status in a reader's words: a partial answer is no partial report."""
    return "answered in part" if status == "partial" else status.replace("_", " ")


def _by_question(outcome: MissionOutcomePackage, part: Literal["findings", "passages"]) -> dict[str, tuple[MergedClaim, ...]]:
    found: dict[str, tuple[MergedClaim, ...]] = {}
    for section in outcome.sections:
        found[section.question] = found.get(section.question, ()) + (section.findings if part == "findings" else section.passages)
    return found


def _values(outcome: MissionOutcomePackage) -> dict[Key, str]:
    claims = [claim for section in outcome.sections for claim in (*section.findings, *section.passages)]
    return {(value.name, value.filters or ""): _figure(value) for claim in claims for value in claim.values}


def _figure(value: StatedValue) -> str:
    return value.text if value.n is None else f"{value.text} (n = {value.n})"


def _verdicts(outcome: MissionOutcomePackage) -> dict[Key, str]:
    """What each document's statement and its counterpart make together."""
    found: dict[Key, str] = {(pair.document.text, pair.data.text): f"agree: {pair.reason}" for pair in outcome.agreements}
    found |= {(pair.document.text, pair.data.text): f"to compare: {pair.reason}" for pair in outcome.comparisons}
    return found | {(pair.first.text, pair.second.text): f"conflict: {pair.reason}" for pair in outcome.conflicts}


def _sources(outcome: MissionOutcomePackage) -> dict[Key, str]:
    return {(source.title, source.sha256[:12]): _quotes(source.quotes) for source in outcome.sources}


def _quotes(count: int) -> str:
    return counted(count, "quote") if count else "read, not quoted"


def _files(outcome: MissionOutcomePackage) -> dict[Key, str]:
    return {(artifact.kind, artifact.name): artifact.sha256[:12] for artifact in outcome.artifacts}


def _trust(outcome: MissionOutcomePackage) -> dict[Key, str]:
    trust = outcome.trust
    return {
        ("tier",): trust.tier,
        ("statements verified",): str(trust.verified),
        ("statements not verified",): str(trust.unverified),
        ("sentences dropped",): str(trust.dropped_sentences),
        ("cost",): dollars(trust.cost_micro_usd),
    }
