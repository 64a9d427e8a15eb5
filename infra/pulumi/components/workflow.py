"""The mission workflow: ``workflows/mission.yaml`` as it is, with the functions' addresses in its environment."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pulumi_gcp as gcp

from infra.packaging.archive import CHECKOUT
from infra.pulumi.components.accounts import Accounts, member
from infra.pulumi.place import Part, Place
from shared.callers import Part as Caller

DEFINITION: Path = CHECKOUT / "workflows" / "mission.yaml"


class MissionWorkflow(Part):
    """The workflow, which calls functions as its own identity. Calls are logged that failed: all of them would cost more than they do."""

    def __init__(self, place: Place, accounts: Accounts, after: list[pulumi.Resource]) -> None:
        super().__init__("workflow", place, after)
        account = accounts.of_caller(Caller.WORKFLOW)
        self.workflow = gcp.workflows.Workflow(
            "mission",
            name=place.name("mission"),
            project=place.settings.project,
            region=place.settings.region,
            description="A mission's way through the functions",
            source_contents=DEFINITION.read_text(encoding="utf-8"),
            service_account=account.id,
            user_env_vars={row.url_variable: place.url(row) for row in place.called_by(Caller.WORKFLOW)},
            call_log_level="LOG_ERRORS_ONLY",
            deletion_protection=place.settings.protect,
            opts=self.inside,
        )
        gcp.projects.IAMMember(
            "workflow-writes-logs",
            project=place.settings.project,
            role="roles/logging.logWriter",
            member=member(account),
            opts=self.inside,
        )
        self.register_outputs({})
