"""The scorers: each check is decided by code from what the mission published, never by a model."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infra.local.quality.tasks import (
    AnswerCheck,
    Check,
    ColumnsCheck,
    ConflictCheck,
    Figure,
    MustCite,
    MustNotSay,
    MustRefuse,
    OperationCheck,
    ValueCheck,
)
from schemas.analysis import AnalyticalReportPackage
from schemas.base import Scalar
from schemas.outcome import Citation, MergedClaim, MissionOutcomePackage

_ANSWERED = ("answered", "partial")
_NUMBER = re.compile(r"(?<![\w.,])[-−]?\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?")
_ARTICLES = frozenset({"a", "an", "the"})


@dataclass(frozen=True, slots=True)
class Published:
    """What a mission came to. ``refused``: it was not even accepted, and this is why."""

    outcome: MissionOutcomePackage | None
    analysis: AnalyticalReportPackage | None
    refused: str = ""


def failures(checks: Iterable[Check], published: Published) -> list[str]:
    """What is wrong, in words; empty where every check holds."""
    found = (_failure(check, published) for check in checks)
    return [failure for failure in found if failure is not None]


def failures_side_by_side(checks: Iterable[Check], parts: Sequence[Published]) -> list[str]:
    """What is wrong with several reports put side by side: one that states it is enough, none may say what must not be said."""
    found: list[str] = []
    for check in checks:
        wrong = [_failure(check, part) for part in parts]
        said = [failure for failure in wrong if failure is not None]
        if said and (len(said) == len(wrong) or _forbids(check)):
            found.append(said[0])
    return found


def _forbids(check: Check) -> bool:
    return isinstance(check, MustRefuse | MustNotSay) or (isinstance(check, ConflictCheck) and not check.present)


def _failure(check: Check, published: Published) -> str | None:
    if isinstance(check, MustRefuse):
        return _must_refuse(published)
    if published.outcome is None:
        return f"{check.type}: there is no report{f' ({published.refused})' if published.refused else ''}"
    match check:
        case ValueCheck():
            return _value(check, published.outcome, published.analysis)
        case AnswerCheck():
            return _answer(check, published.outcome, published.analysis)
        case ColumnsCheck():
            return _columns(check, published.analysis)
        case OperationCheck():
            return _operation(check, published.analysis)
        case MustCite():
            return _must_cite(check, published.outcome)
        case ConflictCheck():
            return _conflict(check, published.outcome)
        case MustNotSay():
            return _must_not_say(check, published.outcome)


def _must_refuse(published: Published) -> str | None:
    if published.outcome is None:
        return None if published.refused else "must_refuse: there is no report, and no reason"
    answered = [
        section.reading or section.question for section in published.outcome.sections if section.asked and section.status in _ANSWERED
    ]
    return f"must_refuse: answered {'; '.join(answered)}" if answered or published.outcome.status in _ANSWERED else None


def _value(check: ValueCheck, outcome: MissionOutcomePackage, analysis: AnalyticalReportPackage | None) -> str | None:
    stated = _stated(outcome, analysis)
    if check.number is not None:
        if any(_near(value, check.number, check.tolerance) for value in stated):
            return None
        return f"value: {check.number} is not among {_listed(stated)}"
    assert check.text is not None
    word = re.compile(rf"(?<!\w){re.escape(check.text)}(?!\w)")
    if any(str(value) == check.text for value in stated) or any(word.search(line) for line in outcome.answer):
        return None
    return f"value: {check.text!r} is not among {_listed(stated)}"


def _answer(check: AnswerCheck, outcome: MissionOutcomePackage, analysis: AnalyticalReportPackage | None) -> str | None:
    stated = _stated(outcome, analysis)
    lines = [*outcome.answer, *(claim.text for claim in _claims(outcome)), *(str(value) for value in stated if isinstance(value, str))]
    numbers = [*stated, *(number for line in lines for number in _written(line))]
    for wanted in check.any_of:
        if isinstance(wanted, Figure):
            tolerance = max(wanted.tolerance, wanted.relative * abs(wanted.number))
            if any(_near(number, wanted.number, tolerance) for number in numbers):
                return None
        elif (words := _words(wanted)) and any(f" {words} " in f" {_words(line)} " for line in lines):
            return None
    named = " or ".join(repr(wanted) if isinstance(wanted, str) else str(wanted.number) for wanted in check.any_of)
    return f"answer: {named} is not stated"


def _written(line: str) -> Iterable[float]:
    """The numbers that stand in a sentence, with a comma between thousands."""
    return (float(number.replace(",", "").replace("−", "-")) for number in _NUMBER.findall(line))


def _words(text: str) -> str:
    """The words alone: in small letters, without punctuation and articles."""
    words = re.sub(r"[^\w\s]", " ", text.casefold()).split()
    return " ".join([word for word in words if word not in _ARTICLES] or words)


def _stated(outcome: MissionOutcomePackage, analysis: AnalyticalReportPackage | None) -> list[Scalar]:
    """The figures behind the report's sentences: as recorded, where the analysis is at hand."""
    if analysis is None:
        return [value.value for claim in _claims(outcome) for value in claim.values]
    used = {value_id for finding in analysis.findings for value_id in finding.value_ids}
    return [value.value for value in analysis.values if value.id in used]


