"""Whether a question asks for a cause, and whether a text names one: in the words of English and German."""

from __future__ import annotations

import re

_CAUSE = re.compile(
    r"\b(?:because|due to|owing to|caused? by|causes?|reasons?|as a result|result(?:s|ed|ing)? (?:from|in)|attribut\w+ to|driven by|led to|"
    r"leads to|explain\w*|therefore|thanks to|consequence|responsible for|weil|aufgrund|wegen|deshalb|dadurch|ursache\w*|grund|gründe)\b",
    re.IGNORECASE,
)
_WHY = re.compile(
    r"\b(?:why|how come|what (?:(?:do|does|did) [^?]{1,60}? says? )?"
    r"(?:causes?|caused|explains?|drives|drove|has driven|is driving|led to)|"
    r"reasons? (?:for|of|why)|explain|causes? of|warum|wieso|weshalb)\b",
    re.IGNORECASE,
)


def asks_for_a_cause(question: str) -> bool:
    """Whether a why is asked; data cannot answer that, a document may."""
    return _WHY.search(question) is not None


def without_asking_why(question: str) -> str:
    """The question without the words that ask for a cause: a text that names one says so in words of its own."""
    return _WHY.sub(" ", question)


def names_a_cause(text: str) -> bool:
    """Whether the text says why something is as it is: a hint only, which never decides alone."""
    return _CAUSE.search(text) is not None
