"""A slice of research that ends behind the deletion of its mission leaves nothing for which nobody would look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from functions.deep_research import late_slice
from functions.deep_research.track import DeepResearchTrack
from functions.missions.deletion import delete_mission
from schemas.mission import MissionInput, MissionRequest, MissionStatus, Track
from schemas.steps import StepRequest
from shared.adapters.sqlite_knowledge import SqliteKnowledge
from shared.errors import KimeraError, NotFound
from shared.knowledge.port import Edge, Node, Scope
from shared.missions.chain import Happening
from shared.missions.records import mission_ref
from shared.missions.repository import Change
from shared.sandbox import CodeSandbox
from shared.web.fetch import WebFetch
from tests.support.house import House
from tests.support.papers import write_docx
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
LATE = Node("late", "Document", "what a late slice read")


class Watched(SqliteKnowledge):
    """Does something right before anything is put into it, or right after all of a scope is removed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.before_upsert: Callable[[], object] = lambda: None
        self.after_delete: Callable[[], object] = lambda: None

    def upsert(self, scope: Scope, nodes: Sequence[Node], edges: Sequence[Edge]) -> None:
        self.before_upsert()
        super().upsert(scope, nodes, edges)

    def delete(self, scope: Scope) -> int:
        removed = super().delete(scope)
        then, self.after_delete = self.after_delete, lambda: None
        then()
        return removed


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with closing(House(tmp_path)) as house:
        yield house


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[Watched]:
    with closing(Watched(tmp_path / "knowledge.sqlite3")) as graph:
        yield graph


@pytest.fixture
def mission_id(house: House, tmp_path: Path) -> str:
    stored = house.artifacts.put_file("inputs/x/report.docx", write_docx(tmp_path / "report.docx"))
    given = MissionInput(uri=stored.uri, kind="document", name="report.docx", sha256=stored.sha256, size=stored.size)
    mission_id, _ = house.claimed(MissionRequest(question="How warm was it?", inputs=(given,)))
    return mission_id


def read(house: House, graph: Watched, sandbox: CodeSandbox, mission_id: str) -> None:
    """The slice that reads the document."""
    request = StepRequest(mission_id=mission_id, epoch=1, track=Track.DEEP_RESEARCH, attempt=1, seq=0)
    late_slice.run(house.slices, DeepResearchTrack(sandbox, graph, WebFetch()), request, documents=house.documents, graph=graph)


def test_what_was_read_behind_the_deletion_is_removed(house: House, graph: Watched, sandbox: CodeSandbox, mission_id: str) -> None:
    graph.before_upsert = lambda: house.documents.delete(mission_ref(mission_id))
    with pytest.raises(NotFound):
        read(house, graph, sandbox, mission_id)
    assert not [*graph.nodes(scope_of(mission_id), "Document")]


def test_what_was_read_stays_where_the_slice_is_only_too_late(house: House, graph: Watched, sandbox: CodeSandbox, mission_id: str) -> None:
    graph.before_upsert = lambda: end(house, mission_id)
    with pytest.raises(KimeraError):
        read(house, graph, sandbox, mission_id)
    assert [*graph.nodes(scope_of(mission_id), "Document")]


def test_what_was_read_in_the_middle_of_the_deletion_is_removed(house: House, graph: Watched, mission_id: str) -> None:
    """The slice that read it found a mission that had ended, not one that is gone."""
    end(house, mission_id)
    scope = scope_of(mission_id)
    graph.after_delete = lambda: graph.upsert(scope, [LATE], [])
    delete_mission(
        mission_id,
        owner="ann",
        documents=house.documents,
        missions=house.missions,
        artifacts=house.artifacts,
        knowledge=graph,
        audit=house.audit,
    )
    assert graph.node(scope, LATE.id) is None


def scope_of(mission_id: str) -> Scope:
    return Scope("ann", "default", mission_id)


def end(house: House, mission_id: str) -> None:
    house.missions.change(
        mission_id,
        "lifecycle",
        lambda mission, _: Change(mission.model_copy(update={"status": MissionStatus.CANCELLED}), [Happening("mission.cancelled", {})]),
    )
