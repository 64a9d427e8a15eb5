"""What the roles' prompts are told: the question, the files' descriptions, the plan and the values, each within its share of tokens.

Of a file nothing gets into a prompt but its description, and a prompt's shares come to less than its budget whatever the files hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from functions.ds_star.describe import render
from functions.ds_star.loop_state import GeneratedRun, Loop, PlanStep, Recorded
from schemas.analysis import FileDescription
from schemas.evidence import SubQuestion
from schemas.mission import MissionRequest
from shared.language.lexicon import content_stems
from shared.language.words import stems
from shared.models.prompts import BYTES_PER_TOKEN, PromptValue, fits

FILE_TOKENS = 1_500
"""The most that one file takes."""
LEAST_FILE_TOKENS = 120
"""Below this a description says nothing: the files that are left are only counted."""
_BETWEEN = 5
"""A text that was cut is a little longer than its share, for the word that says so."""
RANKED_CHARACTERS = 10_000
"""Of a file's names, and of its cells, so many are compared with the question: 200 wide files are ranked in a second or two."""
FILES_TOKENS = 12_000
QUESTION_TOKENS = 4_200
PARTS_TOKENS = 2_500
GUIDELINES_TOKENS = 800
PLAN_TOKENS = 2_000
CODE_TOKENS = 7_000
VALUES_TOKENS = 4_000
PROBLEM_TOKENS = 900


@dataclass(frozen=True)
class Briefing:
    """What every role is told of the mission."""

    question: str
    sub_questions: tuple[SubQuestion, ...]
    guidelines: str
    descriptions: tuple[FileDescription, ...]

    @classmethod
    def of(cls, request: MissionRequest, sub_questions: tuple[SubQuestion, ...], descriptions: tuple[FileDescription, ...]) -> Briefing:
        """The briefing of a mission. What the user said of the reading stands with the guidelines."""
        hints = request.hints
        said = [("measure", hints.measure), ("by", ", ".join(hints.by)), ("time", hints.time)]
        fixed = "; ".join(f"{name}: {value}" for name, value in said if value)
        guidelines = "\n".join(x for x in (request.output_guidelines, f"Columns that the user named: {fixed}" if fixed else "") if x)
        return cls(request.question, sub_questions, guidelines, tuple(d for d in descriptions if d.error is None or d.text))

    @property
    def question_ids(self) -> frozenset[str]:
        """The ids that an answer may name."""
        return frozenset(q.id for q in self.sub_questions)

    def variables(self, *, files_tokens: int = FILES_TOKENS) -> dict[str, PromptValue]:
        """``question``, ``parts`` (the sub-questions with their ids), ``guidelines`` and ``files``."""
        parts = "\n".join(f"{q.id}: {q.text}" for q in self.sub_questions)
        return {
            "question": fits(self.question, QUESTION_TOKENS),
            "parts": fits(parts, PARTS_TOKENS),
            "guidelines": fits(self.guidelines, GUIDELINES_TOKENS),
            "files": files_text(self._ranked, files_tokens),
        }

    @cached_property
    def _ranked(self) -> tuple[FileDescription, ...]:
        return ranked(self.question, self.descriptions)


def ranked(question: str, descriptions: Sequence[FileDescription]) -> tuple[FileDescription, ...]:
    """The files whose words the question uses most come first; as they were given where all of them fit in full."""
    if len(descriptions) * FILE_TOKENS <= FILES_TOKENS:
        return tuple(descriptions)
    asked = frozenset(content_stems(question))
    return tuple(sorted(descriptions, key=lambda d: -_relevance(asked, d)))


def files_text(descriptions: Sequence[FileDescription], tokens: int) -> str:
    """The descriptions in this order. Where they do not fit in full, the later ones are shorter, and then only counted."""
    left = tokens - LEAST_FILE_TOKENS
    shown: list[str] = []
    for place, description in enumerate(descriptions):
        behind = len(descriptions) - place - 1
        room = min(FILE_TOKENS, max(left - behind * (LEAST_FILE_TOKENS + _BETWEEN), LEAST_FILE_TOKENS))
        if room > left:
            break
        text = _described(description, room)
        shown.append(text)
        left -= len(text.encode()) // BYTES_PER_TOKEN + 2  # the line break behind it, and what rounding takes
    if len(shown) < len(descriptions):
        shown.append(f"and {len(descriptions) - len(shown)} more files, which are not shown")
    return "\n\n".join(shown) or "(none)"


def _described(description: FileDescription, tokens: int) -> str:
    if description.text is not None:
        head = f"{description.file} (read by a script of its own, since the usual reader failed: {(description.error or '')[:200]})"
        return fits(f"{head}\n{description.text}", tokens)
    return fits(render(description, limit=tokens * BYTES_PER_TOKEN), tokens)


def _relevance(asked: frozenset[str], description: FileDescription) -> int:
    """How many of the question's words the file's names and cells hold, by their beginnings; a name counts more than a cell."""
    names = [description.file, *(t.name for t in description.tables), *(c.name[:60] for t in description.tables for c in t.columns)]
    cells = [value[:40] for t in description.tables for c in t.columns for value in c.values[:20]]
    in_names, in_cells = (asked & set(stems(" ".join(texts)[:RANKED_CHARACTERS])) for texts in (names, cells))
    return 3 * len(in_names) + len(in_cells)


def plan_text(steps: Sequence[PlanStep]) -> str:
    """The plan, numbered from 1 as the router counts."""
    return fits("\n".join(f"{i}. {step.text}" for i, step in enumerate(steps, start=1)), PLAN_TOKENS) or "(no step yet)"


def values_text(values: Sequence[Recorded], *, with_ids: bool = False) -> str:
    """One line for each value: name, value, unit, n, filters; with the ids that a statement may cite."""
    lines = []
    for i, v in enumerate(values, start=1):
        parts = [v.name, "no value" if v.value is None else str(v.value), v.unit or "", f"n={v.n}" if v.n is not None else "n not given"]
        parts += [f"rows: {v.filters}"] if v.filters else []
        lines.append(("v" + str(i) + " | " if with_ids else "") + " | ".join(part for part in parts if part))
    return fits("\n".join(lines), VALUES_TOKENS) or "(none)"


def warnings_text(run: GeneratedRun) -> str:
    """What the run warned of, and the charts and tables that it left."""
    lines = [*(f"warning: {w}" for w in run.warnings[:10]), *(f"{o.kind}: {o.name}" for o in run.outputs)]
    return fits("\n".join(lines), PROBLEM_TOKENS) or "(none)"


def state_of(loop: Loop) -> dict[str, PromptValue]:
    """``plan`` and ``problem``, as several roles see them."""
    return {"plan": plan_text(loop.steps), "problem": fits(loop.problem, PROBLEM_TOKENS)}
