"""The functions: Cloud Run functions of the second generation, each from its own archive, as its own identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from functions.manifest import PYTHON, FunctionRow, Role, Trigger
from infra.packaging.archive import Archive
from infra.pulumi.components.access import Access
from infra.pulumi.components.accounts import Accounts, member
from infra.pulumi.components.environment import environment_of
from infra.pulumi.components.network import Network
from infra.pulumi.components.storage import Storage
from infra.pulumi.place import Part, Place

RUNTIME = f"python{PYTHON.replace('.', '')}"


@dataclass(frozen=True, slots=True)
class Needs:
    """The parts that functions are made of."""

    accounts: Accounts
    storage: Storage
    network: Network
    access: Access
    """What a function may do is settled before it starts."""


class Functions(Part):
    """Every function that the manifest names, and who may call it."""

    def __init__(self, place: Place, archives: Mapping[str, Archive], needs: Needs, after: list[pulumi.Resource]) -> None:
        super().__init__("functions", place, after)
        self._needs = needs
        self._images = gcp.artifactregistry.Repository(
            "images",
            project=place.settings.project,
            location=place.settings.region,
            repository_id=place.name("functions"),
            format="DOCKER",
            description="What functions are built into",
            opts=self.inside,
        )
        builds = gcp.artifactregistry.RepositoryIamMember(
            "builder-writes-images",
            project=place.settings.project,
            location=place.settings.region,
            repository=self._images.repository_id,
            role="roles/artifactregistry.writer",
            member=member(needs.accounts.builder),
            opts=self.inside,
        )
        self._after = [*after, builds]
        self.deployed = {row.name: self._function(row, archives[row.name]) for row in place.functions}
        for row in place.functions:
            self._may_be_called(row)
        self.register_outputs({})

    def _function(self, row: FunctionRow, archive: Archive) -> gcp.cloudfunctionsv2.Function:
        place = self.place
        source = gcp.storage.BucketObject(
            f"source-{row.service}",
            bucket=self._needs.storage.sources.name,
            name=f"functions/{row.service}-{archive.sha256}.zip",  # named by its content: unchanged sources deploy nothing
            source=pulumi.FileAsset(str(archive.path)),
            opts=self.inside,
        )
        return gcp.cloudfunctionsv2.Function(
            f"function-{row.service}",
            name=place.service(row),
            project=place.settings.project,
            location=place.settings.region,
            description=row.job[:250],
            build_config=gcp.cloudfunctionsv2.FunctionBuildConfigArgs(
                runtime=RUNTIME,
                entry_point=row.entry_point,
                docker_repository=self._images.id,
                service_account=self._needs.accounts.builder.id,
                source=gcp.cloudfunctionsv2.FunctionBuildConfigSourceArgs(
                    storage_source=gcp.cloudfunctionsv2.FunctionBuildConfigSourceStorageSourceArgs(bucket=source.bucket, object=source.name)
                ),
            ),
            service_config=self._service(row),
            opts=pulumi.ResourceOptions.merge(self.inside, pulumi.ResourceOptions(depends_on=[self._needs.access])),
        )

    def _service(self, row: FunctionRow) -> gcp.cloudfunctionsv2.FunctionServiceConfigArgs:
        place, network = self.place, self._needs.network
        calls_services = Role.SANDBOX in row.roles
        interface = gcp.cloudfunctionsv2.FunctionServiceConfigDirectVpcNetworkInterfaceArgs(
            network=network.functions.name, subnetwork=network.of_functions.name
        )
        waits_for_us = row.trigger is Trigger.PUBLIC or row.name == "lifecycle"
        return gcp.cloudfunctionsv2.FunctionServiceConfigArgs(
            available_memory=f"{row.memory_mb}Mi",
            available_cpu="1",  # less would not allow more than one request at a time
            timeout_seconds=row.timeout_s,
            max_instance_request_concurrency=row.concurrency,
            min_instance_count=place.settings.size.min_instances if waits_for_us else 0,
            max_instance_count=place.settings.size.max_instances,
            # IAM decides on both; the network keeps the world away from what only the platform calls.
            ingress_settings="ALLOW_ALL" if row.trigger is Trigger.PUBLIC else "ALLOW_INTERNAL_ONLY",
            all_traffic_on_latest_revision=True,
            service_account_email=self._needs.accounts.of(row).email,
            environment_variables=environment_of(place, row),
            direct_vpc_network_interfaces=[interface] if calls_services else None,
            direct_vpc_egress="VPC_EGRESS_PRIVATE_RANGES_ONLY" if calls_services else None,
        )

    def _may_be_called(self, row: FunctionRow) -> None:
        """Let the function's callers in; on the public API, the users that the stack names."""
        callers = self._needs.accounts.callers_of(row, self.place.manifest)
        members: dict[str, pulumi.Input[str]] = {name: member(account) for name, account in callers.items()}
        if row.trigger is Trigger.PUBLIC:
            if not self.place.settings.users:
                pulumi.log.warn("kimera:users is not set: nobody may call the API")
            members |= {f"by-user-{n}": user for n, user in enumerate(self.place.settings.users)}
        for name, who in members.items():
            gcp.cloudrunv2.ServiceIamMember(
                f"{row.service}-called-{name}",
                project=self.place.settings.project,
                location=self.place.settings.region,
                name=self.deployed[row.name].name,
                role="roles/run.invoker",
                member=who,
                opts=self.inside,
            )
