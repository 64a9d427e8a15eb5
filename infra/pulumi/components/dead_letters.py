"""Where messages go that nobody could take: a topic, the function that keeps them, and a place to wait should that function fail too."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from functions.manifest import FunctionRow
from infra.pulumi.components.accounts import Accounts
from infra.pulumi.place import Part, Place
from shared.callers import Part as Caller

MAX_DELIVERIES = 10
_ACK_DEADLINE_S = 240
"""Above a function's timeout: nothing is delivered again while its first delivery is still worked on."""
_KEPT_S = 31 * 24 * 3600


class DeadLetters(Part):
    """Two topics. ``arriving`` is pushed to the function of the manifest; what that cannot take waits in ``unkept`` for a person."""

    def __init__(self, place: Place, accounts: Accounts, after: list[pulumi.Resource]) -> None:
        super().__init__("dead-letters", place, after)
        settings = place.settings
        self.arriving = self._topic("dead-letters")
        self.unkept = self._topic("unkept-dead-letters")
        gcp.pubsub.Subscription(
            "subscription-unkept",
            name=place.name("unkept-dead-letters"),
            project=settings.project,
            topic=self.unkept.id,
            message_retention_duration=f"{_KEPT_S}s",
            expiration_policy=gcp.pubsub.SubscriptionExpirationPolicyArgs(ttl=""),
            deletion_policy=self.deletion_policy,
            opts=self.kept,
        )
        # Pub/Sub itself moves messages from a subscription to its dead-letter topic, as this account of Google's.
        mover = f"serviceAccount:service-{place.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
        for name, topic in (("arriving", self.arriving), ("unkept", self.unkept)):
            gcp.pubsub.TopicIAMMember(
                f"pubsub-publishes-{name}",
                project=settings.project,
                topic=topic.name,
                role="roles/pubsub.publisher",
                member=mover,
                opts=self.inside,
            )
        for row in place.called_by(Caller.DEAD_LETTERS):
            self._pushed_to(row, accounts, mover)
        self.register_outputs({})

    def _topic(self, name: str) -> gcp.pubsub.Topic:
        return gcp.pubsub.Topic(
            f"topic-{name}",
            name=self.place.name(name),
            project=self.place.settings.project,
            message_retention_duration=f"{_KEPT_S}s",
            opts=self.inside,
        )

    def _pushed_to(self, row: FunctionRow, accounts: Accounts, mover: str) -> None:
        pushed = gcp.pubsub.Subscription(
            "subscription-dead-letters",
            name=self.place.name("dead-letters"),
            project=self.place.settings.project,
            topic=self.arriving.id,
            ack_deadline_seconds=_ACK_DEADLINE_S,
            message_retention_duration=f"{7 * 24 * 3600}s",
            expiration_policy=gcp.pubsub.SubscriptionExpirationPolicyArgs(ttl=""),
            retry_policy=gcp.pubsub.SubscriptionRetryPolicyArgs(minimum_backoff="10s", maximum_backoff="600s"),
            dead_letter_policy=gcp.pubsub.SubscriptionDeadLetterPolicyArgs(
                dead_letter_topic=self.unkept.id, max_delivery_attempts=MAX_DELIVERIES
            ),
            push_config=gcp.pubsub.SubscriptionPushConfigArgs(
                push_endpoint=self.place.url(row),
                oidc_token=gcp.pubsub.SubscriptionPushConfigOidcTokenArgs(
                    service_account_email=accounts.of_caller(Caller.DEAD_LETTERS).email, audience=self.place.url(row)
                ),
            ),
            opts=self.inside,
        )
        gcp.pubsub.SubscriptionIAMMember(
            "pubsub-takes-from-dead-letters",
            project=self.place.settings.project,
            subscription=pushed.name,
            role="roles/pubsub.subscriber",
            member=mover,
            opts=self.inside,
        )
