"""The queue of tasks: how fast missions are started, and how often a delivery is tried."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.pulumi.place import Part, Place
from shared.queue import MAX_DELIVERIES


class Queues(Part):
    """The queue. A task names the function it goes to, and the identity it is delivered with; only whoever may act as that can add one."""

    def __init__(self, place: Place, after: list[pulumi.Resource]) -> None:
        super().__init__("queues", place, after)
        settings = place.settings
        queues = gcp.cloudtasks
        self.dispatch = queues.Queue(
            "dispatch",
            name=place.name("missions"),
            project=settings.project,
            location=settings.region,
            rate_limits=queues.QueueRateLimitsArgs(
                max_dispatches_per_second=settings.size.dispatches_per_second,
                max_concurrent_dispatches=settings.size.dispatches_per_second * 2,
            ),
            # On the last delivery the handler writes a dead letter: a queue has nowhere to put it.
            retry_config=queues.QueueRetryConfigArgs(max_attempts=MAX_DELIVERIES, min_backoff="0.500s", max_backoff="60s", max_doublings=8),
            stackdriver_logging_config=queues.QueueStackdriverLoggingConfigArgs(sampling_ratio=1.0),
            opts=self.inside,
        )
        self.register_outputs({})
