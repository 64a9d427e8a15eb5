"""Answers of benchmarks as checks. A number counts as stated where it is the wanted one once it is rounded as that one is."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from infra.local.quality.tasks import AnswerCheck, Figure

_COUNTS_BELOW = 1_000
"""Whole numbers below this are taken for counts, which have to be exact; larger ones may be a rounded mean."""
_ASIDE = re.compile(r"\b(?:thousand|million|billion)\b|[\s,$€£%]")


def number_in(text: str) -> Decimal | None:
    """The number that ``text`` is, with a currency or a per cent sign, or in an accountant's brackets for less than nothing."""
    plain = _ASIDE.sub("", text.strip())
    if plain.startswith("(") and plain.endswith(")"):
        plain = "-" + plain[1:-1]
    try:
        number = Decimal(plain)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def figure(number: Decimal) -> Figure:
    """``number`` as far as its last decimal says something."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int), "finite"
    counted = exponent >= 0 and abs(number) < _COUNTS_BELOW
    tolerance = Decimal(0) if counted else Decimal(1).scaleb(min(exponent, 0)) / 2
    return Figure(number=float(number), tolerance=float(tolerance) * 1.000001)


def written(text: str) -> AnswerCheck:
    """The check for one answer that is given as text: as a number where it is one, and as these words."""
    number = number_in(text)
    return AnswerCheck(type="answer", any_of=(text,) if number is None else (figure(number), text))


def one_of(*wanted: str | Figure) -> AnswerCheck:
    """The check for an answer with several right forms."""
    return AnswerCheck(type="answer", any_of=wanted)
