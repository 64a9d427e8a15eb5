"""The Verifier: whether a run answers what was planned. Extractive: values recorded, rows used, every slot filled, no bad end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from functions.ds_star.execute import OperationRun

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
