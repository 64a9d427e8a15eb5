"""The way in by upload: Eventarc tells the intake function of each object that is complete in the inbox bucket."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from functions.manifest import FunctionRow
from infra.pulumi.components.accounts import Accounts, member
from infra.pulumi.components.functions import Functions
from infra.pulumi.components.storage import Storage
from infra.pulumi.place import Part, Place
from shared.callers import Part as Caller


class Intake(Part):
    """The trigger, in the bucket's region, with what it needs to see the bucket and to deliver.

    ``subscriptions`` are those that Eventarc makes and keeps for itself; their dead letters are switched on with one command after
    the first ``pulumi up`` (docs/deploying.md), since no declaration reaches a subscription that another service owns.
    """

    def __init__(self, place: Place, accounts: Accounts, storage: Storage, functions: Functions, after: list[pulumi.Resource]) -> None:
        super().__init__("intake", place, after)
        self._accounts = accounts
        self.subscriptions: list[pulumi.Output[str]] = [self._trigger(row, storage, functions) for row in place.called_by(Caller.EVENTS)]
        self.register_outputs({})

    def _trigger(self, row: FunctionRow, storage: Storage, functions: Functions) -> pulumi.Output[str]:
        settings, account = self.place.settings, self._accounts.of_caller(Caller.EVENTS)
        # Asked for, not put together from the project's number: the account is made when somebody asks for it first, and until then
        # no grant can name it (cloud.google.com/storage/docs/projects, "Cloud Storage service agents").
        storage_agent = gcp.storage.get_project_service_account_output(
            project=settings.project, opts=pulumi.InvokeOutputOptions(parent=self, depends_on=self._after)
        ).member
        grants = [
            gcp.projects.IAMMember(name, project=settings.project, role=role, member=who, opts=self.inside)
            for name, role, who in (
                ("eventarc-receives", "roles/eventarc.eventReceiver", member(account)),
                ("storage-publishes", "roles/pubsub.publisher", storage_agent),
            )
        ]
        trigger = gcp.eventarc.Trigger(
            f"trigger-{row.service}",
            name=self.place.service(row),
            project=settings.project,
            location=settings.region,
            matching_criterias=[
                gcp.eventarc.TriggerMatchingCriteriaArgs(attribute="type", value="google.cloud.storage.object.v1.finalized"),
                gcp.eventarc.TriggerMatchingCriteriaArgs(attribute="bucket", value=storage.inbox.name),
            ],
            destination=gcp.eventarc.TriggerDestinationArgs(
                cloud_run_service=gcp.eventarc.TriggerDestinationCloudRunServiceArgs(
                    service=functions.deployed[row.name].name, region=settings.region, path="/"
                )
            ),
            service_account=account.email,
            opts=pulumi.ResourceOptions.merge(self.inside, pulumi.ResourceOptions(depends_on=grants)),
        )
        named = self.place.service(row)
        subscription: pulumi.Output[str] = trigger.transport.apply(lambda transport: subscription_of(transport, named))
        return subscription


def subscription_of(transport: gcp.eventarc.outputs.TriggerTransport | None, trigger: str) -> str:
    """The subscription that Eventarc has made; empty, with a warning, where it has not told: all is deployed by then, and nothing fails."""
    subscription = transport.pubsub.subscription if transport and transport.pubsub else None
    if not subscription:
        pulumi.warn(
            f"Eventarc has not told the subscription of its trigger {trigger}: once it has, `pulumi refresh` brings it into the output "
            "intakeSubscriptions (docs/deploying.md, dead letters of the inbox)"
        )
    return subscription or ""
