"""The Verifier: whether a run answers what was asked.

With a model: it sees plan, code, values and warnings, and says what is missing. Extractive: values recorded, rows used, every slot
filled, no bad end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from functions.ds_star.briefing import CODE_TOKENS, Briefing, state_of, values_text, warnings_text
from functions.ds_star.execute import OperationRun
from functions.ds_star.loop_state import GeneratedRun, Loop
from schemas.base import Contract
from shared.models.asking import Models
from shared.models.prompts import Prompt, fits
from shared.models.roles import ModelRole

_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Verdict:
    """``sufficient``; ``refused`` by the operation itself; ``failed`` to run; ``insufficient``, with what is missing."""

    kind: Literal["sufficient", "insufficient", "refused", "failed"]
    reason: str = ""
    warnings: tuple[str, ...] = ()


def verify(run: OperationRun) -> Verdict:
    """The verdict on one run, with the warnings that a reader should know of."""
    warnings = run.sandbox.warnings if run.sandbox is not None else ()
    if run.failure is not None:
        return Verdict("failed", run.failure, warnings)
    if run.refusal is not None:
        return Verdict("refused", run.refusal, warnings)
    if not run.findings:
        return Verdict("insufficient", "the run states nothing", warnings)
    if not run.values:
        return Verdict("insufficient", "the run recorded no value", warnings)
    recorded = {v.name for v in run.values}
    unfilled = sorted({s for f in run.findings for s in _SLOT.findall(f.statement) if s not in recorded})
    if unfilled:
        return Verdict("insufficient", f"the statements speak of values that were not recorded: {', '.join(unfilled[:5])}", warnings)
    if all(f.n_used == 0 for f in run.findings):
        return Verdict("insufficient", "no row was used", warnings)
    return Verdict("sufficient", "", warnings)


class VerifierAnswer(Contract):
    """The judgement of a run."""

    verdict: Literal["sufficient", "insufficient"]
    missing: str = Field(default="", max_length=900, description="what is missing or wrong; empty where the run is sufficient")
    answered: tuple[str, ...] = Field(default=(), max_length=12, description="ids of the sub-questions that the values answer")


VERIFIER = ModelRole("verifier", Prompt.beside(__file__, "verifier"), VerifierAnswer)


def ask_verifier(models: Models, briefing: Briefing, loop: Loop, run: GeneratedRun, code: str) -> VerifierAnswer:
    """The verdict on a run that ended well and recorded something."""

    def check(answer: VerifierAnswer) -> None:
        if answer.verdict == "insufficient" and not answer.missing.strip():
            raise ValueError("an insufficient run needs a word in missing that says what is missing")
        if unknown := sorted(set(answer.answered) - briefing.question_ids):
            raise ValueError(f"answered names sub-questions that there are not: {', '.join(unknown)[:200]}")

    variables = {
        **briefing.variables(),
        **state_of(loop),
        "code": fits(code, CODE_TOKENS),
        "values": values_text(run.values),
        "warnings": warnings_text(run),
    }
    return models.ask(VERIFIER, variables, check=check)
