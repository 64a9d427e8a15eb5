"""What is counted from logs: missions that ended well or badly, and errors.

A mission's end is a call of ``lifecycle`` that succeeded: ``/complete``, or ``/compensate`` where something went wrong with it. The request
log has both, whatever the code logs.
"""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.pulumi.place import Part, Place

ENDED_WELL, ENDED_BADLY, ERRORS = "missions-completed", "missions-compensated", "errors"


class Metrics(Part):
    """The log-based metrics. ``of`` gives a metric's full type, and waits until it exists."""

    def __init__(self, place: Place, after: list[pulumi.Resource]) -> None:
        super().__init__("metrics", place, after)
        lifecycle = _requests(place.service(place.row("lifecycle")))
        ours = f'resource.type="cloud_run_revision" AND resource.labels.service_name:"{place.settings.prefix}-"'
        filters = {
            ENDED_WELL: f'{lifecycle} AND httpRequest.requestUrl=~"/complete$" AND httpRequest.status=200',
            ENDED_BADLY: f'{lifecycle} AND httpRequest.requestUrl=~"/compensate$" AND httpRequest.status=200',
            ERRORS: f"{ours} AND severity>=ERROR",
        }
        self._metrics = {name: self._metric(name, wanted) for name, wanted in filters.items()}
        self.register_outputs({})

    def of(self, name: str) -> pulumi.Output[str]:
        """The metric's type, as filters of Cloud Monitoring name it."""
        return pulumi.Output.concat("logging.googleapis.com/user/", self._metrics[name].name)

    def _metric(self, name: str, wanted: str) -> gcp.logging.Metric:
        return gcp.logging.Metric(
            f"metric-{name}",
            name=self.place.name(name),
            project=self.place.settings.project,
            filter=wanted,
            metric_descriptor=gcp.logging.MetricMetricDescriptorArgs(metric_kind="DELTA", value_type="INT64", unit="1"),
            opts=self.inside,
        )


def _requests(service: str) -> str:
    return f'resource.type="cloud_run_revision" AND resource.labels.service_name="{service}" AND logName:"run.googleapis.com%2Frequests"'
