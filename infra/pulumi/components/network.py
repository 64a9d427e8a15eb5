"""Two networks: functions reach internal services through one; from the other, the sandbox's, only Cloud Storage can be reached."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.pulumi.place import Part, Place

_GOOGLE = [f"199.36.153.{n}" for n in range(8, 12)]
"""private.googleapis.com: Google's services from inside a network (cloud.google.com/vpc/docs/configure-private-google-access)."""
_GOOGLE_RANGE = "199.36.153.8/30"


class Network(Part):
    """The networks and the names that resolve in them."""

    def __init__(self, place: Place, after: list[pulumi.Resource]) -> None:
        super().__init__("network", place, after)
        self.functions = self._network("functions")
        self.of_functions = self._subnet("functions", self.functions, "10.80.0.0/24")
        # run.app resolves to an address that counts as private: so a function's call of a service goes through the network, which makes it
        # internal, while its calls of the world go straight out, and no NAT is paid for.
        self._names("functions", self.functions, "run.app.", ["*.run.app."])

        self.sandbox = self._network("sandbox")
        self.of_sandbox = self._subnet("sandbox", self.sandbox, "10.81.0.0/24")
        self._only_google()
        # Of all Google names the one that signed links point to: what code could reach with them is what its mission was given.
        self._names("sandbox", self.sandbox, "googleapis.com.", ["storage.googleapis.com."])
        self.register_outputs({})

    def _network(self, what: str) -> gcp.compute.Network:
        return gcp.compute.Network(
            f"network-{what}",
            name=self.place.name(what),
            project=self.place.settings.project,
            auto_create_subnetworks=False,
            delete_default_routes_on_create=True,
            opts=self.inside,
        )

    def _subnet(self, what: str, network: gcp.compute.Network, addresses: str) -> gcp.compute.Subnetwork:
        gcp.compute.Route(
            f"route-{what}-google",
            name=self.place.name(f"{what}-google"),
            project=self.place.settings.project,
            network=network.id,
            dest_range=_GOOGLE_RANGE,
            next_hop_gateway="default-internet-gateway",
            opts=self.inside,
        )
        return gcp.compute.Subnetwork(
            f"subnet-{what}",
            name=self.place.name(what),
            project=self.place.settings.project,
            region=self.place.settings.region,
            network=network.id,
            ip_cidr_range=addresses,
            private_ip_google_access=True,
            opts=self.inside,
        )

    def _names(self, what: str, network: gcp.compute.Network, domain: str, names: list[str]) -> None:
        visible = gcp.dns.ManagedZonePrivateVisibilityConfigNetworkArgs(network_url=network.id)
        zone = gcp.dns.ManagedZone(
            f"zone-{what}",
            name=self.place.name(what),
            project=self.place.settings.project,
            dns_name=domain,
            visibility="private",
            private_visibility_config=gcp.dns.ManagedZonePrivateVisibilityConfigArgs(networks=[visible]),
            opts=self.inside,
        )
        for name in names:
            gcp.dns.RecordSet(
                f"record-{what}-{name.split('.')[0].replace('*', 'any')}",
                project=self.place.settings.project,
                managed_zone=zone.name,
                name=name,
                type="A",
                ttl=300,
                rrdatas=_GOOGLE,
                opts=self.inside,
            )

    def _only_google(self) -> None:
        """Let the sandbox's network reach Google's addresses by HTTPS, and nothing else."""
        gcp.compute.Firewall(
            "firewall-sandbox-google",
            name=self.place.name("sandbox-google"),
            project=self.place.settings.project,
            network=self.sandbox.id,
            direction="EGRESS",
            priority=1000,
            allows=[gcp.compute.FirewallAllowArgs(protocol="tcp", ports=["443"])],
            destination_ranges=[_GOOGLE_RANGE],
            opts=self.inside,
        )
        gcp.compute.Firewall(
            "firewall-sandbox-nothing-else",
            name=self.place.name("sandbox-nothing-else"),
            project=self.place.settings.project,
            network=self.sandbox.id,
            direction="EGRESS",
            priority=65000,
            denies=[gcp.compute.FirewallDenyArgs(protocol="all")],
            destination_ranges=["0.0.0.0/0"],
            opts=self.inside,
        )
