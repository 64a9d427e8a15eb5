"""The secrets, empty: their owner adds the values (docs/deploying.md), so that none ever stands in a configuration or in our state."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from functions.manifest import FunctionRow, Role
from infra.pulumi.configuration import Models
from infra.pulumi.place import Part, Place

NEO4J_READER = "neo4j-reader"
NEO4J_WRITER = "neo4j-writer"
MODEL_KEY = "model-key"
_OF_ROLE = {Role.KNOWLEDGE_READ: NEO4J_READER, Role.KNOWLEDGE_WRITE: NEO4J_WRITER}


def secrets_of(row: FunctionRow, models: Models) -> list[str]:
    """The secrets that a function may read: its row's, and those that its roles mean."""
    of_roles = {secret for role, secret in _OF_ROLE.items() if role in row.roles}
    of_models = {MODEL_KEY} if models is Models.API_KEY and Role.MODELS in row.roles else set()
    return sorted(row.secrets | of_roles | of_models)


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
