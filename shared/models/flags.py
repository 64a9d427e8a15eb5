"""What a report has to say about the models behind it. Each flag has its sentence in ``functions/fusion/wording.py``."""

from __future__ import annotations

from shared.errors import BudgetRefused, DayBudgetRefused, ModelUnavailable, NoModelAnswer, OutOfTime, RequestWithheld
from shared.ledger.spending import OVERRUN_FLAG

TIER_DOWNGRADED = "tier_downgraded"
"""A smaller model than was asked for did some of the work."""
TIER_EXTRACTIVE = "tier_extractive"
"""Some of the work was done without a model, although one was asked for."""
BUDGET_EXHAUSTED = "budget_exhausted"
"""A call was not made, since it could have passed the mission's cap."""
DAY_BUDGET_EXHAUSTED = "day_budget_exhausted"
"""A call was not made, since it could have passed the day's cap, which all missions share."""
MODEL_UNAVAILABLE = "model_unavailable"
"""A provider could not be reached, refused, or its circuit was open."""
OUT_OF_TIME = "out_of_time"
"""A call was not made, or its answer not waited for, since the mission's time was up."""
REQUEST_WITHHELD = "request_withheld"
"""A request was not sent: it held a secret of this installation, or was too large."""
OVERRUN = OVERRUN_FLAG
"""A call cost more than its bound, which stopped new calls: the ledger's own word for it."""
SCRIPTED = "scripted"
"""Answers came from a hand-written script, not from a model."""
REPLAYED = "replayed"
"""Answers came from a recording."""


def flags_of(error: NoModelAnswer) -> tuple[str, ...]:
    """The flags of a step that is done without a model because of ``error``."""
    if isinstance(error, DayBudgetRefused):
        return (TIER_EXTRACTIVE, DAY_BUDGET_EXHAUSTED)
    if isinstance(error, BudgetRefused):
        return (TIER_EXTRACTIVE, BUDGET_EXHAUSTED)
    if isinstance(error, ModelUnavailable):
        return (TIER_EXTRACTIVE, MODEL_UNAVAILABLE)
    if isinstance(error, OutOfTime):
        return (TIER_EXTRACTIVE, OUT_OF_TIME)
    if isinstance(error, RequestWithheld):
        return (TIER_EXTRACTIVE, REQUEST_WITHHELD)
    return (TIER_EXTRACTIVE,)
