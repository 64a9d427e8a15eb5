"""How long things may take: one table, and they nest. ``tests/unit/test_manifest.py`` asserts the order.

sandbox run < slice budget < function timeout < the workflow's HTTP timeout < slice lease < heartbeat staleness. So whoever waits
outlives whom it waits for, and nobody takes a lease over while its holder can still commit.
"""

from __future__ import annotations

SANDBOX_RUN_S = 60
SLICE_BUDGET_S = 90
CHECKPOINT_SHARE = 0.6
"""A slice leaves a checkpoint after this share of its budget."""
GO_ON_S = 30
"""For so long a call begins further slices that follow at once: the last one still ends within the function's timeout."""
FUNCTION_TIMEOUT_S = 150
WORKFLOW_HTTP_TIMEOUT_S = 180
SLICE_LEASE_S = 210
HEARTBEAT_STALE_S = 300

MAX_RETRY_AFTER_S = 15
MAX_EPOCHS = 5
"""Executions a mission gets before it is compensated and FAILED."""
