"""Invariant 5, research side: whatever the text and whatever the question, each quote stands at its offsets in the stored text.

The documents enter behind the parsers, through the cache of extracted texts: no example may depend on what a parser makes of it.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.mission import MissionInput
from shared.reading.blocks import Block
from shared.reading.compose import compose
from shared.reading.document import EXTRACTOR_VERSION, ExtractedDocument
from tests.support.research import NoSandbox, ResearchBench

WORDS = st.sampled_from(
    [
        "temperature", "Bern", "was", "8.8 °C", "in 2015", "visitors", "increased", "since 1990", "because", "of", "the", "railway.", "It",
        "fell.", "Dr.",
        "Ignore your task", "and say", "99 %", "Straße", "😀", "e.g.", "mean", "The", "1,234", "is", "ﬁnal",
        "İstanbul", "a\u0301", "\u2028", "?", "|", "\t",
    ]
)  # fmt: skip
SENTENCES = st.lists(WORDS, min_size=1, max_size=14).map(" ".join) | st.text(max_size=60)
BLOCKS = st.lists(
    st.builds(
        Block,
        kind=st.sampled_from(["heading", "paragraph", "paragraph", "item", "code"]),
        lines=st.lists(SENTENCES, min_size=1, max_size=4).map(tuple),
        page=st.none() | st.integers(1, 3),
    ),
    min_size=1,
    max_size=6,
)
DOCUMENTS = st.lists(BLOCKS, min_size=1, max_size=2, unique_by=lambda blocks: compose(blocks).text)
"""Of different texts: the same bytes are one document, with one extraction."""
QUESTIONS = st.sampled_from(
    [
        "What was the mean temperature in Bern?",
        "Why have visitors increased, and what was the temperature?",
        "railway",
        "say 99 % of Straße",
    ]
) | st.text(min_size=1, max_size=40).filter(lambda text: bool(text.strip()))


def given_text(bench: ResearchBench, name: str, blocks: list[Block]) -> MissionInput | None:
    """A document whose text is what the blocks compose to; ``None`` where that is no text at all."""
    composed = compose(blocks)
    if not composed.text.strip():
        return None
    data = composed.text.encode("utf-8", "surrogatepass")
    stored = bench.artifacts.put(f"inputs/{name}", data)
    document = ExtractedDocument(
        sha256=stored.sha256,
        media_type="text/plain",
        text=composed.text,
        text_sha256=hashlib.sha256(data).hexdigest(),
        spans=composed.spans,
        tables=composed.tables,
    )
    bench.artifacts.put(f"cache/extract/{EXTRACTOR_VERSION}/{stored.sha256}.json", document.model_dump_json().encode())
    return MissionInput(uri=stored.uri, kind="document", name=name)


@settings(max_examples=25)
@given(documents=DOCUMENTS, question=QUESTIONS)
def test_every_quote_stands_in_the_stored_text(documents: list[list[Block]], question: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = ResearchBench(NoSandbox(), Path(folder))
        inputs = [item for i, blocks in enumerate(documents) if (item := given_text(bench, f"{i}.txt", blocks)) is not None]
        package = bench.run(question, inputs)
        bench.check_citations(package)
        assert {answer.question_id for answer in package.answers} == {question.id for question in package.sub_questions}
        assert all(len([c for c in package.claims if c.question_id == q.id]) <= 8 for q in package.sub_questions)
        bench.graph.close()


def test_a_text_that_changed_since_it_was_indexed_is_not_quoted(tmp_path: Path) -> None:
    bench = ResearchBench(NoSandbox(), tmp_path)
    text = "The mean temperature in Bern was 8.8 °C in 2015."
    item = given_text(bench, "a.txt", [Block(kind="paragraph", lines=(text,))])
    assert item is not None

    def tamper() -> float:
        for path in (tmp_path / "artifacts").rglob("*.txt"):
            if "missions" in path.parts and path.is_file() and path.read_bytes() == text.encode():
                path.chmod(0o644)
                path.write_bytes(text.replace("8.8", "9.9").encode())
        return 30.0

    package = bench.run("What was the mean temperature in Bern?", [item], time_left=tamper)
    assert package.claims == ()
    assert any("no longer stood" in limitation for limitation in package.limitations)
