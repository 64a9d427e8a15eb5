"""Recognises text that speaks to the reader or to a machine instead of stating something: it stays data, and is flagged (invariant 8).

Of documents and data that is any text that tells who reads it what to do. A question does so by its nature ("answer with a table"): of
it only what would make the program something else, or have it give away or do what nobody asks of an analysis.

It is looked at as a reader, or a model, would see it: without what is invisible, with look-alike letters as the plain ones.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

INSTRUCTION_LIKE = "instruction_like"
"""The flag of evidence, sources and data files with such text."""
QUESTION_INSTRUCTION_LIKE = "question_instruction_like"
"""The flag of a mission whose question or output guidelines hold text that would take the program over."""

_GAP = r"(?:\W+\w+){0,5}?\W+"
_PATTERNS = (
    rf"\b(?:ignore|disregard|forget|override|bypass)\b{_GAP}(?:instructions?|tasks?|prompts?|rules|guidelines|question|context|above|previous)\b",
    r"\byou are (?:now )?(?:an?|the) (?:\w+ ){0,3}(?:assistant|ai|model|agent|bot|chatbot|expert)\b",
    r"\b(?:as an ai|language model|large language model|ai assistant)\b.{0,60}\b(?:must|should|will|respond|answer|ignore|reading)\b",
    r"\b(?:system|developer) (?:prompt|message)\b|\bnew (?:system )?instructions?\b\s*:",
    rf"\b(?:do not|don't|never)\b{_GAP}?(?:reveal|disclose|tell the user|mention this|cite (?:this|any))\b",
    r"\b(?:reply|respond|answer) (?:only |just |instead )?(?:with|by saying|that|exactly)\b",
    r"\b(?:instead|rather),? (?:say|write|answer|report|reply|state|output|conclude)\b",
    r"\b(?:your|the) (?:final )?(?:answer|report|summary|output) (?:must|should|has to|shall) (?:be|say|state|contain|include)\b",
    r"\b(?:execute|run) (?:the following|this) (?:code|command|script)\b|\bcurl\s+https?:|\brm -rf\b",
    r"\b(?:send|post|upload|exfiltrate|forward)\b.{0,60}\bhttps?://",
    r"<\|?(?:im_start|im_end|system|endoftext)\|?>|\[/?inst\]|^\s*(?:system|assistant)\s*:",
    rf"\b(?:ignorier\w*|missachte\w*|vergiss|vergessen sie)\b{_GAP}(?:anweisung\w*|aufgabe\w*|regeln|vorgabe\w*|frage\w*)",
    r"\b(?:du bist|sie sind) (?:jetzt |nun )?(?:ein|eine|der|die) (?:\w+ ){0,3}(?:assistent\w*|ki|modell|agent\w*)\b",
    r"\b(?:antworte|antworten sie) (?:nur |stattdessen )?(?:mit|dass)\b",
)
# All that is alternative in a pattern begins with what the pattern begins with, ``_WORD`` or ``_ORDER``; see ``_any_of``.
_ORDER = r"(?:^|[.!?:;,\n\"'(>\]*-]\s*|\b(?:and|please|then|now|must|should|to|just|you)\s+)"
"""What stands before an order, and not before the verb of a clause ("which drivers ignore all instructions")."""
_OTHER_RULES = (
    r"(?:(?:all|any|your|previous|prior|earlier|above|preceding|other|system|original|initial)\W+(?:\w+\W+){0,2}?(?:instructions?|prompts?)"
    r"|(?:your|system|safety|all previous|all prior)\W+(?:\w+\W+){0,2}?(?:guidelines|rules|restrictions|directives|tasks?))\b"
)
_YOUR_SECRETS = r"your (?:\w+ ){0,2}(?:prompts?|instructions?|keys?|secrets?|credentials|passwords?)\b"
_TAKING_OVER = (
    rf"{_ORDER}(?:ignore|disregard|forget|override|bypass)\b(?:\W+\w+){{0,3}}?\W+" + _OTHER_RULES,
    r"\b(?:reveal|show|print|repeat|output|disclose|leak|display|tell|give|dump)\b(?:\W+\w+){0,4}?\W+" + _YOUR_SECRETS,
    r"\byou are (?:now|no longer) (?:an?|the|in|free|bound|dan)\b|\b(?:from now on|henceforth),? you (?:are|will|must|act|answer)\b",
    rf"{_ORDER}(?:act as|pretend (?:to be|that you|you))\b(?:\W+\w+){{0,5}}?\W+(?:assistant|ai|(?:chat)?bot|agent|admin|root|dan|hacker)\b",
    r"\b(?:reveal|print|repeat|output|disclose|leak|dump)\b(?:\W+\w+){0,3}?\W+(?:system|developer) prompt\b",
    r"</?(?:system|information|instructions?|important)>|<\|?(?:im_start|im_end|endoftext)\|?>|\[/?inst\]|\n\s*(?:system|assistant)\s*:",
    r"\bmessage from me\b.{0,60}\bto you\b|\bbefore you can (?:solve|do|finish|complete) (?:the|my|your) tasks?\b",
    r"\bdo the following (?:tasks? )?(?:only|instead)\b|\bnew (?:system )?instructions?\b\s*:",
    rf"{_ORDER}(?:execute|run) (?:the following|this) (?:code|command|script)\b",
    r"\bcurl\s+https?:|\brm -rf\b",
    rf"{_ORDER}(?:send|post|upload|exfiltrate|forward|e-?mail)\b.{{0,80}}(?:\bhttps?://|\bwww\.|\b[\w.+-]+@\w)",
    rf"\b(?:ignorier\w*|missachte\w*|vergiss|vergessen sie)\b{_GAP}(?:anweisung\w*|vorgabe\w*)",
    r"\b(?:du bist|sie sind) (?:jetzt|nun) (?:ein|eine|der|die) (?:\w+ ){0,3}(?:assistent\w*|ki|modell|agent\w*)\b",
)
"""What nobody writes into a question who only wants it answered: other rules, another role, the program's own secrets, a forged turn of
the conversation, an errand. Among them the forms of AgentDojo's attacks (arXiv 2406.13352)."""
_WORD = r"\b"
_WINDOW, _OVERLAP = 16_384, 1_024
"""Characters that are looked at without a pause, and how many of them once more with the next ones."""
_SPACES = re.compile(r"\s{2,}")
_ANY = (*_PATTERNS, *_TAKING_OVER)
_LOOK_ALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u0261\u0131\u03bf\u03b1\u03b5\u03b9\u03c5\u03c1\u03bd",
    "aeopcyxijshdgioaeiupv",
)
"""Cyrillic, Greek and other letters that are drawn as Latin ones (the usual ones of Unicode's confusables, UTS 39)."""
_TAGS = range(0xE0020, 0xE007F)
"""Characters that nobody sees, each of which spells an ASCII letter."""


