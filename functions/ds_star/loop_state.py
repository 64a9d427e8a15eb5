"""What the model loop knows between two slices: where the round stands, the plan, the run in hand and the best one so far.

Code and scripts lie in the artifact store; the state holds their addresses.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from schemas.base import Contract, Scalar, Sha256

Stage = Literal["plan", "code", "run", "repair", "verify", "route", "finalize", "settled"]
"""What comes next. Between any two of them a slice may leave a checkpoint."""
RunStatus = Literal["ok", "error", "timeout", "memory", "output_limit", "killed"]
MAX_REPAIRS = 3
MAX_TRUNCATIONS = 3


class PlanStep(Contract):
    """One step. ``code`` is the address of the script that carries out the plan up to here; empty while none ran well."""

    text: str
    question_ids: tuple[str, ...]
    code: str = ""


class Recorded(Contract):
    """A value as the run recorded it; ``line`` is the line of the generated code."""

    name: str
    value: Scalar
    unit: str | None = None
    n: int | None = None
    filters: str | None = None
    line: int = 0


class Output(Contract):
    """A chart or a table that a run left."""

    name: str
    kind: Literal["chart", "table"]
    uri: str
    sha256: Sha256
    media_type: str


class GeneratedRun(Contract):
    """One run of generated code: kept by its place in the mission, so that a slice that is run again sees the same."""

    script_name: str
    script: str
    """The address of the script that runs outside KIMERA."""
    script_sha256: Sha256
    code_sha256: Sha256
    lines_before: int
    """Lines of that script that stand before the generated code."""
    status: RunStatus
    problem: str = ""
    """What has to be repaired: empty where the run ended well and recorded something."""
    values: tuple[Recorded, ...] = ()
    outputs: tuple[Output, ...] = ()
    warnings: tuple[str, ...] = ()


class Candidate(Contract):
    """A run that could be reported, and what is known of it. ``question_of`` says which sub-question a value was recorded for."""

    round: int
    run_id: str
    run: GeneratedRun
    steps: tuple[PlanStep, ...]
    question_of: dict[str, str]
    judged: bool = False
    sufficient: bool = False
    answered: tuple[str, ...] = ()
    missing: str = ""

    def better_than(self, other: Candidate | None) -> bool:
        """Whether this is to be kept instead: sufficient, then more sub-questions answered, then the later one.

        A run that nobody judged replaces one only if it recorded all that the other did.
        """
        if other is None:
            return True
        if not self.judged:
            return not other.sufficient and {v.name for v in other.run.values} <= {v.name for v in self.run.values}
        return (self.sufficient, len(self.answered), self.round) >= (other.sufficient, len(other.answered), other.round)


class Truncation(Contract):
    """A plan that was cut before ``step``: the same cut of the same plan is not made twice."""

    step: int
    plan: Sha256


class Loop(Contract):
    """The loop. ``round`` counts from 1; ``code`` is the address of the code in hand; ``ended`` says why there is no further round."""

    stage: Stage = "plan"
    round: int = 1
    steps: tuple[PlanStep, ...] = ()
    abandoned: tuple[str, ...] = ()
    code: str = ""
    repairs: int = 0
    run: GeneratedRun | None = None
    run_id: str | None = None
    candidate: Candidate | None = None
    best: Candidate | None = None
    problem: str = ""
    """What stands in the way: the verifier's word, or why the last run failed."""
    truncations: tuple[Truncation, ...] = ()
    ended: str = ""

    @property
    def base_code(self) -> str:
        """The address of the code that carries out as much of the plan as ran well; empty where nothing did."""
        return next((step.code for step in reversed(self.steps) if step.code), "")

    @property
    def plan_digest(self) -> str:
        """The same for equal plans."""
        return hashlib.sha256("\0".join(step.text for step in self.steps).encode()).hexdigest()
