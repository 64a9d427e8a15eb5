"""Where sentences begin and end, in English and German prose: abbreviations, initials, decimals, ordinals and list items considered.

A line break always ends a sentence: in a composed text it parts blocks, list items and table rows.
"""

from __future__ import annotations

import re

_END = re.compile(r"(?:(?<![.!?…])[.!?…]++|[。！？])[\"'”’»)\]]*+(?=\s|$)|[。！？]|\n+")
"""A run of stops is looked at from its first one, and as a whole: also one of a hundred thousand."""
_NEXT = re.compile(r"\s+[\"'“„‘«(\[]*(\S)")
_LAST_TOKEN = re.compile(r"[^\s(\[\"'“„]*$")
_NEAR_CHARS = 100
"""Of a line, what stands before a number: enough for the word before it."""
_ORDINAL_BEFORE = frozenset("am der den dem des die das vom zum bis im ab und seit beim jeden kapitel abschnitt".split())
_MONTHS = frozenset(
    "januar jänner februar märz april mai juni juli august september oktober november dezember jahrhundert jahrhunderts quartal "
    "jan feb mrz apr jun jul aug sep sept okt nov dez".split()
)
_ABBREVIATIONS = frozenset(
    """
    dr prof mr mrs ms st jr sr no nos vol vols fig figs tab eq eqs ref refs sec ch chap pp p ed eds al ca cf vs etc approx est dept univ
    inc ltd co corp gov gen col lt sgt rev hon max min avg resp incl excl i.e e.g a.m p.m u.s u.k u.s.a ph.d m.sc b.sc d.c
    jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun
    z.b d.h u.a u.ä o.ä i.d.r s.o s.u v.a z.t u.u bzw usw evtl ggf inkl exkl vgl abb abs art aufl bd bspw ebd etw geb gest hrsg hr fr
    jh jhd kap lfd mio mrd nr og sog stk str tel u urspr zit zzgl sowie.z d h z b s v i
    """.split()
)
_AFTER_ONLY_LOWER = frozenset({"etc", "al", "co", "inc", "ltd", "corp", "usw", "a.m", "p.m"})
"""Abbreviations that often end a sentence: a capital letter behind them begins a new one."""


def sentences(text: str) -> tuple[tuple[int, int], ...]:
    """The offsets ``(start, end)`` of the sentences, without the white space around them, in order."""
    found: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if match.group()[0] != "\n" and not _ends_sentence(text, match):
            continue
        _keep(text, start, match.end(), found)
        start = match.end()
    _keep(text, start, len(text), found)
    return tuple(found)


def _keep(text: str, start: int, end: int, found: list[tuple[int, int]]) -> None:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    right = len(piece.rstrip())
    if left < right:
        found.append((start + left, start + right))


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    """Whether the stop at ``match`` is the end of a sentence."""
    following = _NEXT.match(text, match.end())
    if following is None or match.group()[0] in "。！？":
        return True
    first = following.group(1)
    if first.islower() or first == "." or (text[max(0, match.start() - 1) : match.start()] == " " and first.isdigit()):
        return False  # the last two: the dotted line of a table of contents
    if match.group().strip("\"'”’»)]") != ".":
        return True
    token = _LAST_TOKEN.search(text[max(0, match.start() - 40) : match.start()])
    word = token.group() if token else ""
    return not _is_short_form(word, text, match, following)


def _is_short_form(word: str, text: str, match: re.Match[str], following: re.Match[str]) -> bool:
    """Whether ``word`` and its stop are an abbreviation, an initial, an ordinal or a list number."""
    folded = word.casefold()
    first = following.group(1)
    if len(word) == 1 and word.isalpha() and word.isupper():
        return True
    if folded in _AFTER_ONLY_LOWER:
        return first.isdigit()
    if folded in _ABBREVIATIONS or re.fullmatch(r"(?:[^\W\d_]\.)+[^\W\d_]", word):
        return True
    if word.isdigit() and len(word) <= 3:
        near = max(0, match.start() - _NEAR_CHARS)
        line_start = text.rfind("\n", near, match.start()) + 1 or near
        before = text[line_start : match.start() - len(word)].split()
        next_word = re.match(r"[^\W\d_]*", text[following.start(1) : following.start(1) + 20])
        if not before:
            return True
        ordinal_next = next_word is not None and next_word.group().casefold() in _MONTHS
        return len(word) <= 2 and (before[-1].casefold() in _ORDINAL_BEFORE or ordinal_next)
    return False
