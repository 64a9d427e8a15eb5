"""The answer: at most five lines, from verified statements only, or "Not answered" with the reason."""

from __future__ import annotations

import re

from functions.fusion.numbers import sentences
from schemas.outcome import Agreement, Conflict, MergedClaim, Section

MAX_LINES = 5
MAX_CHARS = 320
_WORD = re.compile(r"[^\W\d_]{4,}")


def is_verified(claim: MergedClaim) -> bool:
    """Whether a statement may reach a summary (invariant 5)."""
    return claim.support in ("verbatim", "entailed")


def summary(sections: tuple[Section, ...]) -> tuple[MergedClaim, ...]:
    """The statements that carry the answer: for each sub-question the first finding and passage, then second ones while there is room."""
    picked: dict[str, MergedClaim] = {}
    for rank in range(MAX_LINES):
        for section in sections:
            for group in (section.findings, section.passages):
                verified = [c for c in group if is_verified(c)]
                if rank < len(verified) and len(picked) < MAX_LINES:
                    picked.setdefault(verified[rank].id, verified[rank])
    chosen = set(picked)
    order = [c for s in sections for c in (*s.findings, *s.passages) if c.id in chosen]
    return tuple({c.id: c for c in order}.values())


def answer_lines(
    sections: tuple[Section, ...],
    chosen: tuple[MergedClaim, ...],
    conflicts: tuple[Conflict, ...],
    agreements: tuple[Agreement, ...],
    reasons: tuple[str, ...],
) -> tuple[str, ...]:
    """The lines a reader sees first."""
    if not chosen:
        why = next((n for s in sections for n in s.notes), None) or next(
            iter(reasons), "neither the data nor the documents hold an answer."
        )
        return (_not_answered(why),)
    extra: list[str] = []
    if conflicts:
        extra.append("The sources disagree on part of this; the conflicts are set out below.")
    elif agreements:
        extra.append("Documents and data agree where both could be compared.")
    open_parts = [s for s in sections if s.status in ("not_answered", "not_understood")]
    if open_parts and len(sections) > 1:
        extra.append(f"Not answered: {_clipped(open_parts[0].question)}")
    words = {c.id: s.question for s in sections for c in (*s.findings, *s.passages)}
    lines = [_line(c, words.get(c.id, "")) for c in chosen]
    return (*lines[: MAX_LINES - len(extra)], *extra)


def _not_answered(why: str) -> str:
    text = _clipped(why)
    return text if text.casefold().startswith("not answered") else f"Not answered: {text}"


def _line(claim: MergedClaim, question: str) -> str:
    """A finding as it stands; of a passage the sentence that is nearest to the question, with where it stands."""
    if claim.origin == "data":
        return " ".join(claim.text.split())
    best = _clipped(_nearest(claim.text, question))
    quoted = f"“{best}”" if claim.support == "verbatim" else best
    return f"{quoted} ({claim.citations[0].label})"


def _nearest(text: str, question: str) -> str:
    asked = {w.casefold()[:6] for w in _WORD.findall(question)}
    parts = sentences(text)
    return max(parts, key=lambda s: len(asked & {w.casefold()[:6] for w in _WORD.findall(s)})) if parts else text


def _clipped(text: str) -> str:
    """One line of bearable length, cut between words."""
    line = " ".join(text.split())
    if len(line) <= MAX_CHARS:
        return line
    return line[:MAX_CHARS].rsplit(" ", 1)[0].rstrip(",;:") + " …"
