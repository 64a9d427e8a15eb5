"""Which claims and findings speak of the same thing, and whether they agree: proposed and judged by code alone.

``conflict`` needs measure, statistic, population, unit and period to be known and equal on both sides; whatever is not known makes
a pair ``related``. Where neither side narrows the population down, it is the entity that both name. Figures are compared within
the rounding of what was stated: half the last digit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from functions.fusion.figures import number_text, unit_text
from functions.fusion.measures import measure_key, name_key
from functions.fusion.numbers import Numeral, numerals
from functions.fusion.periods import parse_period
from functions.fusion.populations import row_words, time_columns, with_entity, without_row_words
from functions.fusion.units import Conversion, compare_units, normal_unit
from schemas.analysis import AnalyticalReportPackage, Finding, Value
from schemas.assertion import Assertion
from schemas.evidence import Claim, ResearchEvidencePackage
from schemas.fusion import AlignedPair, Alignment, ClaimConflict, Verdict

EPSILON = 1e-9
"""Relative slack for binary fractions: 13.25 against 13.2 is exactly half a digit away."""

COMPARED: tuple[Verdict, ...] = ("agree", "conflict")
"""The verdicts of what could be compared: the others leave open whether both sides speak of the same thing."""

_OPPOSITE = {("up", "down"), ("down", "up")}
_SCOPE = ("population", "period")


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason and the parts that it rests on."""

    verdict: Verdict
    reason: str
    matched: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """One assertion with what its words are called in a reason, and its figure as it was stated."""

    assertion: Assertion
    noun: str
    stated: str | None = None
    exact: bool = False
    """A recorded value has no rounding of its own; a stated figure is good to half its last digit."""


def align(research: ResearchEvidencePackage | None, analysis: AnalyticalReportPackage | None) -> Alignment:
    """All proposed pairs of claims and findings, and all conflicts between documents."""
    rows = row_words(analysis.files) if analysis else frozenset[str]()
    claims = _claim_sides(research, rows) if research else []
    findings = _finding_sides(analysis) if analysis else []
    pairs: list[AlignedPair] = []
    for claim, side in claims:
        for finding, other in findings:
            judgement = judge(side, other)
            if judgement is not None:
                pairs.append(
                    AlignedPair(
                        claim_id=claim.id,
                        finding_id=finding.id,
                        verdict=judgement.verdict,
                        reason=judgement.reason,
                        matched=judgement.matched,
                        differing=judgement.differing,
                    )
                )
    judged = list(_between_documents(claims, research))
    return Alignment(
        pairs=tuple(pairs),
        claim_conflicts=tuple(conflict for verdict, conflict in judged if verdict == "conflict"),
        claims_compared=sum(verdict in COMPARED for verdict, _ in judged),
    )


def _between_documents(
    claims: list[tuple[Claim, Side]], research: ResearchEvidencePackage | None
) -> Iterable[tuple[Verdict, ClaimConflict]]:
    """Pairs of claims from different documents with their verdict, and what they would be as a conflict."""
    sources = {e.id: e.source_id for e in research.evidence} if research else {}
    for (first, side), (second, other) in combinations(claims, 2):
        if {sources[i] for i in first.evidence_ids} & {sources[i] for i in second.evidence_ids}:
            continue  # one document may correct itself; that is no conflict between documents
        judgement = judge(side, other)
        if judgement is not None:
            yield judgement.verdict, ClaimConflict(first_claim_id=first.id, second_claim_id=second.id, reason=judgement.reason)


def _claim_sides(research: ResearchEvidencePackage, rows: frozenset[str]) -> list[tuple[Claim, Side]]:
    """Claims that may be compared: supported by their source, with figures that stand in their quotes."""
    quotes = {e.id: e.quote for e in research.evidence}
    sides: list[tuple[Claim, Side]] = []
    for claim in research.claims:
        if claim.assertion is None or claim.support not in ("verbatim", "entailed"):
            continue
        stated = [n for i in claim.evidence_ids for n in numerals(quotes[i])]
        assertion, text = _sourced(without_row_words(claim.assertion, rows), stated)
        sides.append((claim, Side(assertion, "document", text)))
    return sides


def _sourced(assertion: Assertion, stated: list[Numeral]) -> tuple[Assertion, str | None]:
    """The assertion without figures that its quotes do not state (a model may have filled them), and the figure as stated."""
    found = _stated_as(assertion.value, stated)
    low, high = _stated_as(assertion.low, stated), _stated_as(assertion.high, stated)
    changes: dict[str, float | int | None] = {}
    if assertion.value is not None and found is None:
        changes["value"] = None
    if low is None:
        changes["low"] = None
    if high is None:
        changes["high"] = None
    if found is not None and assertion.digits is None:
        changes["digits"] = found.digits
    return assertion.model_copy(update=changes), found.text if found else None


def _stated_as(value: float | None, stated: list[Numeral]) -> Numeral | None:
    if value is None:
        return None
    for numeral in stated:
        if any(math.isclose(abs(value), float(reading), rel_tol=EPSILON) for reading in numeral.readings):
            return numeral
    return None


