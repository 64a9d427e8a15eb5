"""The three objectives of the platform, and the alerts that come when their error budget burns too fast."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from functions.manifest import Trigger
from infra.pulumi.components.metrics import ENDED_BADLY, ENDED_WELL, Metrics
from infra.pulumi.place import Part, Place

MISSION_SUCCESS, AVAILABILITY, ORCHESTRATION = 0.95, 0.995, 0.95
ORCHESTRATION_MS = 2_000
"""95 % of the control plane's answers take less."""
_DAYS = 28


@dataclass(frozen=True, slots=True)
class Burn:
    """Alert when the error budget burns ``factor`` times too fast over both windows (sre.google/workbook/alerting-on-slos)."""

    name: str
    factor: float
    long_s: int
    short_s: int
    severity: str


BURNS = (Burn("fast", 14.4, 3600, 300, "CRITICAL"), Burn("slow", 6, 6 * 3600, 1800, "WARNING"))


class Objectives(Part):
    """Mission success, availability of the API, and latency of the control plane, over 28 days."""

    def __init__(self, place: Place, metrics: Metrics, channels: list[pulumi.Output[str]], after: list[pulumi.Resource]) -> None:
        super().__init__("objectives", place, after)
        self._channels = channels
        self._service = gcp.monitoring.CustomService(
            "slo-service",
            project=place.settings.project,
            service_id=place.name("missions"),
            display_name=f"{place.settings.prefix}: missions",
            opts=self.inside,
        )
        sli = gcp.monitoring
        self._objective(
            "mission-success",
            MISSION_SUCCESS,
            sli.SloRequestBasedSliArgs(good_total_ratio=_ratio(metrics.of(ENDED_WELL), metrics.of(ENDED_BADLY))),
        )
        self._objective("availability", AVAILABILITY, sli.SloRequestBasedSliArgs(good_total_ratio=self._without_server_errors()))
        self._objective("orchestration", ORCHESTRATION, sli.SloRequestBasedSliArgs(distribution_cut=self._answers_in_time()))
        self.register_outputs({})

    def _objective(self, name: str, goal: float, indicator: object) -> None:
        objective = gcp.monitoring.Slo(
            f"slo-{name}",
            project=self.place.settings.project,
            service=self._service.service_id,
            slo_id=name,
            display_name=f"{name}: {goal:.1%} over {_DAYS} days",
            goal=goal,
            rolling_period_days=_DAYS,
            request_based_sli=indicator,
            opts=self.inside,
        )
        for burn in BURNS:
            gcp.monitoring.AlertPolicy(
                f"alert-{name}-{burn.name}-burn",
                project=self.place.settings.project,
                display_name=f"{self.place.settings.prefix}: {name} burns its error budget {burn.factor:g} times too fast",
                severity=burn.severity,
                combiner="AND",
                conditions=[self._burns(objective, burn.factor, window) for window in (burn.long_s, burn.short_s)],
                notification_channels=self._channels,
                documentation=gcp.monitoring.AlertPolicyDocumentationArgs(
                    mime_type="text/markdown", content=f"docs/deploying.md, When an alert comes: {name}."
                ),
                opts=self.inside,
            )

    def _burns(self, objective: gcp.monitoring.Slo, factor: float, window_s: int) -> gcp.monitoring.AlertPolicyConditionArgs:
        return gcp.monitoring.AlertPolicyConditionArgs(
            display_name=f"over {window_s // 60} minutes",
            condition_threshold=gcp.monitoring.AlertPolicyConditionConditionThresholdArgs(
                filter=pulumi.Output.concat('select_slo_burn_rate("', objective.name, f'", "{window_s}s")'),
                comparison="COMPARISON_GT",
                threshold_value=factor,
                duration="0s",
            ),
        )

    def _without_server_errors(self) -> gcp.monitoring.SloRequestBasedSliGoodTotalRatioArgs:
        public = [row for row in self.place.functions if row.trigger is Trigger.PUBLIC]
        of_api = f'metric.type="run.googleapis.com/request_count" AND {_services([self.place.service(row) for row in public])}'
        return gcp.monitoring.SloRequestBasedSliGoodTotalRatioArgs(
            total_service_filter=of_api, bad_service_filter=f'{of_api} AND metric.labels.response_code_class="5xx"'
        )

    def _answers_in_time(self) -> gcp.monitoring.SloRequestBasedSliDistributionCutArgs:
        control = [self.place.service(self.place.row(name)) for name in ("lifecycle", "budget")]
        return gcp.monitoring.SloRequestBasedSliDistributionCutArgs(
            distribution_filter=f'metric.type="run.googleapis.com/request_latencies" AND {_services(control)}',
            range=gcp.monitoring.SloRequestBasedSliDistributionCutRangeArgs(min=0, max=ORCHESTRATION_MS),
        )


def _ratio(good: pulumi.Output[str], bad: pulumi.Output[str]) -> gcp.monitoring.SloRequestBasedSliGoodTotalRatioArgs:
    def counted(metric: pulumi.Output[str]) -> pulumi.Output[str]:
        return pulumi.Output.concat('metric.type="', metric, '" AND resource.type="cloud_run_revision"')

    return gcp.monitoring.SloRequestBasedSliGoodTotalRatioArgs(good_service_filter=counted(good), bad_service_filter=counted(bad))


def _services(names: list[str]) -> str:
    one_of = ", ".join(f'"{name}"' for name in names)
    return f'resource.type="cloud_run_revision" AND resource.labels.service_name=one_of({one_of})'
