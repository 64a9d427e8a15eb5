"""What happens by the clock: every minute somebody looks after all open missions, every hour the audit chains are anchored."""

from __future__ import annotations

import base64

import pulumi
import pulumi_gcp as gcp

from infra.pulumi.components.accounts import Accounts
from infra.pulumi.place import Part, Place
from shared.callers import Part as Caller
from shared.times import WORKFLOW_HTTP_TIMEOUT_S

JOBS = {"reconcile": "* * * * *", "anchor": "0 * * * *"}
_NOTHING = base64.b64encode(b"{}").decode()


class Scheduler(Part):
    """The jobs. A call that fails is not repeated: the next minute, or hour, does it all."""

    def __init__(self, place: Place, accounts: Accounts, after: list[pulumi.Resource]) -> None:
        super().__init__("scheduler", place, after)
        (target,) = place.called_by(Caller.SCHEDULER)
        for path, schedule in JOBS.items():
            gcp.cloudscheduler.Job(
                f"job-{path}",
                name=place.name(path),
                project=place.settings.project,
                region=place.settings.region,
                schedule=schedule,
                time_zone="Etc/UTC",
                attempt_deadline=f"{WORKFLOW_HTTP_TIMEOUT_S}s",
                http_target=gcp.cloudscheduler.JobHttpTargetArgs(
                    uri=f"{place.url(target)}/{path}",
                    http_method="POST",
                    headers={"Content-Type": "application/json"},
                    body=_NOTHING,
                    oidc_token=gcp.cloudscheduler.JobHttpTargetOidcTokenArgs(
                        service_account_email=accounts.of_caller(Caller.SCHEDULER).email, audience=place.url(target)
                    ),
                ),
                opts=self.inside,
            )
        self.register_outputs({})
