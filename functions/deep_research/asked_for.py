"""What a question asks for by its form, a count, a change, a figure, and whether a sentence holds one."""

from __future__ import annotations

import re
from collections.abc import Callable

from functions.deep_research.dates import without_dates
from functions.deep_research.numerals import unit_at, units_named
from shared.language.causes import asks_for_a_cause

_NUMBER_WORD = (
    r"\b(?:no|none|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|twenty|thirty|forty|fifty|hundreds?|thousands?|"
    r"millions?|billions?|half|third|quarter|most|majority|few|kein\w*|eine?r?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|"
    r"hundert|tausend|million\w*|hälfte|drittel|viertel|meisten)\b"
)
_COUNT = re.compile(
    rf"(?<![\w.,])\d+(?:[.,'’]\d{{3}})*(?:[.,]\d+(?=\s(?:thousand|[mb]illion)))?(?![\w%°]|[.,'’]\d|\s?[%°€$])|{_NUMBER_WORD}", re.IGNORECASE
)
"""A whole number, or one of millions: "2.5" measures."""
_NUMERAL = re.compile(r"\d(?:[\d.,'’]*\d)?")
_FIGURE = re.compile(rf"(?<!\w)[-+−$€£]?\d|{_NUMBER_WORD}", re.IGNORECASE)
_OFTEN = re.compile(
    r"\b(?:once|twice|times|every|each|hourly|daily|weekly|monthly|quarterly|yearly|annual(?:ly)?|per|often|frequent\w*|rare(?:ly)?|seldom|"
    r"never|always|usually|regularly|sometimes|occasional\w*|\w+mal|jede\w*|täglich|wöchentlich|monatlich|jährlich|oft|häufig|selten|nie|"
    r"immer)\b",
    re.IGNORECASE,
)
_CHANGE = re.compile(
    rf"{_FIGURE.pattern}|\b(?:rise|rises|rose|rising|increas\w*|decreas\w*|declin\w*|f[ae]ll\w*|drop\w*|gr[eo]w\w*|chang\w*|trends?|higher|lower|"
    r"stable|constant|steady|unchanged|evol\w*|develop\w*|faster|slower|warm\w*|cool\w*|los[et]\w*|loss\w*|gain\w*|shr[ai]n\w*|retreat\w*|reduc\w*|rais\w*|remain\w*|peak\w*|doubl\w*|halv\w*|more|less|improv\w*|worse\w*|"
    r"stieg\w*|steig\w*|sank\w*|sink\w*|zunahme|abnahme|wachs\w*|wuchs\w*|änder\w*|entwick\w*)\b",
    re.IGNORECASE,
)
_DEFINES = re.compile(
    r"\b(?:means?|meant|meaning|defin\w*|counts?|counted|refers? to|stands? for|denotes?|known as|regarded as|class(?:ed|ified)|"
    r"is (?:an?|any|one|every|each|the)|are (?:those|all|the)|bedeutet|heisst|heißt|definier\w*|gilt|gelten)\b",
    re.IGNORECASE,
)
_FIGURES_FOR = re.compile(r'^figures (?:of "[^"]*" )?for "?([^"]+?)"?$', re.IGNORECASE)
"""A request for figures of one place or time: what says nothing of it is of no use, whatever else it holds."""

Holds = Callable[[str], bool]
"""Whether a sentence holds what was asked for."""


def holds_what_is_asked(question: str) -> Holds | None:
    """What a passage must hold to answer the question; ``None`` where its form does not tell, or where a cause is asked."""
    if asks_for_a_cause(question):
        return None
    if (figures := _FIGURES_FOR.match(question)) is not None:
        return _any_of([part.strip() for part in figures.group(1).split(" and ")])
    return next((holds(question) for asked, holds in _ASKS if asked.search(question)), None)


def _any_of(names: list[str]) -> Holds:
    named = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in names), re.IGNORECASE)
    return lambda sentence: named.search(sentence) is not None


def _words(pattern: re.Pattern[str]) -> Callable[[str], Holds]:
    return lambda _: lambda sentence: pattern.search(sentence) is not None


def _figure(question: str) -> Holds:
    """A number that is neither a date nor one of the question's own, which every sentence on the matter may repeat."""
    return lambda sentence: _FIGURE.search(_told(sentence, question)) is not None


def _count(question: str) -> Holds:
    """A number of things: of a measure ("two weeks", "3.4 volts") only where the question asks for it ("how many weeks")."""
    asked = units_named(question)

    def holds(sentence: str) -> bool:
        told = _told(sentence, question)
        units = (unit_at(told, found.end()) for found in _COUNT.finditer(told))
        return any(unit is None or unit in asked for unit in units)

    return holds


def _often(question: str) -> Holds:
    counted = _count(question)
    return lambda sentence: _OFTEN.search(sentence) is not None or counted(sentence)


def _told(sentence: str, question: str) -> str:
    """The sentence without its dates and without the numbers of the question."""
    asked = {found.group() for found in _NUMERAL.finditer(question)}
    return _NUMERAL.sub(lambda found: "" if found.group() in asked else found.group(), without_dates(sentence))


_ASKS: tuple[tuple[re.Pattern[str], Callable[[str], Holds]], ...] = (
    (re.compile(r"^the definition of\b", re.IGNORECASE), _words(_DEFINES)),
    (re.compile(r"^figures (?:of|for)\b", re.IGNORECASE), _words(_FIGURE)),
    (re.compile(r"\b(?:how many|number of|wie viele|anzahl)\b", re.IGNORECASE), _count),
    (re.compile(r"\b(?:how often|how frequently|wie oft|wie häufig)\b", re.IGNORECASE), _often),
    (
        re.compile(
            r"^\W*+(?:how (?:did|does|do|has|have)\b.*\b(?:change|develop|evolve|grow)|.*\b(?:trend|over time|over the years)\b)",
            re.IGNORECASE,
        ),
        _words(_CHANGE),
    ),
    (
        re.compile(
            r"^\W*+(?:what (?:is|was|were|are) the (?:mean|average|median|total|sum|share|percentage|proportion)\b)",
            re.IGNORECASE,
        ),
        _figure,
    ),
)
"""What a question asks for by its form, and what a passage has to hold to be an answer."""
