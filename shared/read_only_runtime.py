"""What may be used of a data folder that may only be read: a copy on a read-only medium, the folder of another user."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from shared.runtime import Runtime
from shared.telemetry.sink import NOWHERE, TelemetrySink
from shared.telemetry.tracing import Tracing

if TYPE_CHECKING:
    from shared.adapters.sqlite_documents import SqliteDocuments
    from shared.artifacts import ArtifactStore
    from shared.knowledge.port import KnowledgeGraph


class ReadOnlyRuntime(Runtime):
    """A ``Runtime`` of the embedded profile whose stores are read as they are. What would write raises ``Unavailable``."""

    @cached_property
    def _sqlite(self) -> SqliteDocuments:
        from shared.adapters.sqlite_documents import SqliteDocuments
        from shared.adapters.sqlite_read_only import ReadOnlySqliteFile

        return SqliteDocuments(self.home / "kimera.sqlite3", opens=ReadOnlySqliteFile)

    @cached_property
    def anchors(self) -> ArtifactStore:
        """As they lie in the folder."""
        from shared.adapters.folder_artifacts import ReadOnlyFolder

        return ReadOnlyFolder(self.home / "artifacts")

    @cached_property
    def knowledge(self) -> KnowledgeGraph:
        """As it lies in the folder."""
        from shared.adapters.read_only_knowledge import ReadOnlyKnowledge

        return ReadOnlyKnowledge(self.home / "knowledge.sqlite3")

    @cached_property
    def tracing(self) -> Tracing:
        """Nowhere."""
        return Tracing()

    @cached_property
    def telemetry(self) -> TelemetrySink:
        """Nowhere."""
        return NOWHERE
