"""Measures retrieval on the frozen suite: ``python -m tests.quality.retrieval.measure`` prints the table of decision 0005."""

from __future__ import annotations

import hashlib
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from functions.deep_research.synthesize import ANSWERED_FROM
from shared.adapters.sqlite_knowledge import SqliteKnowledge
from shared.knowledge.indexing import index_document, link_similar
from shared.knowledge.port import Hit, KnowledgeGraph, Scope
from shared.knowledge.retrieval import COVERAGE_FLOOR, search_passages, search_with_graph
from shared.knowledge.terms import query_terms
from shared.reading.blocks import Block
from shared.reading.compose import compose
from shared.reading.document import ExtractedDocument

SUITE = Path(__file__).parent / "suite.toml"
SCOPE = Scope("bench", "retrieval")
Retrieve = Callable[[KnowledgeGraph, str, int], list[Hit]]


@dataclass(frozen=True, slots=True)
class Question:
    """A question with parts of the passages that answer it."""

    text: str
    kind: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """Means over the questions of one kind."""

    recall_at_3: float
    recall_at_8: float
    reciprocal_rank: float


def load() -> tuple[list[tuple[str, str]], list[Question]]:
    """The suite's documents and questions."""
    suite = tomllib.loads(SUITE.read_text(encoding="utf-8"))
    documents = [(entry["name"], entry["text"]) for entry in suite["documents"]]
    return documents, [Question(q["text"], q["kind"], tuple(q["answers"])) for q in suite["questions"]]


def build(folder: Path) -> KnowledgeGraph:
    """A graph with the suite's documents."""
    graph = SqliteKnowledge(folder / "knowledge.sqlite3")
    for name, text in load()[0]:
        lines = [line for line in text.strip().splitlines() if line.strip()]
        blocks = [
            Block(kind="heading", lines=(line[2:],), level=1) if line.startswith("# ") else Block(kind="paragraph", lines=(line,))
            for line in lines
        ]
        composed = compose(blocks)
        digest = hashlib.sha256(composed.text.encode()).hexdigest()
        document = ExtractedDocument(
            sha256=digest, media_type="text/markdown", text=composed.text, text_sha256=digest, spans=composed.spans, title=name
        )
        indexed = index_document(document, name=name, uri=f"suite:{name}", text_uri=f"suite:{name}")
        graph.upsert(SCOPE, indexed.nodes, indexed.edges)
    link_similar(graph, SCOPE)
    return graph


def plain(graph: KnowledgeGraph, question: str, k: int) -> list[Hit]:
    """Text search alone."""
    return search_passages(graph, query_terms(question), k=k, scopes=[SCOPE])


def with_graph(graph: KnowledgeGraph, question: str, k: int) -> list[Hit]:
    """Text search, then personalised PageRank."""
    return search_with_graph(graph, query_terms(question), k=k, scopes=[SCOPE])


def score(graph: KnowledgeGraph, retrieve: Retrieve, questions: Sequence[Question]) -> Score:
    """How well the answering passages are found."""
    at_3 = at_8 = rank = 0.0
    for question in questions:
        texts = [hit.node.text for hit in retrieve(graph, question.text, 8)]
        places = [next((i for i, text in enumerate(texts, start=1) if part in text), None) for part in question.answers]
        at_3 += sum(place is not None and place <= 3 for place in places) / len(places)
        at_8 += sum(place is not None for place in places) / len(places)
        rank += max((1 / place for place in places if place), default=0.0)
    count = len(questions)
    return Score(round(at_3 / count, 3), round(at_8 / count, 3), round(rank / count, 3))


@dataclass(frozen=True, slots=True)
class Floor:
    """What the two thresholds do: refusals that are right, answers that are lost, and tempting questions that are taken for answered."""

    refused: int
    lost: int
    tempted: int


def floor(graph: KnowledgeGraph, questions: Sequence[Question]) -> Floor:
    """Count over the whole suite."""
    best = {q: plain(graph, q.text, 8) for q in questions}
    above = {q: [hit for hit in hits if hit.coverage >= COVERAGE_FLOOR] for q, hits in best.items()}
    return Floor(
        refused=sum(not hits for q, hits in above.items() if q.kind == "none"),
        lost=sum(
            not any(part in hit.node.text for hit in hits for part in q.answers)
            for q, hits in above.items()
            if q.kind in ("direct", "linked")
        ),
        tempted=sum(any(hit.coverage >= ANSWERED_FROM for hit in hits) for q, hits in above.items() if q.kind == "tempting"),
    )


def main() -> None:
    """Print the table."""
    questions = load()[1]
    with tempfile.TemporaryDirectory() as folder:
        graph = build(Path(folder))
        for kind in ("direct", "linked", "bridged"):
            own = [q for q in questions if q.kind == kind]
            for name, retrieve in (("text search", plain), ("with PageRank", with_graph)):
                print(f"{kind:7} {len(own):3} {name:14} {score(graph, retrieve, own)}")
        print(floor(graph, questions))
        graph.close()


if __name__ == "__main__":
    main()
