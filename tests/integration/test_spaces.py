"""Knowledge spaces: added file by file, listed, searched, exported, and fed by missions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.errors import BadInput, NotFound
from shared.knowledge.port import Scope
from shared.knowledge.promotion import promote_documents
from shared.sandbox import CodeSandbox
from shared.spaces import Spaces
from tests.support.papers import write_docx, write_pdf
from tests.support.research import ResearchBench
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]


@pytest.fixture
def bench(sandbox: CodeSandbox, tmp_path: Path) -> ResearchBench:
    return ResearchBench(sandbox, tmp_path / "bench")


@pytest.fixture
def spaces(bench: ResearchBench, tmp_path: Path) -> Spaces:
    return Spaces(bench.sandbox, bench.artifacts, bench.graph, tmp_path / "scratch")


def test_add_says_what_became_of_each_file(spaces: Spaces, tmp_path: Path) -> None:
    report = write_pdf(tmp_path / "report.pdf")
    (tmp_path / "empty.txt").write_text("")
    first = list(spaces.add("me", "climate", [report, tmp_path / "empty.txt", tmp_path / "missing.md"]))
    assert [(f.name, f.status) for f in first] == [("report.pdf", "added"), ("empty.txt", "unreadable"), ("missing.md", "unreadable")]
    assert (first[0].title, first[0].pages, first[0].passages) == ("Climate report", 3, 3)
    assert "empty" in first[1].problem
    assert [f.status for f in spaces.add("me", "climate", [report])] == ["unchanged"]
    assert [(s.space, s.documents) for s in spaces.summaries("me")] == [("climate", 1)]
    assert [d.name for d in spaces.documents("me", "climate")] == ["report.pdf"]


def test_search_finds_passages_with_page_and_heading(spaces: Spaces, tmp_path: Path) -> None:
    list(spaces.add("me", "climate", [write_pdf(tmp_path / "report.pdf")]))
    found = spaces.search("me", "climate", "new railway line")
    assert [(f.document, f.page, f.heading_path) for f in found] == [("report.pdf", 2, ("Visitors",))]
    assert spaces.search("me", "climate", "bananas") == []


def test_nobody_searches_the_space_of_another(spaces: Spaces, tmp_path: Path) -> None:
    list(spaces.add("me", "climate", [write_docx(tmp_path / "report.docx")]))
    with pytest.raises(NotFound, match="climate"):
        spaces.search("you", "climate", "railway")
    with pytest.raises(NotFound):
        list(spaces.export("you", "climate"))


def test_a_file_that_changed_is_told_to_stand_beside_its_earlier_state(spaces: Spaces, tmp_path: Path) -> None:
    note = tmp_path / "pier.md"
    note.write_text("# Pier\n\nThe pier opened in May.\n")
    (first,) = spaces.add("me", "harbour", [note])
    note.write_text("# Pier\n\nThe pier closed in June.\n")
    (second,) = spaces.add("me", "harbour", [note])
    before, _ = sorted(spaces.documents("me", "harbour"), key=lambda known: known.digits not in second.namesakes)
    assert (first.namesakes, second.namesakes) == ((), (before.digits,))


def test_what_is_taken_out_is_found_no_more_and_what_several_fit_is_asked_back(spaces: Spaces, tmp_path: Path) -> None:
    note = tmp_path / "pier.md"
    note.write_text("# Pier\n\nThe pier opened in May.\n")
    list(spaces.add("me", "harbour", [note]))
    note.write_text("# Pier\n\nThe pier closed in June.\n")
    (added,) = spaces.add("me", "harbour", [note])
    with pytest.raises(BadInput, match=f"fits 2 documents: .*{added.namesakes[0]}"):
        spaces.remove("me", "harbour", "pier.md")
    for unknown in ("other.md", added.namesakes[0][:7], "%", ""):
        with pytest.raises(NotFound, match="There is no document"):
            spaces.remove("me", "harbour", unknown)
    with pytest.raises(NotFound):
        spaces.remove("you", "harbour", "pier.md")

    assert spaces.remove("me", "harbour", added.namesakes[0].upper()).name == "pier.md"
    assert [found.text for found in spaces.search("me", "harbour", "when did the pier open or close")] == ["The pier closed in June."]
    spaces.remove("me", "harbour", "pier.md")
    assert spaces.summaries("me") == []
    note.write_text("# Pier\n\nThe pier opened in May.\n")
    assert [file.status for file in spaces.add("me", "harbour", [note])] == ["added"], "it may come back"


def test_export_is_json_lines_and_the_same_every_time(spaces: Spaces, tmp_path: Path) -> None:
    list(spaces.add("me", "climate", [write_docx(tmp_path / "report.docx")]))
    lines = list(spaces.export("me", "climate"))
    assert lines == list(spaces.export("me", "climate"))
    kinds = [json.loads(line)["type"] for line in lines]
    assert kinds[0] == "document"
    assert {"passage", "edge"} < set(kinds)


def test_what_a_mission_verified_outlives_it(spaces: Spaces, bench: ResearchBench, tmp_path: Path) -> None:
    package = bench.run("Why have visitors increased?", bench.given(write_docx(tmp_path / "report.docx")), mission="m_1", space="climate")
    documents = [f"document:{source.sha256[:24]}" for source in package.sources]
    assert promote_documents(bench.graph, bench.artifacts, Scope("me", "climate", "m_1"), documents) > 0
    assert promote_documents(bench.graph, bench.artifacts, Scope("me", "climate", "m_1"), documents) == 0
    bench.artifacts.delete_prefix("missions/m_1/")
    later = bench.run("Why have visitors increased?", mission="m_2", space="climate")
    bench.check_citations(later)
    assert [c.text for c in later.claims] == [c.text for c in package.claims]


def test_a_mission_that_was_promoted_gives_the_same_answer_again(spaces: Spaces, bench: ResearchBench, tmp_path: Path) -> None:
    files = bench.given(write_docx(tmp_path / "report.docx"))
    first = bench.run("Why have visitors increased?", files, mission="m_1", space="climate")
    promote_documents(
        bench.graph, bench.artifacts, Scope("me", "climate", "m_1"), [f"document:{source.sha256[:24]}" for source in first.sources]
    )
    second = bench.run("Why have visitors increased?", files, mission="m_2", space="climate")
    parts = ("scope", "answers", "claims", "evidence", "hypotheses", "gaps", "limitations")
    assert [getattr(second, part) for part in parts] == [getattr(first, part) for part in parts]


@pytest.mark.parametrize("name", ["", "Upper", "a b", "../x", "-a", "x" * 65])
def test_an_odd_name_is_refused(spaces: Spaces, name: str) -> None:
    with pytest.raises(BadInput):
        list(spaces.add("me", name, []))
    with pytest.raises(BadInput):
        spaces.search("me", name, "x")
