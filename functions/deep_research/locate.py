"""Where a quote stands in a text. Only how letters are set may differ: case, accents, spaces, dashes, quotation marks, ligatures."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_MARKS = str.maketrans({"’": "'", "‘": "'", "‚": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "−": "-"})
_INVISIBLE = ("Cf", "Cc", "Mn")
_AROUND = "\"'.… "
"""What models put around a quote that does not belong to it."""
MIN_WORDS = 3
"""Fewer words than these stand anywhere, and support nothing."""


def locate(quote: str, text: str) -> tuple[int, int] | None:
    """``(start, end)`` of the quote's first place in ``text``; ``None`` where it does not stand there, or says too little."""
    return Searched(text).locate(quote)


class Searched:
    """A text in which many quotes are looked for: its letters are compared once."""

    def __init__(self, text: str) -> None:
        plain = _plain(text)
        self._letters = "".join(letters for letters, _ in plain)
        self._places = [place for letters, place in plain for _ in letters]

    def locate(self, quote: str) -> tuple[int, int] | None:
        """See ``locate``."""
        wanted = "".join(letters for letters, _ in _plain(quote)).strip(_AROUND)
        if sum(any(c.isalnum() for c in word) for word in wanted.split()) < MIN_WORDS:
            return None
        at = self._letters.find(wanted)
        if at < 0:
            return None
        return self._places[at], self._places[at + len(wanted) - 1] + 1


def whole_sentences(span: tuple[int, int], sentences: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """The span with the sentences that it touches in full, so that no half of a sentence is quoted against its other half."""
    touched = [(start, end) for start, end in sentences if start < span[1] and span[0] < end]
    return (touched[0][0], touched[-1][1]) if touched else None


def letters_of(text: str) -> str:
    """``text`` without case, spaces and punctuation: two texts with the same letters say the same words. Signs of figures stay."""
    plain = "".join(letters for letters, _ in _plain(text))
    kept = [c for i, c in enumerate(plain) if c.isalnum() or c in "%°€$<>=" or _belongs_to_figure(plain, i)]
    return "".join(kept)


def _belongs_to_figure(plain: str, at: int) -> bool:
    """Whether a dot or comma stands between digits, or a minus before one."""
    before, after = plain[at - 1 : at], plain[at + 1 : at + 2]
    if not after.isdigit():
        return False
    return (plain[at] in ".," and before.isdigit()) or (plain[at] == "-" and not before.isalnum())


def _plain(text: str) -> list[tuple[str, int]]:
    """The letters as they are compared, each with its place in ``text``."""
    found: list[tuple[str, int]] = []
    space = True
    for place, char in enumerate(text):
        if char.isspace():
            if not space:
                found.append((" ", place))
            space = True
            continue
        dash = "-" if unicodedata.category(char) == "Pd" else char
        plain = unicodedata.normalize("NFKD", dash.translate(_MARKS)).casefold()
        letters = "".join(" " if c.isspace() else c for c in plain if unicodedata.category(c) not in _INVISIBLE)
        if letters:
            found.append((letters, place))
            space = False
    return found
