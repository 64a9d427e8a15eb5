"""Recognises text that speaks to the reader or to a machine instead of stating something: it stays data, and is flagged (invariant 8)."""

from __future__ import annotations

import re

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


def reads_like_instructions(text: str) -> bool:
    """Whether the text tells its reader, or a program that reads it, what to do."""
    return _ANY.search(text) is not None
