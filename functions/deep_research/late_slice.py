"""A slice of research that ends behind the deletion of its mission leaves nothing in the graph, where nobody would look for it."""

from __future__ import annotations

import logging

from functions.deep_research.track import DeepResearchTrack
from schemas.steps import StepRequest, StepResult
from shared.documents import DocumentStore
from shared.errors import KimeraError
from shared.knowledge.port import KnowledgeGraph
from shared.missions.records import mission_ref
from shared.missions.slices import SliceEngine

_log = logging.getLogger(__name__)


def run(
    slices: SliceEngine, track: DeepResearchTrack, request: StepRequest, *, documents: DocumentStore, graph: KnowledgeGraph
) -> StepResult:
    """See ``SliceEngine.run``, which does the same with what a slice has put into the artifact store."""
    try:
        return slices.run(track, request)
    except KimeraError:
        _forget_deleted(track, request.mission_id, documents, graph)
        raise


def _forget_deleted(track: DeepResearchTrack, mission_id: str, documents: DocumentStore, graph: KnowledgeGraph) -> None:
    if track.scope is None:
        return  # no slice was begun, and the mission alone could tell where its knowledge lay
    try:
        if documents.get(mission_ref(mission_id)) is None:
            graph.delete(track.scope)
    except KimeraError as error:  # the fault that led here says more to whoever asked for the slice
        _log.warning("What a slice of %s has read behind its deletion could not be removed: %s", mission_id, error)