def reads_like_instructions(text: str) -> bool:
    """Whether the text tells its reader, or a program that reads it, what to do, also where that is hidden from the eye."""
    return _found(_ANY, text)


def takes_over(text: str) -> bool:
    """Whether a question, or what is said with it, would make the program something else than what answers it."""
    return _found(_TAKING_OVER, text)


def _found(patterns: tuple[str, ...], text: str) -> bool:
    return any(_matches(_any_of(patterns), seen) for seen in ((text,) if text.isascii() else (_as_seen(text), text)))


def _matches(patterns: tuple[re.Pattern[str], ...], text: str) -> bool:
    """Whether one of them is in the text, looked at in windows: while a pattern is looked for, no other thread of the process runs."""
    plain = _SPACES.sub(_one_space, text.lower())
    return any(pattern.search(plain, start, start + _WINDOW + _OVERLAP) for start in range(0, len(plain), _WINDOW) for pattern in patterns)


def _one_space(run: re.Match[str]) -> str:
    """A run of white space as one character, since a pattern that begins at each of them would look through all that follow."""
    return "\n" if "\n" in run.group() else " "


@cache
def _any_of(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """Those that begin alike as one, which looks at their beginning once: a third of the time of one that tries each pattern everywhere.

    Compiled when they are first asked for: that takes longer than all the rest of what an instance imports from here.
    """
    words = [pattern.removeprefix(_WORD) for pattern in patterns if pattern.startswith(_WORD)]
    orders = [pattern.removeprefix(_ORDER) for pattern in patterns if pattern.startswith(_ORDER)]
    others = [pattern for pattern in patterns if not pattern.startswith((_WORD, _ORDER))]
    grouped = ((rf"{_WORD}(?=[a-z])", words), (_ORDER, orders), ("", others))
    return tuple(re.compile(f"{begin}(?:{'|'.join(f'(?:{rest})' for rest in rests)})", re.MULTILINE) for begin, rests in grouped if rests)


def _as_seen(text: str) -> str:
    """The text in plain letters: hidden tags spelt out, invisible characters gone, full-width and look-alike letters as the usual ones."""
    spelt = "".join(chr(ord(c) - 0xE0000) if ord(c) in _TAGS else c for c in text)
    shown = "".join(c for c in unicodedata.normalize("NFKD", spelt) if c in "\n\t" or unicodedata.category(c) not in ("Cf", "Cc", "Mn"))
    return shown.casefold().translate(_LOOK_ALIKES)
