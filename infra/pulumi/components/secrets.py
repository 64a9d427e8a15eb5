"""The secrets, empty: their owner adds the values (docs/deploying.md), so that none ever stands in a configuration or in our state."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from functions.manifest import FunctionRow
from infra.pulumi.configuration import StackSettings
from infra.pulumi.place import Part, Place
from shared.secrets import BRAVE_API_KEY, RESEARCH_KEYS


def secrets_of(row: FunctionRow, settings: StackSettings) -> list[str]:
    """The secrets of a function's row; of the keys of others' services only those that the stack uses: the rest would have no value."""
    used = {settings.models.key} | ({BRAVE_API_KEY} if settings.search_key else set())
    return sorted(name for name in row.secrets if name not in RESEARCH_KEYS or name in used)


class Secrets(Part):
    """Every secret that some function reads."""

    def __init__(self, place: Place, after: list[pulumi.Resource]) -> None:
        super().__init__("secrets", place, after)
        wanted = sorted({name for row in place.manifest for name in secrets_of(row, place.settings)})
        self._secrets = {name: self._secret(name) for name in wanted}
        self.register_outputs({})

    def named(self, name: str) -> gcp.secretmanager.Secret:
        """The secret called ``name`` in the manifest."""
        return self._secrets[name]

    def _secret(self, name: str) -> gcp.secretmanager.Secret:
        region = self.place.settings.region
        replica = gcp.secretmanager.SecretReplicationUserManagedReplicaArgs(location=region)
        return gcp.secretmanager.Secret(
            f"secret-{name}",
            project=self.place.settings.project,
            secret_id=self.place.name(name),
            replication=gcp.secretmanager.SecretReplicationArgs(
                user_managed=gcp.secretmanager.SecretReplicationUserManagedArgs(replicas=[replica])
            ),
            deletion_protection=self.place.settings.protect,
            opts=self.kept,
        )
