"""What the public function gives a deletion, for tests that delete without it."""

from __future__ import annotations

from functions.missions.deletion import Kept
from shared.knowledge.port import KnowledgeGraph
from shared.runtime import Runtime
from shared.times import SLICE_LEASE_S
from tests.support.house import House


def kept(of: House | Runtime, knowledge: KnowledgeGraph) -> Kept:
    """Where the missions of a house or a runtime are kept."""
    return Kept(of.documents, of.missions, of.artifacts, knowledge, of.audit, of.queue, of.clock, SLICE_LEASE_S)
