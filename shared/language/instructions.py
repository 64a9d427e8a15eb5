"""Recognises text that speaks to the reader or to a machine instead of stating something: it stays data, and is flagged (invariant 8).

It is looked at as a reader, or a model, would see it: without what is invisible, with look-alike letters as the plain ones.
"""

from __future__ import annotations

import re
import unicodedata

INSTRUCTION_LIKE = "instruction_like"
"""The flag of evidence, sources and data files with such text."""

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
    r"<\|?(?:im_start|im_end|system|endoftext)\|?>|\[/?INST\]|^\s*(?:system|assistant)\s*:",
    rf"\b(?:ignorier\w*|missachte\w*|vergiss|vergessen sie)\b{_GAP}(?:anweisung\w*|aufgabe\w*|regeln|vorgabe\w*|frage\w*)",
    r"\b(?:du bist|sie sind) (?:jetzt |nun )?(?:ein|eine|der|die) (?:\w+ ){0,3}(?:assistent\w*|ki|modell|agent\w*)\b",
    r"\b(?:antworte|antworten sie) (?:nur |stattdessen )?(?:mit|dass)\b",
)
_ANY = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.IGNORECASE | re.MULTILINE)


_LOOK_ALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u0261\u0131\u03bf\u03b1\u03b5\u03b9\u03c5\u03c1\u03bd",
    "aeopcyxijshdgioaeiupv",
)
"""Cyrillic, Greek and other letters that are drawn as Latin ones (the usual ones of Unicode's confusables, UTS 39)."""
_TAGS = range(0xE0020, 0xE007F)
"""Characters that nobody sees, each of which spells an ASCII letter."""


def reads_like_instructions(text: str) -> bool:
    """Whether the text tells its reader, or a program that reads it, what to do, also where that is hidden from the eye."""
    return _ANY.search(text if text.isascii() else _as_seen(text)) is not None or (not text.isascii() and _ANY.search(text) is not None)


def _as_seen(text: str) -> str:
    """The text in plain letters: hidden tags spelt out, invisible characters gone, full-width and look-alike letters as the usual ones."""
    spelt = "".join(chr(ord(c) - 0xE0000) if ord(c) in _TAGS else c for c in text)
    shown = "".join(c for c in unicodedata.normalize("NFKD", spelt) if c in "\n\t" or unicodedata.category(c) not in ("Cf", "Cc", "Mn"))
    return shown.casefold().translate(_LOOK_ALIKES)
