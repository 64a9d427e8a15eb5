"""The Google Cloud services that the platform uses, enabled in the project."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.pulumi.place import Part, Place

SERVICES = (
    "aiplatform",
    "artifactregistry",
    "bigquery",
    "billingbudgets",
    "cloudbuild",
    "cloudfunctions",
    "cloudresourcemanager",
    "cloudscheduler",
    "cloudtasks",
    "cloudtrace",
    "compute",
    "dns",
    "eventarc",
    "firestore",
    "iam",
    "iamcredentials",
    "logging",
    "monitoring",
    "pubsub",
    "run",
    "secretmanager",
    "storage",
    "sts",
    "workflowexecutions",
    "workflows",
)


class ProjectServices(Part):
    """The enabled services. They stay enabled when the stack goes: others in the project may use them."""

    def __init__(self, place: Place) -> None:
        super().__init__("services", place)
        self._enabled = {
            name: gcp.projects.Service(
                f"service-{name}",
                project=place.settings.project,
                service=f"{name}.googleapis.com",
                disable_on_destroy=False,
                opts=self.inside,
            )
            for name in SERVICES
        }
        self.register_outputs({})

    def of(self, *names: str) -> list[pulumi.Resource]:
        """These services, for what has to wait until they are enabled."""
        return [self._enabled[name] for name in names]
