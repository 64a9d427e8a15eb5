"""Deployment from CI without a key: GitHub's own token for one repository's branch ``main`` becomes this project's deploying account."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.pulumi.components.accounts import Accounts, member
from infra.pulumi.components.storage import Storage
from infra.pulumi.place import Part, Place

DEPLOYS = (
    "roles/browser",
    "roles/cloudfunctions.admin",
    "roles/cloudscheduler.admin",
    "roles/cloudtasks.queueAdmin",
    "roles/eventarc.admin",
    "roles/logging.configWriter",
    "roles/monitoring.editor",
    "roles/run.admin",
    "roles/workflows.editor",
)
"""What another version of the platform needs: its functions, its workflow, what calls and what watches them. Neither the stores, nor
secrets, nor grants in the project: those change rarely, and a person applies them (docs/deploying.md)."""
_ISSUER = "https://token.actions.githubusercontent.com"


class Deployment(Part):
    """The pool, the provider with its condition, and the account, where the stack names a repository."""

    def __init__(self, place: Place, accounts: Accounts, storage: Storage, repository: str, after: list[pulumi.Resource]) -> None:
        super().__init__("deployment", place, after)
        project = place.settings.project
        self._account = gcp.serviceaccount.Account(
            "account-deployer",
            project=project,
            account_id=place.name("deployer"),
            display_name=place.name("deployer"),
            description=f"Deploys this stack from {repository}"[:250],
            opts=self.inside,
        )
        pool = gcp.iam.WorkloadIdentityPool(
            "ci-pool", project=project, workload_identity_pool_id=place.name("ci"), display_name=place.name("ci"), opts=self.inside
        )
        self.provider = gcp.iam.WorkloadIdentityPoolProvider(
            "ci-provider",
            project=project,
            workload_identity_pool_id=pool.workload_identity_pool_id,
            workload_identity_pool_provider_id="github",
            attribute_mapping={"google.subject": "assertion.sub", "attribute.repository": "assertion.repository"},
            attribute_condition=f"assertion.repository == '{repository}' && assertion.ref == 'refs/heads/main'",
            oidc=gcp.iam.WorkloadIdentityPoolProviderOidcArgs(issuer_uri=_ISSUER),
            opts=self.inside,
        )
        gcp.serviceaccount.IAMMember(
            "ci-is-deployer",
            service_account_id=self._account.name,
            role="roles/iam.workloadIdentityUser",
            member=pulumi.Output.concat("principalSet://iam.googleapis.com/", pool.name, f"/attribute.repository/{repository}"),
            opts=self.inside,
        )
        for role in DEPLOYS:
            gcp.projects.IAMMember(
                f"deployer-{role.removeprefix('roles/').replace('.', '-').lower()}",
                project=project,
                role=role,
                member=member(self._account),
                opts=self.inside,
            )
        gcp.storage.BucketIAMMember(
            "deployer-writes-sources",
            bucket=storage.sources.name,
            role="roles/storage.objectUser",
            member=member(self._account),
            opts=self.inside,
        )
        for n, account in enumerate(accounts.all()):
            gcp.serviceaccount.IAMMember(
                f"deployer-acts-as-{n}",
                service_account_id=account.name,
                role="roles/iam.serviceAccountUser",
                member=member(self._account),
                opts=self.inside,
            )
        self.register_outputs({})

    @property
    def account(self) -> pulumi.Output[str]:
        """The deploying account's address."""
        email: pulumi.Output[str] = self._account.email
        return email