def _finding_sides(analysis: AnalyticalReportPackage) -> list[tuple[Finding, Side]]:
    """Findings that may be compared: verified, with figures that a run recorded."""
    values = {v.id: v for v in analysis.values}
    times = time_columns(analysis.files)
    sides: list[tuple[Finding, Side]] = []
    for finding in analysis.findings:
        if finding.assertion is None or not finding.verified:
            continue
        recorded = _recorded(finding.assertion, [values[i] for i in finding.value_ids])
        assertion = with_entity(finding.assertion, times)
        if assertion.value is not None and recorded is None:
            assertion = assertion.model_copy(update={"value": None})
        text = number_text(recorded) if recorded is not None else None
        sides.append((finding, Side(assertion, "data", text, exact=assertion.digits is None)))
    return sides


def _recorded(assertion: Assertion, values: list[Value]) -> int | float | None:
    for value in values:
        number = value.value
        if isinstance(number, bool) or not isinstance(number, int | float) or assertion.value is None:
            continue
        slack = _half_digit(assertion) if assertion.digits is not None else 0.0
        if math.isclose(number, assertion.value, rel_tol=EPSILON, abs_tol=slack * (1 + EPSILON)):
            return number
    return None


def judge(one: Side, two: Side) -> Judgement | None:
    """How two assertions compare; ``None`` where nothing says that they speak of the same thing."""
    a, b = one.assertion, two.assertion
    measures = measure_key(a.measure), measure_key(b.measure)
    entities = name_key(a.entity), name_key(b.entity)
    if measures[0] is None or measures[0] != measures[1]:
        return None
    if entities[0] and entities[1] and entities[0] != entities[1]:
        if not _one_narrows_the_other(entities[0], entities[1]):
            return None
        entities = (entities[0], None)  # "Gentoo" and "Gentoo penguins": perhaps the same, so nothing is concluded
    periods = parse_period(a.period), parse_period(b.period)
    if periods[0] and periods[1] and not periods[0].overlaps(periods[1]):
        return None
    populations = name_key(a.population), name_key(b.population)
    if populations == (None, None):
        populations = entities  # neither side narrows it down: the population is all of what both name, if both name it
    matched = ["measure"]
    differing: list[str] = []
    unknown: list[str] = []
    _sort_part("entity", entities, matched, differing, unknown, both_missing_is_fine=True)
    _sort_part("population", populations, matched, differing, unknown)
    _sort_part("period", periods, matched, differing, unknown)
    if a.statistic == b.statistic and a.statistic not in ("unknown", "other"):
        matched.append("statistic")
    elif {"unknown", "other"} & {a.statistic, b.statistic}:
        unknown.append("statistic")
    else:
        differing.append("statistic")
    numeric = _has_figure(a) and _has_figure(b)
    conversion: Conversion | None = None
    if numeric:
        unit_class, conversion = compare_units(a.unit, b.unit, a.statistic)
        {"unknown": unknown, "incomparable": differing}.get(unit_class, matched).append("unit")
    return _verdict(one, two, conversion, matched, differing, unknown)


def _one_narrows_the_other(first: str, second: str) -> bool:
    """Whether one name has all the words of the other, and more."""
    one, two = set(first.split()), set(second.split())
    return one <= two or two <= one


def _sort_part(
    name: str,
    parts: tuple[object | None, object | None],
    matched: list[str],
    differing: list[str],
    unknown: list[str],
    *,
    both_missing_is_fine: bool = False,
) -> None:
    if parts == (None, None) and both_missing_is_fine:
        return
    if None in parts:
        unknown.append(name)
    elif parts[0] == parts[1]:
        matched.append(name)
    else:
        differing.append(name)


def _verdict(
    one: Side, two: Side, conversion: Conversion | None, matched: list[str], differing: list[str], unknown: list[str]
) -> Judgement:
    """The truth table: incomparable beats scope, scope beats the unknown, and only then are figures or directions compared."""
    parts = tuple(matched), tuple(differing)
    pair = _pair_name(one, two)
    if "statistic" in differing:
        words = f"the {one.assertion.statistic} and the {two.assertion.statistic}"
        return Judgement("not_comparable", f"{pair} speak of the same measure, but of different figures of it: {words}.", *parts)
    if "unit" in differing:
        units = f"{normal_unit(one.assertion.unit)} and {normal_unit(two.assertion.unit)}"
        return Judgement("not_comparable", f"{pair} give the same measure in units that do not convert into each other ({units}).", *parts)
    if scope := [p for p in differing if p in _SCOPE]:
        return Judgement("differs_in_scope", f"{pair} speak of the same measure, but the {_listed(scope)} differ{_s(scope)}.", *parts)
    if unknown:
        return Judgement("related", f"{pair} speak of the same measure, but whether {_listed(unknown)} match is not known.", *parts)
    if _projected(one.assertion) != _projected(two.assertion):
        return Judgement("related", f"{pair} speak of the same measure, but one of them is a projection.", *parts)
    changes = {"increases", "decreases"} & {one.assertion.comparator, two.assertion.comparator}
    opposite = (direction(one.assertion), direction(two.assertion)) in _OPPOSITE
    if _has_figure(one.assertion) and _has_figure(two.assertion) and conversion is not None and not (changes and opposite):
        verdict, reason = _compare_figures(one, two, conversion)
    else:
        verdict, reason = _compare_directions(one, two)
    return Judgement(verdict, reason, *parts)


