"""What every ``KnowledgeGraph`` promises. Each adapter in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from infra.local.emulated.neo4j import Neo4jServer
from shared.adapters.sqlite_knowledge import SqliteKnowledge
from shared.errors import Corrupt
from shared.knowledge.port import Edge, KnowledgeGraph, Node, QueryTerm, Scope
from shared.knowledge.terms import index_terms, query_terms
from tests.support.components import NEO4J
from tests.support.graphs import neo4j_graph

SPACE = Scope("ada", "climate")
MISSION = Scope("ada", "climate", "m_1")
OTHERS = Scope("bob", "climate")


@pytest.fixture(params=["sqlite", pytest.param("neo4j", marks=NEO4J)])
def open_graph(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], KnowledgeGraph]:
    if request.param == "sqlite":
        return lambda: SqliteKnowledge(tmp_path / "knowledge.sqlite3")
    server: Neo4jServer = request.getfixturevalue("neo4j_server")
    server.clear()
    return lambda: neo4j_graph(server)


@pytest.fixture
def graph(open_graph: Callable[[], KnowledgeGraph]) -> Iterator[KnowledgeGraph]:
    opened = open_graph()
    yield opened
    opened.close()


def document(name: str, *texts: str) -> tuple[list[Node], list[Edge]]:
    chunks = [Node(f"chunk:{name}:{i}", "Chunk", text, name, index_terms(text, "en"), {"start": i}) for i, text in enumerate(texts)]
    edges = [Edge(name, chunk.id, "HAS_CHUNK") for chunk in chunks]
    edges += [Edge(a.id, b.id, "NEXT_CHUNK") for a, b in pairwise(chunks)]
    return [Node(name, "Document", name, properties={"title": name, "pages": 2, "tags": ["a"]}), *chunks], edges


def found(graph: KnowledgeGraph, text: str, *scopes: Scope, k: int = 10) -> list[str]:
    return [hit.node.id for hit in graph.search(query_terms(text), k=k, scopes=scopes)]


def test_a_search_gives_the_best_first(graph: KnowledgeGraph) -> None:
    graph.upsert(
        SPACE, *document("d", "Snow fell on the glacier.", "The glacier lost ice and the glacier tongue broke.", "Trains run hourly.")
    )
    hits = graph.search(query_terms("glacier ice"), k=5, scopes=[SPACE])
    assert [hit.node.id for hit in hits] == ["chunk:d:1", "chunk:d:0"]
    assert hits[0].score > hits[1].score > 0
    assert hits[0].coverage == 1 > hits[1].coverage
    assert hits[0].node.properties["start"] == 1
    assert hits[0].scope == SPACE


def test_no_match_is_an_empty_list(graph: KnowledgeGraph) -> None:
    graph.upsert(SPACE, *document("d", "Snow fell."))
    assert found(graph, "volcano", SPACE) == []
    assert found(graph, "snow", Scope("ada", "unknown")) == []
    assert graph.search((), k=5, scopes=[SPACE]) == []


@pytest.mark.parametrize("text", ['" OR 1', "NEAR(a b)", "snow*", "terms:snow", "a AND", "-", "(", "'; DROP TABLE nodes", "\0snow", "NOT"])
def test_nothing_in_a_question_is_read_as_an_operator(graph: KnowledgeGraph, text: str) -> None:
    graph.upsert(
        SPACE,
        *document("d", "Snow fell."),
    )
    assert set(found(graph, text, SPACE)) <= {"chunk:d:0"}
    assert graph.search([QueryTerm((text,))], k=3, scopes=[SPACE]) is not None


def test_a_prefix_finds_longer_words(graph: KnowledgeGraph) -> None:
    graph.upsert(SPACE, *document("d", "Participants came.", "Nobody came."))
    assert [h.node.id for h in graph.search([QueryTerm(("parti",), prefix=True)], k=3, scopes=[SPACE])] == ["chunk:d:0"]
    assert graph.search([QueryTerm(("parti",))], k=3, scopes=[SPACE]) == []


def test_upsert_merges(graph: KnowledgeGraph) -> None:
    nodes, edges = document("d", "Snow fell.", "Ice broke.")
    graph.upsert(SPACE, nodes, edges)
    before = (list(graph.nodes(SPACE, "Chunk")), list(graph.edges(SPACE)), graph.search(query_terms("snow"), k=3, scopes=[SPACE]))
    graph.upsert(SPACE, nodes, edges)
    assert (list(graph.nodes(SPACE, "Chunk")), list(graph.edges(SPACE)), graph.search(query_terms("snow"), k=3, scopes=[SPACE])) == before


def test_upsert_gives_new_content_to_what_is_there(graph: KnowledgeGraph) -> None:
    graph.upsert(SPACE, *document("d", "Snow fell."))
    graph.upsert(SPACE, *document("d", "Ice broke."))
    assert found(graph, "snow", SPACE) == []
    assert found(graph, "ice", SPACE) == ["chunk:d:0"]


def test_scopes_never_mix(graph: KnowledgeGraph) -> None:
    graph.upsert(MISSION, *document("d", "Snow fell."))
    for stranger in (SPACE, OTHERS, Scope("ada", "climate", "m_2"), Scope("ada", "finance", "m_1")):
        assert found(graph, "snow", stranger) == []
        assert graph.node(stranger, "d") is None
        assert graph.neighbourhood(["d"], hops=2, scopes=[stranger]).nodes == ()
    assert found(graph, "snow", MISSION) == ["chunk:d:0"]


def test_scores_do_not_depend_on_what_else_is_stored(graph: KnowledgeGraph) -> None:
    graph.upsert(MISSION, *document("d", "Snow fell on ice.", "Ice broke."))
    alone = graph.search(query_terms("snow ice"), k=5, scopes=[MISSION])
    graph.upsert(OTHERS, *document("x", *[f"Snow, snow and ice number {i}." for i in range(20)]))
    graph.upsert(SPACE, *document("y", "Snow everywhere."))
    assert graph.search(query_terms("snow ice"), k=5, scopes=[MISSION]) == alone


def test_what_lies_in_two_scopes_is_found_once_in_the_first(graph: KnowledgeGraph) -> None:
    graph.upsert(MISSION, *document("d", "Snow fell."))
    alone = graph.search(query_terms("snow"), k=5, scopes=[MISSION])
    graph.upsert(SPACE, *document("d", "Snow fell."))
    both = graph.search(query_terms("snow"), k=5, scopes=[MISSION, SPACE])
    assert both == alone
    assert [hit.scope for hit in graph.search(query_terms("snow"), k=5, scopes=[SPACE, MISSION])] == [SPACE]


def test_the_neighbourhood_grows_with_the_hops(graph: KnowledgeGraph) -> None:
    graph.upsert(SPACE, *document("d", "one two", "three four", "five six", "seven eight"))
    near = graph.neighbourhood(["chunk:d:0"], hops=1, scopes=[SPACE])
    assert set(near.nodes) == {"chunk:d:0", "chunk:d:1", "d"}
    assert {(edge.source, edge.target) for edge in near.edges} == {("chunk:d:0", "chunk:d:1"), ("d", "chunk:d:0"), ("d", "chunk:d:1")}
    assert len(graph.neighbourhood(["chunk:d:0"], hops=2, scopes=[SPACE]).nodes) == 5
    assert len(graph.neighbourhood(["chunk:d:0"], hops=2, scopes=[SPACE], limit=3).nodes) == 3
    assert graph.neighbourhood(["nothing"], hops=2, scopes=[SPACE]).nodes == ()


def test_promotion_copies_a_document_with_its_links(graph: KnowledgeGraph) -> None:
    nodes, edges = document("d", "Snow fell.", "Ice broke.")
    nodes.append(Node("term:glacier", "Term", "glacier"))
    edges.append(Edge("chunk:d:0", "term:glacier", "MENTIONS", 0.5))
    graph.upsert(MISSION, nodes, edges)
    graph.upsert(MISSION, *document("unverified", "Snow is green."))
    assert graph.promote(MISSION, ["d"]) == 4
    assert found(graph, "snow", SPACE) == ["chunk:d:0"]
    assert list(graph.edges(SPACE)) == sorted(edges, key=lambda e: (e.source, e.target, e.kind))
    assert graph.promote(MISSION, ["d"]) == 4
    assert graph.spaces("ada")[0].chunks == 2
    assert found(graph, "snow", MISSION) != []


def test_deleting_a_mission_leaves_the_space_alone(graph: KnowledgeGraph) -> None:
    graph.upsert(MISSION, *document("d", "Snow fell."))
    graph.upsert(SPACE, *document("e", "Snow melts."))
    assert graph.delete(MISSION) == 2
    assert graph.delete(MISSION) == 0
    assert found(graph, "snow", MISSION, SPACE) == ["chunk:e:0"]
    assert list(graph.edges(MISSION)) == []


def test_a_removed_document_is_found_no_more(graph: KnowledgeGraph) -> None:
    graph.upsert(SPACE, *document("d", "Snow fell.", "Snow melts."))
    graph.upsert(SPACE, *document("e", "Snow stays."))
    assert graph.remove(SPACE, ["d", "unknown"]) == 3
    assert found(graph, "snow", SPACE) == ["chunk:e:0"]
    assert {edge.source for edge in graph.edges(SPACE)} == {"e"}


def test_spaces_lists_global_knowledge_only(graph: KnowledgeGraph) -> None:
    graph.upsert(MISSION, *document("d", "Snow fell."))
    assert graph.spaces("ada") == []
    graph.upsert(SPACE, *document("d", "Snow fell.", "Ice."))
    graph.upsert(Scope("ada", "art"), *document("p", "Paint."))
    assert [(s.space, s.documents, s.chunks) for s in graph.spaces("ada")] == [("art", 1, 1), ("climate", 1, 2)]
    assert graph.spaces("bob") == []


def test_it_is_there_after_closing(open_graph: Callable[[], KnowledgeGraph]) -> None:
    first = open_graph()
    first.upsert(SPACE, *document("d", "Snow fell."))
    first.close()
    second = open_graph()
    node = second.node(SPACE, "d")
    assert node is not None
    assert node.properties == {"title": "d", "pages": 2, "tags": ["a"]}
    assert found(second, "snow", SPACE) == ["chunk:d:0"]
    second.close()


def test_two_at_the_same_file_see_each_other(open_graph: Callable[[], KnowledgeGraph]) -> None:
    first, second = open_graph(), open_graph()
    first.upsert(SPACE, *document("d", "Snow fell."))
    second.upsert(SPACE, *document("e", "Snow melts."))
    assert sorted(found(first, "snow", SPACE)) == ["chunk:d:0", "chunk:e:0"]
    first.close()
    second.close()


def test_a_damaged_sqlite_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "knowledge.sqlite3").write_bytes(b"this is no database at all, not even nearly" * 100)
    with pytest.raises(Corrupt, match=r"knowledge\.sqlite3"):
        SqliteKnowledge(tmp_path / "knowledge.sqlite3")
