"""One page to look at: how missions end, how the API answers, how long the control plane takes, what waits, what it runs on."""

from __future__ import annotations

import json

import pulumi
import pulumi_gcp as gcp

from infra.pulumi.components.metrics import ENDED_BADLY, ENDED_WELL, ERRORS, Metrics
from infra.pulumi.place import Part, Place

_WIDTH, _HEIGHT = 24, 16
"""Of a tile; the page is 48 wide."""


class Dashboard(Part):
    """The dashboard, two tiles a row."""

    def __init__(self, place: Place, metrics: Metrics, after: list[pulumi.Resource]) -> None:
        super().__init__("dashboard", place, after)
        run = f'resource.type="cloud_run_revision" resource.labels.service_name=monitoring.regex.full_match("{place.settings.prefix}-.*")'
        queue = f'resource.type="cloud_tasks_queue" resource.labels.queue_id="{place.name("missions")}"'
        charts: list[tuple[str, pulumi.Input[str], str]] = [
            ("Missions completed", _logged(metrics, ENDED_WELL), "ALIGN_DELTA"),
            ("Missions compensated", _logged(metrics, ENDED_BADLY), "ALIGN_DELTA"),
            ("Requests a second", f'metric.type="run.googleapis.com/request_count" {run}', "ALIGN_RATE"),
            ("Latency, 95th percentile (ms)", f'metric.type="run.googleapis.com/request_latencies" {run}', "ALIGN_PERCENTILE_95"),
            ("Instances", f'metric.type="run.googleapis.com/container/instance_count" {run}', "ALIGN_MAX"),
            ("Errors logged", _logged(metrics, ERRORS), "ALIGN_DELTA"),
            ("Tasks waiting", f'metric.type="cloudtasks.googleapis.com/queue/depth" {queue}', "ALIGN_MAX"),
            (
                "Oldest message waiting (s)",
                'metric.type="pubsub.googleapis.com/subscription/oldest_unacked_message_age" resource.type="pubsub_subscription"',
                "ALIGN_MAX",
            ),
        ]
        filters = pulumi.Output.all(*(wanted for _, wanted, _ in charts))
        gcp.monitoring.Dashboard(
            "dashboard",
            project=place.settings.project,
            dashboard_json=filters.apply(
                lambda resolved: _page(
                    place.settings.prefix,
                    [(title, wanted, aligner) for (title, _, aligner), wanted in zip(charts, resolved, strict=True)],
                )
            ),
            opts=self.inside,
        )
        self.register_outputs({})


def _logged(metrics: Metrics, name: str) -> pulumi.Output[str]:
    return pulumi.Output.concat('metric.type="', metrics.of(name), '" resource.type="cloud_run_revision"')


def _page(title: str, charts: list[tuple[str, str, str]]) -> str:
    tiles = [
        {
            "xPos": n % 2 * _WIDTH,
            "yPos": n // 2 * _HEIGHT,
            "width": _WIDTH,
            "height": _HEIGHT,
            "widget": {"title": name, "xyChart": {"dataSets": [_lines(wanted, aligner)]}},
        }
        for n, (name, wanted, aligner) in enumerate(charts)
    ]
    return json.dumps({"displayName": f"{title}: missions", "mosaicLayout": {"columns": 2 * _WIDTH, "tiles": tiles}}, sort_keys=True)


def _lines(wanted: str, aligner: str) -> dict[str, object]:
    aggregation = {"alignmentPeriod": "300s", "perSeriesAligner": aligner}
    return {"plotType": "LINE", "timeSeriesQuery": {"timeSeriesFilter": {"filter": wanted, "aggregation": aggregation}}}