def _pair_name(one: Side, two: Side) -> str:
    return "Two documents" if one.noun == two.noun else f"The {one.noun} and the {two.noun}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _s(words: list[str]) -> str:
    return "s" if len(words) == 1 else ""


def _projected(assertion: Assertion) -> bool:
    return assertion.modality in ("projected", "possible")


def _has_figure(assertion: Assertion) -> bool:
    return assertion.value is not None or (assertion.low is not None and assertion.high is not None)


def _half_digit(assertion: Assertion) -> float:
    """Half the last stated digit; where the digits are not known, those that the value needs to be written."""
    digits = assertion.digits
    if digits is None:
        fraction = repr(float(assertion.value or 0.0)).partition(".")[2]
        digits = 0 if "e" in fraction or fraction == "0" else len(fraction)
    return 0.5 * 10.0**-digits


@dataclass(frozen=True, slots=True)
class _Span:
    low: float
    high: float

    def meets(self, other: _Span) -> bool:
        slack = EPSILON * max(abs(x) for x in (self.low, self.high, other.low, other.high, 1.0) if math.isfinite(x))
        return self.low <= other.high + slack and other.low <= self.high + slack


def _span(side: Side, convert: Conversion) -> _Span | None:
    """The numbers that an assertion allows, in the unit that ``convert`` gives."""
    a = side.assertion
    slack = 0.0 if side.exact else _half_digit(a)
    if a.value is None:
        if a.low is None or a.high is None:
            return None
        edges = (a.low - slack, a.high + slack)
    elif a.comparator in ("=", "~"):
        edges = (a.value - slack, a.value + slack)
    elif a.comparator in (">", ">="):
        edges = (a.value - slack, math.inf)
    elif a.comparator in ("<", "<="):
        edges = (-math.inf, a.value + slack)
    else:
        return None
    low, high = (x if math.isinf(x) else convert(x) for x in edges)
    return _Span(low, high)


def _compare_figures(one: Side, two: Side, conversion: Conversion) -> tuple[Verdict, str]:
    first, second = _span(one, conversion), _span(two, float)
    pair = _pair_name(one, two)
    if first is None or second is None:
        return "related", f"{pair} give figures of the same measure, but not how they are meant (exactly, at least, at most)."
    figures = _figures_text(one, two)
    exact = all(math.isfinite(x) for x in (first.low, first.high)) or all(math.isfinite(x) for x in (second.low, second.high))
    if first.meets(second):
        if exact:
            return "agree", f"{pair} give the same figure{figures}, within the rounding of what is stated."
        return "related", f"{pair} both set a bound, and the bounds do not exclude each other{figures}."
    if "~" in (one.assertion.comparator, two.assertion.comparator):
        return "related", f"{pair} differ{figures}, but one figure is stated as an approximation."
    if _inside_interval(one, two, conversion):
        return "related", f"{pair} differ{figures}, but the stated figure lies within the interval of the estimate."
    what = "the same measure, statistic, unit, population and period"
    return "conflict", f"{pair} give different figures{figures} for {what}; rounding does not explain the difference."


def _figures_text(one: Side, two: Side) -> str:
    return f" ({_with_unit(one)} and {_with_unit(two)})" if one.stated and two.stated else ""


def _with_unit(side: Side) -> str:
    unit = unit_text(side.assertion.unit)
    return f"{side.stated}{unit}" if unit == "%" else f"{side.stated} {unit}".strip()


def _inside_interval(one: Side, two: Side, conversion: Conversion) -> bool:
    """Whether one side is an estimate whose interval holds the other's figure."""
    a, b = one.assertion, two.assertion
    if a.value is not None and b.value is not None:
        if b.low is not None and b.high is not None:
            return b.low <= conversion(a.value) <= b.high
        if a.low is not None and a.high is not None:
            return conversion(a.low) <= b.value <= conversion(a.high)
    return False


def _compare_directions(one: Side, two: Side) -> tuple[Verdict, str]:
    first, second = direction(one.assertion), direction(two.assertion)
    pair = _pair_name(one, two)
    if "unknown" in (first, second):
        return "related", f"{pair} speak of the same measure, but at least one names neither a comparable figure nor a direction."
    if first == second:
        words = {"up": "an increase", "down": "a decrease", "none": "no change"}
        return "agree", f"{pair} both say: {words[first]}."
    if (first, second) in _OPPOSITE or one.noun == two.noun:
        return "conflict", f"{pair} say opposite things about the direction of the same measure in the same period."
    return "related", f"{pair} differ in direction, but one of them shows no clear change, which excludes neither."


def direction(assertion: Assertion) -> str:
    """``up``, ``down``, ``none`` or ``unknown``, from the direction or else from the comparator."""
    if assertion.direction != "unknown":
        return assertion.direction
    return {"increases": "up", "decreases": "down", "no_difference": "none"}.get(assertion.comparator, "unknown")
