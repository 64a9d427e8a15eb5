"""Whom alerts reach, and what is worth one besides the objectives: errors, messages that wait, a budget that is used up."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.pulumi.components.metrics import ERRORS, Metrics
from infra.pulumi.place import Part, Place

_WAITING_S = 600
_ERRORS_IN_TEN_MINUTES = 20


class Alerts(Part):
    """The channels (``channels``), the alerts, and the budget of the project's bill."""

    def __init__(self, place: Place, metrics: Metrics, after: list[pulumi.Resource]) -> None:
        super().__init__("alerts", place, after)
        settings = place.settings
        self.channels: list[pulumi.Output[str]] = [
            gcp.monitoring.NotificationChannel(
                f"channel-{n}",
                project=settings.project,
                display_name=f"{settings.prefix}: {address}",
                type="email",
                labels={"email_address": address},
                opts=self.inside,
            ).name
            for n, address in enumerate(settings.alert_emails)
        ]
        if not self.channels:
            pulumi.log.warn("kimera:alertEmails is not set: alerts are shown in the console and reach nobody")
        logged = pulumi.Output.concat('metric.type="', metrics.of(ERRORS), '" AND resource.type="cloud_run_revision"')
        self._alert("errors", "many errors are logged", logged, _ERRORS_IN_TEN_MINUTES, "ALIGN_DELTA")
        waiting = 'metric.type="pubsub.googleapis.com/subscription/oldest_unacked_message_age" AND resource.type="pubsub_subscription"'
        self._alert("waiting", "a message has waited for 10 minutes: of the inbox, or a dead letter", waiting, _WAITING_S, "ALIGN_MAX")
        kept = 'metric.type="pubsub.googleapis.com/subscription/num_undelivered_messages" AND resource.type="pubsub_subscription"'
        unkept = f'{kept} AND resource.labels.subscription_id="{place.name("unkept-dead-letters")}"'
        self._alert("unkept", "a dead letter could not even be kept", unkept, 0, "ALIGN_MAX")
        self._budget()
        self.register_outputs({})

    def _alert(self, name: str, what: str, wanted: pulumi.Input[str], above: float, aligner: str) -> None:
        every_ten_minutes = gcp.monitoring.AlertPolicyConditionConditionThresholdAggregationArgs(
            alignment_period="600s", per_series_aligner=aligner
        )
        gcp.monitoring.AlertPolicy(
            f"alert-{name}",
            project=self.place.settings.project,
            display_name=f"{self.place.settings.prefix}: {what}",
            severity="WARNING",
            combiner="OR",
            conditions=[
                gcp.monitoring.AlertPolicyConditionArgs(
                    display_name=what,
                    condition_threshold=gcp.monitoring.AlertPolicyConditionConditionThresholdArgs(
                        filter=wanted,
                        comparison="COMPARISON_GT",
                        threshold_value=above,
                        duration="0s",
                        aggregations=[every_ten_minutes],
                    ),
                )
            ],
            notification_channels=self.channels,
            documentation=gcp.monitoring.AlertPolicyDocumentationArgs(
                mime_type="text/markdown", content=f"docs/deploying.md, When an alert comes: {name}."
            ),
            opts=self.inside,
        )

    def _budget(self) -> None:
        settings = self.place.settings
        if settings.billing_account is None:
            pulumi.log.warn("kimera:billingAccount is not set: no budget is declared, so no alert comes before the bill does")
            return
        amount = gcp.billing.BudgetAmountSpecifiedAmountArgs(currency_code="USD", units=str(settings.size.monthly_budget_usd))
        # The API takes no call of a person's credentials that does not say whose quota it is (gcp.billing.Budget, "User ADCs").
        on_own_quota = gcp.Provider(
            "on-own-quota",
            project=settings.project,
            billing_project=settings.project,
            user_project_override=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        shares = [(0.5, "CURRENT_SPEND"), (0.9, "CURRENT_SPEND"), (1.0, "CURRENT_SPEND"), (1.0, "FORECASTED_SPEND")]
        gcp.billing.Budget(
            "monthly-budget",
            billing_account=settings.billing_account,
            display_name=f"{settings.prefix} in {settings.project}",
            budget_filter=gcp.billing.BudgetBudgetFilterArgs(projects=[f"projects/{self.place.project_number}"]),
            amount=gcp.billing.BudgetAmountArgs(specified_amount=amount),
            threshold_rules=[gcp.billing.BudgetThresholdRuleArgs(threshold_percent=part, spend_basis=basis) for part, basis in shares],
            all_updates_rule=gcp.billing.BudgetAllUpdatesRuleArgs(monitoring_notification_channels=self.channels)
            if self.channels
            else None,
            opts=pulumi.ResourceOptions.merge(self.inside, pulumi.ResourceOptions(provider=on_own_quota)),
        )
