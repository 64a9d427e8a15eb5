"""The answer: at most five lines, from verified statements only, or "Not answered" with the reason."""

from __future__ import annotations

from itertools import zip_longest

from functions.fusion.nearest import nearest
from functions.fusion.text import clean, one_line
from schemas.outcome import Agreement, Conflict, MergedClaim, Section
from shared.reading.document import CELL_BREAK

MAX_LINES = 5
MORE = " More results stand below."
MAX_CHARS = 320
MAX_PASSAGE_CHARS = 700
"""For a passage no sentence of which says it alone: what research quotes at once (``shared/reading/passages.py``)."""


def is_verified(claim: MergedClaim) -> bool:
    """Whether a statement may reach a summary (invariant 5)."""
    return claim.support in ("verbatim", "entailed")


def summary(sections: tuple[Section, ...], *, room: int = MAX_LINES) -> tuple[MergedClaim, ...]:
    """The statements that carry the answer: first one for each sub-question, then the other track's, then more while there is room.

    A sentence that two sub-questions quote is said once.
    """
    queues = [(s.question, _ranked(s)) for s in sections]
    picked: dict[str, MergedClaim] = {}
    said: set[str] = set()
    for rank in range(max((len(q) for _, q in queues), default=0)):
        for question, queue in queues:
            if rank < len(queue) and len(picked) < room and (line := _line(queue[rank], question)) not in said:
                said.add(line)
                picked.setdefault(queue[rank].id, queue[rank])
    in_order = (c for s in sections for c in (*s.findings, *s.passages) if c.id in picked)
    return tuple({c.id: c for c in in_order}.values())


def _ranked(section: Section) -> list[MergedClaim]:
    """A section's verified statements, data and documents in turn."""
    findings = [c for c in section.findings if is_verified(c)]
    passages = [c for c in section.passages if is_verified(c)]
    return [c for pair in zip_longest(findings, passages) for c in pair if c is not None]


def closing_lines(
    sections: tuple[Section, ...], conflicts: tuple[Conflict, ...], agreements: tuple[Agreement, ...], *, partial: bool
) -> tuple[str, ...]:
    """What the answer has to say besides its statements: whether the sources agree, and what stays open."""
    lines: list[str] = []
    if conflicts:
        lines.append("The sources disagree on part of this; the conflicts are set out below.")
    elif agreements:
        lines.append("Documents and data agree where both could be compared.")
    open_parts = [s for s in sections if s.status in ("not_answered", "not_understood")]
    if open_parts and len(sections) > 1:
        lines.append(f"Not answered{' yet' if partial else ''}: {_clipped(open_parts[0].question)}")
    return tuple(lines)


def answer_lines(
    sections: tuple[Section, ...], chosen: tuple[MergedClaim, ...], closing: tuple[str, ...], reasons: tuple[str, ...]
) -> tuple[str, ...]:
    """The lines a reader sees first, at most five."""
    if not chosen:
        why = next((n for s in sections for n in s.notes), None) or next(
            iter(reasons), "neither the data nor the documents hold an answer."
        )
        return (_not_answered(why),)
    asked = {c.id: s.question for s in sections for c in (*s.findings, *s.passages)}
    cut = _cut_short(sections, {c.id for c in chosen})
    return (*(_line(c, asked.get(c.id, "")) + (MORE if c.id in cut else "") for c in chosen), *closing)[:MAX_LINES]


def _cut_short(sections: tuple[Section, ...], chosen: set[str]) -> set[str]:
    """The last finding of each section that is shown while others of it are not: the North without the West is half an answer."""
    cut: set[str] = set()
    for section in sections:
        ids = [c.id for c in section.findings if is_verified(c)]
        shown = [i for i in ids if i in chosen]
        if shown and len(shown) < len(ids):
            cut.add(shown[-1])
    return cut


def _not_answered(why: str) -> str:
    text = _clipped(why)
    return text if text.casefold().startswith("not answered") else f"Not answered: {text}"


def _line(claim: MergedClaim, question: str) -> str:
    """A finding as it stands; of a passage the sentence that is nearest to the question, with where it stands.

    A passage that has to stand as a whole keeps its paragraphs apart: each is a quote of its own.
    """
    if claim.origin == "data":
        return one_line(claim.text)
    near = nearest(claim.text, question)
    verbatim = claim.support == "verbatim"
    paragraphs = [line for part in clean(near).split("\n") if (line := one_line(part))]
    best = _clipped(("” “" if verbatim else " ").join(paragraphs), MAX_CHARS if near != claim.text else MAX_PASSAGE_CHARS)
    quoted = f"“{best}”" if verbatim else best
    return f"{quoted}{_under(claim)} ({claim.citations[0].label})"


def _under(claim: MergedClaim) -> str:
    """The header of the table of which a row is quoted: without it, a row's figures mean nothing."""
    path = claim.citations[0].heading_path
    is_row = bool(path) and CELL_BREAK in path[-1] and CELL_BREAK in claim.text
    return f" under “{one_line(path[-1])}”" if is_row else ""


def _clipped(text: str, at_most: int = MAX_CHARS) -> str:
    """One line of bearable length, cut between words."""
    line = one_line(text)
    if len(line) <= at_most:
        return line
    return line[:at_most].rsplit(" ", 1)[0].rstrip(",;:") + " …"
