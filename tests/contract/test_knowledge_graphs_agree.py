"""What is stored in one adapter and in another is found in the same order with the same scores: a report does not tell the profile."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.local.emulated.neo4j import Neo4jServer
from shared.adapters.sqlite_knowledge import SqliteKnowledge
from shared.knowledge.indexing import index_document, link_similar
from shared.knowledge.pagerank import personalised_pagerank
from shared.knowledge.port import Edge, KnowledgeGraph, Node, QueryTerm, Scope
from shared.knowledge.retrieval import passages_for, search_with_graph
from shared.knowledge.terms import index_terms, query_terms
from shared.reading.document import ExtractedDocument, Span
from tests.support.graphs import neo4j_graph

_owners = itertools.count(1)
_ODD = (
    "glacier glaciers Gletscher ice Ice's snow-white Straße café naïve İstanbul ﬁne co2 CO₂ 3.5 3,500 x-ray AT&T C++ e.g. AND OR NOT TO "
    'words:snow "quoted" back\\slash wild* fuzzy~2 boost^4 [range ра́дость радость 数据 データ 데이터 👩\u200d🔬 a_b _ - -- \u00a0 (b) {c}'
)
_WORDS = (*_ODD.split(" "), "g" * 300, "glacier" * 40)
DECISIONS = Path(__file__).parents[2] / "docs" / "decisions"
_TEXTS = st.lists(st.sampled_from(_WORDS), max_size=14).map(" ".join)


@dataclass(frozen=True)
class Corpus:
    """Chunk texts of documents: those a mission read, and those of its space."""

    mission: list[list[str]]
    space: list[list[str]]
    question: str
    prefix: bool


CORPORA = st.builds(
    Corpus,
    mission=st.lists(st.lists(_TEXTS, max_size=4), max_size=3),
    space=st.lists(st.lists(_TEXTS, max_size=4), max_size=3),
    question=st.one_of(_TEXTS, st.text(max_size=30)),
    prefix=st.booleans(),
)


@pytest.fixture(scope="module")
def graphs(neo4j_server: Neo4jServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KnowledgeGraph, KnowledgeGraph]]:
    sqlite, neo4j = SqliteKnowledge(tmp_path_factory.mktemp("agree") / "knowledge.sqlite3"), neo4j_graph(neo4j_server)
    yield sqlite, neo4j
    sqlite.close()
    neo4j.close()


def parts(documents: list[list[str]]) -> tuple[list[Node], list[Edge]]:
    nodes: list[Node] = []
    edges: list[Edge] = []
    for i, texts in enumerate(documents):
        nodes.append(Node(f"d{i}", "Document", f"d{i}"))
        for j, text in enumerate(texts):
            terms = index_terms(text, "de" if i % 2 else "en")
            nodes.append(Node(f"chunk:{i}:{j}", "Chunk", text, f"d{i}", terms, {"start": j, "text": text}))
            edges += [
                Edge(f"d{i}", f"chunk:{i}:{j}", "HAS_CHUNK"),
                *(Edge(f"chunk:{i}:{j}", f"term:{t}", "MENTIONS", 0.5) for t in terms[:3]),
            ]
            nodes += [Node(f"term:{t}", "Term", t) for t in terms[:3]]
    return nodes, edges


@given(corpus=CORPORA)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_both_give_the_same_of_everything(graphs: tuple[KnowledgeGraph, KnowledgeGraph], corpus: Corpus) -> None:
    mission = Scope(f"o{next(_owners)}", "s", "m_1")
    space = mission.global_scope
    asked = query_terms(corpus.question, prefix=corpus.prefix)
    raw = [QueryTerm((word,), prefix=corpus.prefix) for word in corpus.question.split()]
    answers: list[list[object]] = []
    for graph in graphs:
        graph.upsert(mission, *parts(corpus.mission))
        graph.upsert(space, *parts(corpus.space))
        seen: list[object] = []
        for scopes in ([mission], [space], [mission, space], [space, mission]):
            hits = graph.search(asked, k=5, scopes=scopes)
            seen += [hits, graph.search(raw, k=50, scopes=scopes)]
            seen.append(graph.neighbourhood([hit.node.id for hit in hits], hops=2, scopes=scopes, limit=9))
        seen += [graph.promote(mission, ["d0", "unknown"]), graph.spaces(space.owner)]
        for scope in (mission, space):
            seen += [list(graph.nodes(scope, "Chunk")), list(graph.nodes(scope, "Term")), list(graph.edges(scope))]
        seen += [graph.remove(space, ["d0"]), graph.search(asked, k=5, scopes=[space]), list(graph.edges(space))]
        seen += [graph.delete(mission), graph.delete(space), graph.spaces(space.owner)]
        answers.append(seen)
    assert answers[0] == answers[1]


def test_both_give_the_same_passages_of_real_documents(graphs: tuple[KnowledgeGraph, KnowledgeGraph]) -> None:
    scope = Scope(f"o{next(_owners)}", "s")
    texts = [path.read_text(encoding="utf-8") for path in sorted(DECISIONS.glob("*.md"))]
    questions = (
        "How are locks made without addresses?",
        "retrieval passages text search",
        "What does a mission cost?",
        "Wie teuer ist es?",
    )
    answers: list[list[object]] = []
    for graph in graphs:
        for i, text in enumerate(texts):
            indexed = index_document(_extracted(text), name=f"{i}.md", uri=f"file:{i}", text_uri=f"text:{i}")
            graph.upsert(scope, indexed.nodes, indexed.edges)
        seen: list[object] = [link_similar(graph, scope)]
        for question in questions:
            query = query_terms(question)
            seen += [passages_for(graph, question, k=8, scopes=[scope]), search_with_graph(graph, query, k=8, scopes=[scope])]
            around = graph.neighbourhood(
                [hit.node.id for hit in graph.search(query, k=3, scopes=[scope])], hops=2, scopes=[scope], limit=60
            )
            seen.append(personalised_pagerank(around.nodes, around.edges, {around.nodes[0]: 1.0}) if around.nodes else {})
        answers.append(seen)
    assert answers[0][1], "the documents answer nothing: the comparison says nothing"
    assert answers[0] == answers[1]


def _extracted(text: str) -> ExtractedDocument:
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return ExtractedDocument(
        sha256=sha256, media_type="text/markdown", text=text, text_sha256=sha256, spans=(Span(start=0, end=len(text), page=1),)
    )
