"""The limits of the service, each with the page that states it.

Quotas page: https://cloud.google.com/workflows/quotas ("Resource limits"). Where a page states no figure, the comment says what we chose
and why. Nothing else in this package writes one of these numbers down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KB: Final = 1024
MB: Final = 1024 * KB
YEAR_S: Final = 365 * 24 * 3600.0

QUOTAS = "https://cloud.google.com/workflows/quotas"
HTTP_REQUEST = "https://cloud.google.com/workflows/docs/reference/stdlib/http/request"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one definition and one execution may use. The defaults are the service's; tests lower them."""

    # Definition (quotas page, "Resource limits")
    source_bytes: int = 128 * KB
    expression_characters: int = 400
    assignments_per_step: int = 50
    conditions_per_switch: int = 50
    branches_per_step: int = 10
    parallel_nesting: int = 2

    # Deployment (REST reference of workflows, userEnvVars)
    user_variables: int = 20
    variable_bytes: int = 4 * KB

    # Execution (quotas page, "Resource limits")
    steps: int = 100_000
    call_depth: int = 20
    memory_bytes: int = 512 * KB
    string_bytes: int = 256 * KB
    argument_bytes: int = 32 * KB
    concurrent_branches: int = 20
    unhandled_exceptions: int = 100
    duration_s: float = YEAR_S

    # HTTP (quotas page for the size; the http.request page for the timeouts)
    response_bytes: int = 2 * MB
    http_timeout_s: float = 1800.0
    http_default_timeout_s: float = 300.0

    # Concurrency per region (quotas page, "Quotas")
    concurrent_executions: int = 10_000
    backlog: int = 100_000

    # Ours: no page states them. They keep a hostile document from exhausting the process.
    nesting: int = 100  # levels of YAML or of an expression; a definition of 128 KB has no use for more
    expanded_nodes: int = 200_000  # nodes once every YAML alias is followed: more than 128 KB of text can spell out
    redirects: int = 10  # the http.request page promises that redirects are followed, and no number


SERVICE: Final = Limits()

# Sizes of values: https://cloud.google.com/workflows/docs/reference/syntax/variables, "Memory usage"
SCALAR_BYTES: Final = 8
CONTAINER_BYTES: Final = 8

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1
