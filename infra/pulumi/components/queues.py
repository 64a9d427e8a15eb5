"""The dispatch queue: how fast missions are started, and how often a start is tried."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from functions.manifest import Caller
from infra.pulumi.components.accounts import Accounts
from infra.pulumi.place import Part, Place

MAX_ATTEMPTS = 20
"""Deliveries of a task; the last one that fails becomes a dead letter, which its handler writes: a queue has nowhere to put it."""


class Queues(Part):
    """Each queue calls one function as one identity, whatever address and identity a task asks for."""

    def __init__(self, place: Place, accounts: Accounts, after: list[pulumi.Resource]) -> None:
        super().__init__("queues", place, after)
        settings = place.settings
        (handler,) = place.called_by(Caller.QUEUE)
        queues = gcp.cloudtasks
        self.dispatch = queues.Queue(
            "dispatch",
            name=place.name("dispatch"),
            project=settings.project,
            location=settings.region,
            rate_limits=queues.QueueRateLimitsArgs(
                max_dispatches_per_second=settings.size.dispatches_per_second,
                max_concurrent_dispatches=settings.size.dispatches_per_second * 2,
            ),
            retry_config=queues.QueueRetryConfigArgs(max_attempts=MAX_ATTEMPTS, min_backoff="0.500s", max_backoff="60s", max_doublings=8),
            http_target=queues.QueueHttpTargetArgs(
                http_method="POST",
                uri_override=queues.QueueHttpTargetUriOverrideArgs(
                    scheme="HTTPS", host=place.host(handler), uri_override_enforce_mode="ALWAYS"
                ),
                oidc_token=queues.QueueHttpTargetOidcTokenArgs(
                    service_account_email=accounts.of_caller(Caller.QUEUE).email, audience=place.url(handler)
                ),
            ),
            stackdriver_logging_config=queues.QueueStackdriverLoggingConfigArgs(sampling_ratio=1.0),
            opts=self.inside,
        )
        self.register_outputs({})
