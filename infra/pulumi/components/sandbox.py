"""The sandbox: a service of its own image and network, whose account may do nothing at all."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from functions.manifest import FunctionRow
from infra.pulumi.components.accounts import Accounts, member
from infra.pulumi.components.network import Network
from infra.pulumi.place import Part, Place


class Sandbox(Part):
    """The service of each row that is a container, where the stack names its image."""

    def __init__(self, place: Place, accounts: Accounts, network: Network, after: list[pulumi.Resource]) -> None:
        super().__init__("sandbox", place, after)
        for row in place.containers:
            if place.settings.sandbox_image is None:
                pulumi.log.warn("kimera:sandboxImage is not set: no generated code runs in this stack (docs/deploying.md, The sandbox)")
                continue
            service = self._service(row, place.settings.sandbox_image, accounts, network)
            for name, account in accounts.callers_of(row, place.manifest).items():
                gcp.cloudrunv2.ServiceIamMember(
                    f"{row.service}-called-{name}",
                    project=place.settings.project,
                    location=place.settings.region,
                    name=service.name,
                    role="roles/run.invoker",
                    member=member(account),
                    opts=self.inside,
                )
        self.register_outputs({})

    def _service(self, row: FunctionRow, image: str, accounts: Accounts, network: Network) -> gcp.cloudrunv2.Service:
        args = gcp.cloudrunv2
        interface = args.ServiceTemplateVpcAccessNetworkInterfaceArgs(network=network.sandbox.name, subnetwork=network.of_sandbox.name)
        # Its first answer shows that code cannot get out (decision 0007); an instance where it can takes no traffic.
        shown = args.ServiceTemplateContainerStartupProbeArgs(
            http_get=args.ServiceTemplateContainerStartupProbeHttpGetArgs(path="/health"),
            timeout_seconds=20,
            period_seconds=20,
            failure_threshold=3,
        )
        container = args.ServiceTemplateContainerArgs(
            image=image,
            resources=args.ServiceTemplateContainerResourcesArgs(
                limits={"cpu": "1", "memory": f"{row.memory_mb}Mi"}, startup_cpu_boost=True
            ),
            startup_probe=shown,
        )
        return args.Service(
            f"service-{row.service}",
            name=self.place.service(row),
            project=self.place.settings.project,
            location=self.place.settings.region,
            description=row.job[:250],
            ingress="INGRESS_TRAFFIC_INTERNAL_ONLY",
            deletion_protection=False,
            template=args.ServiceTemplateArgs(
                containers=[container],
                service_account=accounts.of(row).email,
                timeout=f"{row.timeout_s}s",
                max_instance_request_concurrency=row.concurrency,
                execution_environment="EXECUTION_ENVIRONMENT_GEN2",  # a whole Linux kernel: the inner sandbox makes namespaces
                scaling=args.ServiceTemplateScalingArgs(min_instance_count=0, max_instance_count=self.place.settings.size.max_running),
                vpc_access=args.ServiceTemplateVpcAccessArgs(egress="ALL_TRAFFIC", network_interfaces=[interface]),
            ),
            opts=self.inside,
        )