def _columns(check: ColumnsCheck, analysis: AnalyticalReportPackage | None) -> str | None:
    if analysis is None:
        return "columns: there is no analysis"
    used = {column for finding in analysis.findings for column in finding.columns}
    said = " ".join(answer.reading for answer in analysis.answers if answer.status in _ANSWERED)
    used |= set(re.findall(r"\w+", said))  # a grouping stands in the reading, not among a finding's columns
    missing = [name for name in check.names if name not in used]
    return f"columns: {', '.join(missing)} not used" if missing else None


def _operation(check: OperationCheck, analysis: AnalyticalReportPackage | None) -> str | None:
    if analysis is None:
        return "operation: there is no analysis"
    operations = sorted({run.script.split("-", 1)[-1].removesuffix(".py") for run in analysis.runs})
    return None if check.name in operations else f"operation: {', '.join(operations) or 'none'}, not {check.name}"


def _must_cite(check: MustCite, outcome: MissionOutcomePackage) -> str | None:
    citations = [c for claim in _claims(outcome) for c in claim.citations if c.origin == "document"]
    if any(_is_cited(check, citation) for citation in citations):
        return None
    wanted = ", ".join(f"{k} {v!r}" for k, v in (("source", check.source), ("page", check.page), ("quote", check.quote)) if v is not None)
    return f"must_cite: no citation with {wanted or 'a document'} among {len(citations)}"


def _is_cited(check: MustCite, citation: Citation) -> bool:
    return (
        (check.source is None or _holds(f"{citation.source_title or ''} {citation.label}", check.source))
        and (check.page is None or citation.page == check.page)
        and (check.quote is None or _holds(citation.quote or "", check.quote))
    )


def _conflict(check: ConflictCheck, outcome: MissionOutcomePackage) -> str | None:
    texts = [f"{c.first.text} {c.second.text} {c.reason}" for c in outcome.conflicts]
    matching = [text for text in texts if check.about is None or _holds(text, check.about)]
    if bool(matching) == check.present:
        return None
    return f"conflict: {'none' if check.present else matching[0][:200]} was named"


def _must_not_say(check: MustNotSay, outcome: MissionOutcomePackage) -> str | None:
    said = " ".join([*outcome.answer, *(claim.text for claim in _claims(outcome) if claim.origin == "data")])
    found = [text for text in check.texts if _holds(said, text)]
    return f"must_not_say: it says {', '.join(map(repr, found))}" if found else None


def _claims(outcome: MissionOutcomePackage) -> Iterable[MergedClaim]:
    yield from outcome.executive_summary
    for section in outcome.sections:
        yield from section.findings
        yield from section.passages
    for agreement in outcome.agreements:
        yield from (agreement.document, agreement.data)
    for conflict in outcome.conflicts:
        yield from (conflict.first, conflict.second)


def _near(found: Scalar, wanted: float, tolerance: float) -> bool:
    number = isinstance(found, (int, float)) and not isinstance(found, bool)
    return number and math.isclose(float(found or 0), wanted, rel_tol=1e-9, abs_tol=tolerance)


def _holds(text: str, part: str) -> bool:
    return " ".join(part.casefold().split()) in " ".join(text.casefold().split())


def _listed(values: list[Scalar]) -> str:
    shown = ", ".join(map(str, values[:8]))
    return f"{shown}, ..." if len(values) > 8 else shown or "no values"
