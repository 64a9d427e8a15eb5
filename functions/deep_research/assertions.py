"""What a plain sentence asserts, in a form that code can compare. Conservative: what is not plain stays unknown.

It reads sentences of the shape "<measure> [of|in <entity>] <verb> <figure>" and "<measure> <rose|fell> ...". Several figures,
pronouns as subjects, negations and conditions give no assertion: a missing one costs a comparison, a wrong one an error in the report.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from functions.deep_research.dates import period_of
from functions.deep_research.numerals import Quantity, quantities
from schemas.assertion import Assertion, Comparator, Modality, Statistic

_VERB = re.compile(
    r"\b(?P<verb>(?:has|have|had) (?:steadily |slightly |sharply |significantly )?"
    r"(?:been|increased|risen|grown|decreased|declined|fallen|dropped)"
    r"|(?:is|are|was|were|will be|may be|could be) "
    r"(?:projected|expected|estimated|forecast|predicted|measured|recorded|observed)(?: to (?:be|reach))?(?: at)?"
    r"|(?:did|do|does) not (?:change|differ)|remained|showed? no"
    r"|(?:will|may|might|could) (?:be|reach)|is|are|was|were|averaged|totalled|totaled|reached|amounted to|amounts to|equals|equalled"
    r"|(?:steadily |slightly |sharply |significantly )?(?:increased|rose|grew|decreased|declined|fell|dropped|shrank))\b"
)
_UP = re.compile(r"\b(?:increased|rose|risen|grew|grown|increasing|rising|higher)\b")
_DOWN = re.compile(r"\b(?:decreased|declined|fell|fallen|dropped|shrank|decreasing|declining|falling|lower)\b")
_CHANGE = re.compile(r"(?:increased|risen|rose|grew|grown|decreased|declined|fell|fallen|dropped|shrank)$")
_UNSURE = re.compile(
    r"\b(?:not|no longer|never|neither|nor|if|unless|whether|except|would|should|n't|than|instead of|ignore|either|respectively)\b",
    re.IGNORECASE,
)
_NO_CHANGE = re.compile(
    r"\b(?:did not (?:change|differ)|no (?:significant )?(?:change|trend|difference)|remained (?:stable|constant|unchanged))\b",
    re.IGNORECASE,
)
_COMPARATORS: tuple[tuple[re.Pattern[str], Comparator], ...] = (
    (re.compile(r"(?:at least|no less than|≥|>=)\s*$", re.IGNORECASE), ">="),
    (re.compile(r"(?:at most|up to|no more than|≤|<=)\s*$", re.IGNORECASE), "<="),
    (re.compile(r"(?:more than|over|above|exceed\w*|greater than|>)\s*$", re.IGNORECASE), ">"),
    (re.compile(r"(?:less than|below|under|fewer than|<)\s*$", re.IGNORECASE), "<"),
    (re.compile(r"(?:about|around|approximately|roughly|nearly|almost|some|ca\.|circa|~|≈)\s*$", re.IGNORECASE), "~"),
)
_STATISTICS: tuple[tuple[str, Statistic], ...] = (
    (r"(?:arithmetic )?(?:mean|average)", "mean"),
    (r"median", "median"),
    (r"(?:total )?number|count", "count"),
    (r"total|sum", "sum"),
    (r"share(?! price)|percentage|proportion|fraction", "share"),
    (r"maximum|highest|peak|largest", "maximum"),
    (r"minimum|lowest|smallest", "minimum"),
    (r"correlation(?: coefficient)?", "correlation"),
    (r"rate", "rate"),
)
_MODAL: tuple[tuple[re.Pattern[str], Modality], ...] = (
    (re.compile(r"\b(?:will|projected|forecast|predicted|expected|scenario)\b", re.IGNORECASE), "projected"),
    (re.compile(r"\b(?:may|might|could|possibl[ey]|perhaps|probably|likely|suggests?)\b", re.IGNORECASE), "possible"),
    (re.compile(r"\b(?:estimated?|estimates|approximately|roughly|about|around)\b", re.IGNORECASE), "estimated"),
    (
        re.compile(
            r"\b(?:was|were|measured|recorded|observed|counted|averaged|rose|fell|increased|decreased|declined|reached)\b", re.IGNORECASE
        ),
        "observed",
    ),
)
_LEAD = re.compile(r"^(?:[^,]{0,60}),\s+(?=\S)")
_SUBORDINATE = re.compile(
    r"(?:as|when|while|whereas|where|after|before|since|until|once|because|although|though|even|despite)\b", re.IGNORECASE
)
_NARROWS = re.compile(
    r"\b(?:excluding|excl|including|without|adjusted|organic(?:ally)?|like-for-like|in (?:real|nominal) terms|at constant|on an?)\b",
    re.IGNORECASE,
)
"""Behind a comma these say that the figure is of something else than the words before it name."""
_DETERMINER = re.compile(r"^(?:the|a|an|its|their|our|this|these|overall|annual|yearly|monthly|daily)\s+", re.IGNORECASE)
_PRONOUN = re.compile(
    r"^(?:it|they|this|these|that|those|he|she|we|there|which|who|one|some|most|many|all|both|each|here)\b", re.IGNORECASE
)
_PLACE = re.compile(r"\s+(?:in|at|for|on|among|within|across)\s+")
_LEADS_TO_FIGURE = re.compile(
    r"\s*(?:(?:at|to|by|from|between|of|about|around|approximately|roughly|nearly|almost|some|ca\.|circa|only|just|already|still|"
    r"now|on average|an?|the|"
    r"average|mean|total|estimated|at least|at most|up to|more than|less than|no more than|no less than|"
    r"fewer than|greater than|over|under|above|below|"
    r"US|[<>≤≥~≈=:]+)\s*)*",
    re.IGNORECASE,
)
_RANGE = re.compile(r"\b(?:between|from)\s+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Subject:
    measure: str
    entity: str | None
    population: str | None
    statistic: Statistic


def parse_assertion(sentence: str) -> Assertion | None:
    """The assertion of one plain sentence, or ``None``. Every figure in it stands in the sentence."""
    text = " ".join(sentence.split()).strip()
    if len(text) > 400:
        return None
    unchanged = _NO_CHANGE.search(text)
    if _UNSURE.search(_without_comparators(text)) and not unchanged:
        return None
    head = _without_lead(text)
    verb = _VERB.search(head)
    if verb is None:
        return None
    subject = _subject(head[: verb.start()])
    if subject is None:
        return None
    found = quantities(text)
    direction = _direction(verb.group("verb"), head[verb.end() : verb.end() + 30])
    if unchanged:
        return _plain(subject, text, comparator="no_difference", direction="none") if not found else None
    if not found:
        return (
            _plain(subject, text, comparator="increases" if direction == "up" else "decreases", direction=direction) if direction else None
        )
    gap = re.split(r"[-−+]?[\d$€£]", head[verb.end() :], maxsplit=1)[0]
    return _with_figure(subject, text, found, direction) if _LEADS_TO_FIGURE.fullmatch(gap) else None


def _without_lead(text: str) -> str:
    """The text without the words before its first comma where they only say when; empty where it is not plain what they say."""
    lead, _, tail = text.partition(",")
    if not _LEAD.match(text) or period_of(lead) is None:
        return text
    if _VERB.search(lead) is None:
        return _LEAD.sub("", text)
    return "" if _SUBORDINATE.match(lead) or _NARROWS.search(tail) else text  # "Sales fell in 2024, driven by ..." says it before the comma


def _without_comparators(text: str) -> str:
    """The text without "no more than 5" and the like, whose words would look like a negation or a comparison."""
    return re.sub(r"\b(?:no (?:more|less)|more|less|fewer|greater) than (?=[\d$€£])", "", text)


def _plain(subject: _Subject, text: str, *, comparator: Comparator, direction: Literal["up", "down", "none"]) -> Assertion:
    statistic: Statistic = "trend" if subject.statistic == "unknown" else subject.statistic
    return Assertion(
        entity=subject.entity,
        measure=subject.measure,
        statistic=statistic,
        comparator=comparator,
        period=period_of(text),
        population=subject.population,
        direction=direction,
        modality=_modality(text),
    )


def _with_figure(subject: _Subject, text: str, found: tuple[Quantity, ...], direction: Literal["up", "down"] | None) -> Assertion | None:
    low = high = None
    if len(found) == 2 and _is_range(text, found):
        low, high = found[0].value, found[1].value
        if found[0].unit not in (None, found[1].unit) or low > high:
            return None
    elif len(found) != 1:
        return None
    figure = found[-1]
    before = text[: found[0].start].rstrip()
    statistic, comparator = subject.statistic, _comparator(before)
    if direction:
        if before.endswith(" by"):
            statistic = "trend" if figure.per else "difference"
            comparator = "increases" if direction == "up" else "decreases"
        elif not before.endswith((" to", " at")) and comparator == "=":
            return None
    unit = figure.unit or _noun_after(text, figure.end)
    if statistic == "unknown" and unit == "%":
        statistic = "share"
    return Assertion(
        entity=subject.entity,
        measure=subject.measure,
        statistic=statistic,
        comparator=comparator,
        value=None if low is not None else figure.value,
        low=low,
        high=high,
        unit=f"{unit}/{figure.per}" if unit and figure.per else unit,
        digits=max(-12, min(15, figure.digits)),
        period=period_of(text),
        population=subject.population,
        direction=direction or "unknown",
        modality=_modality(text),
    )


def _is_range(text: str, found: tuple[Quantity, ...]) -> bool:
    between = text[found[0].end : found[1].start].strip()
    return between in ("-", "–", "to") or (between in ("and", "to") and _RANGE.search(text[: found[0].start]) is not None)


def _comparator(before: str) -> Comparator:
    return next((comparator for pattern, comparator in _COMPARATORS if pattern.search(before)), "=")


def _direction(verb: str, following: str) -> Literal["up", "down"] | None:
    if not _CHANGE.search(verb) and not re.match(r"\s*(?:increasing|rising|decreasing|declining|falling)\b", following):
        return None
    return "up" if _UP.search(verb + following) and not _DOWN.search(verb) else "down"


def _modality(text: str) -> Modality:
    return next((modality for pattern, modality in _MODAL if pattern.search(text)), "unknown")


def _subject(text: str) -> _Subject | None:
    """The words before the verb as statistic, measure, and what or where it is of."""
    text = re.sub(r"\([^)]*\)", " ", text).strip(" ,;:-–•*")
    text = re.sub(r"\s+", " ", text)
    if not text or len(text.split()) > 12 or _PRONOUN.match(text) or any(c in text for c in ",;:|"):
        return None
    while (shorter := _DETERMINER.sub("", text)) != text:
        text = shorter
    statistic: Statistic = "unknown"
    for pattern, meaning in _STATISTICS:
        match = re.match(rf"(?:{pattern})\b\s*(?:of\s+(?:the\s+)?)?", text, re.IGNORECASE)
        if match and match.end() < len(text):
            statistic, text = meaning, text[match.end() :]
            break
    while (shorter := _DETERMINER.sub("", text)) != text:
        text = shorter
    measure, entity, population = _parts(text)
    if not any(c.isalpha() for c in measure):
        return None
    return _Subject(measure, entity, population, statistic)


def _parts(text: str) -> tuple[str, str | None, str | None]:
    """``"body mass of Gentoo penguins in 2009"`` as measure, entity, population; a period is none of them."""
    pieces = [piece for piece in _PLACE.split(text) if piece.strip()]
    places = [piece for piece in pieces[1:] if period_of(f"in {piece}") is None]
    measure, _, owner = pieces[0].partition(" of ")
    named = [_bare(piece) for piece in ([owner] if owner else []) + places]
    capital = next((name for name in named if name[:1].isupper()), None)
    others = [name for name in named if name != capital]
    return _bare(measure), capital or (others[0] if owner and others else None), next((o for o in others if capital or not owner), None)


def _bare(text: str) -> str:
    return re.sub(r"^(?:the|a|an|all)\s+", "", text.strip(), flags=re.IGNORECASE)


def _noun_after(text: str, at: int) -> str | None:
    """The plain plural noun behind a figure ("342 penguins"), which is then its unit."""
    match = re.match(r"\s+([a-zà-ÿ]{3,}s)\b", text[at:])
    return match.group(1) if match and match.group(1) not in {"was", "has", "times", "this", "its", "years"} else None
