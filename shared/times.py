"""How long things may take: one table, and they nest. ``tests/unit/test_manifest.py`` asserts the order.

sandbox run < slice budget < function timeout < the workflow's HTTP timeout < slice lease < heartbeat staleness. So whoever waits
outlives whom it waits for, and nobody takes a lease over while its holder can still commit.
"""

from __future__ import annotations

SANDBOX_RUN_S = 60
SLICE_BUDGET_S = 90
CHECKPOINT_SHARE = 0.6
"""A slice leaves a checkpoint after this share of its budget."""
ANSWER_S = 75
"""A model's answer: what a slice asks last still ends within the function's timeout."""
ANSWER_GRACE_S = 5
"""How much later than the library's own time-out an answer is given up."""
LONGEST_ANSWER_S = 150
"""An answer of one's own endpoint on the embedded profile. Nothing ends a function there, but the workflow ends its call of one."""
ANSWERS_AHEAD = 8
"""Answers, each as late as may be, that may go before a question that waits for its turn: more than one mission asks at once."""
MAX_ANSWERS = 3
"""Answers that a model may give to one question until one fits."""
GO_ON_S = 30
"""For so long a call begins further slices that follow at once: the last one still ends within the function's timeout."""
FUNCTION_TIMEOUT_S = 150
DELIVERED_AGAIN_S = 120
"""For so long a request that is delivered again waits for the call that works on it: it still ends within the function's timeout."""
WORKFLOW_HTTP_TIMEOUT_S = 180
SLICE_LEASE_S = 210
HEARTBEAT_STALE_S = 300

MAX_RETRY_AFTER_S = 15
MAX_EPOCHS = 5
"""Executions a mission gets before it is compensated and FAILED."""


def turn_patience_s(answer_s: float) -> float:
    """How long behind its slice's checkpoint a question may still wait for its turn at an endpoint of one's own."""
    return ANSWERS_AHEAD * (answer_s + ANSWER_GRACE_S)


def slice_lease_s(answer_s: float, patience_s: float = 0) -> float:
    """The lease of a slice whose answers may take ``answer_s``, and whose questions wait until ``patience_s`` behind its checkpoint.

    No function ends one that waits for longer than usual: its lease lasts for all answers to a question that it asks at its end. Where
    questions wait for their turn, none is asked behind that wait, so that one answer may follow it, and code that runs.
    """
    if patience_s:
        return SLICE_BUDGET_S + patience_s + answer_s + ANSWER_GRACE_S + SANDBOX_RUN_S
    longest = SLICE_BUDGET_S + MAX_ANSWERS * (answer_s + ANSWER_GRACE_S)
    return SLICE_LEASE_S if answer_s <= ANSWER_S else max(SLICE_LEASE_S, longest)


def heartbeat_stale_s(answer_s: float, patience_s: float = 0) -> float:
    """How long a mission that is alive may be silent: as much longer than such a lease as usually."""
    return HEARTBEAT_STALE_S + slice_lease_s(answer_s, patience_s) - SLICE_LEASE_S
