"""The secrets, empty: their owner adds the values (docs/deploying.md), so that none ever stands in a configuration or in our state."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from functions.manifest import FunctionRow
from infra.pulumi.configuration import Models
from infra.pulumi.place import Part, Place
from shared.secrets import MODEL_KEYS


def secrets_of(row: FunctionRow, models: Models) -> list[str]:
    """The secrets of a function's row; of models' keys only the one that the stack uses."""
    return sorted(name for name in row.secrets if name not in MODEL_KEYS or name == models.key)


class Secrets(Part):
    """Every secret that some function reads."""

    def __init__(self, place: Place, after: list[pulumi.Resource]) -> None:
        super().__init__("secrets", place, after)
        wanted = sorted({name for row in place.manifest for name in secrets_of(row, place.settings.models)})
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
