"""A second execution of a mission, in a process of its own, at the functions of an open host: ``python -m infra.local.drills.rival``.

It prints what its workflow came to: what it returned, or its error.
"""

from __future__ import annotations

import argparse
import json
import sys

import httpx

from functions.manifest import MANIFEST
from infra.local.executions import DEFINITION
from infra.local.workflows.command import run_file
from infra.local.workflows.httpx_transport import HttpxTransport
from shared.times import WORKFLOW_HTTP_TIMEOUT_S


class _NoTokens:
    """Functions of an open host ask for no identity."""

    def token(self, kind: str, audience: str, scopes: tuple[str, ...]) -> str:
        """A token that nobody checks."""
        return "drill"


def main() -> None:
    """Run the mission workflow to its end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", required=True, help="the root address of the internal functions")
    parser.add_argument("--mission", required=True)
    parser.add_argument("--epoch", type=int, required=True)
    given = parser.parse_args()
    with httpx.Client(timeout=WORKFLOW_HTTP_TIMEOUT_S) as client:
        report = run_file(
            DEFINITION,
            data=json.dumps({"mission_id": given.mission, "epoch": given.epoch}),
            env={row.url_variable: given.functions + row.route for row in MANIFEST if not row.is_container},
            transport=HttpxTransport(client),
            token_source=_NoTokens(),
            execution_id=f"x_rival{given.epoch}",
        )
    sys.stdout.write(json.dumps(report.as_json()) + "\n")


if __name__ == "__main__":
    main()
