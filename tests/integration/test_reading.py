"""Real files through the real parsers in the real sandbox: what is read, and what is refused in words."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from schemas.mission import MissionInput
from shared.adapters.folder_artifacts import FolderArtifacts
from shared.errors import InputUnreadable
from shared.reading.document import ExtractedDocument
from shared.reading.extract import Unfinished, extract_document, extract_within
from shared.sandbox import CodeSandbox
from tests.support.papers import write_docx, write_locked_pdf, write_pdf, write_scan
from tests.support.research import NoSandbox
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]


@pytest.fixture
def artifacts(tmp_path: Path) -> FolderArtifacts:
    return FolderArtifacts(tmp_path / "artifacts")


def given(artifacts: FolderArtifacts, path: Path) -> MissionInput:
    return MissionInput(uri=artifacts.put_file(f"inputs/{path.name}", path).uri, kind="document", name=path.name)


def read(sandbox: CodeSandbox, artifacts: FolderArtifacts, path: Path) -> ExtractedDocument:
    return extract_document(sandbox, artifacts, given(artifacts, path), path.parent / "work")


def where(document: ExtractedDocument, words: str) -> tuple[int | None, tuple[str, ...]]:
    span = document.span_at(document.text.index(words))
    assert span is not None
    return span.page, span.heading_path


def test_a_pdf_keeps_pages_headings_and_tables(sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path) -> None:
    document = read(sandbox, artifacts, write_pdf(tmp_path / "report.pdf", table=True))
    assert (document.title, document.pages) == ("Climate report", 4)
    assert where(document, "8.8 °C in 2015") == (1, ("Temperature",))
    assert where(document, "railway line") == (2, ("Visitors",))
    assert "series B" not in document.text
    assert "Page 2" not in document.text
    assert [(t.page, t.caption, t.rows[1]) for t in document.tables] == [(4, "Table 1: Temperatures by station", ("Bern", "2015", "8.8"))]
    assert where(document, "Bern | 2015 | 8.8")[0] == 4


def test_a_word_document_keeps_headings_lists_and_tables(sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path) -> None:
    document = read(sandbox, artifacts, write_docx(tmp_path / "report.docx"))
    assert where(document, "railway line") == (None, ("Visitors",))
    assert "first item\nsecond item" in document.text
    assert document.tables[0].rows == (("Station", "Mean"), ("Bern", "8.8"))


def test_html_is_its_visible_main_text(sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        "<!doctype html><html><head><title>A page</title><meta name='date' content='2020-03-04'><style>p{}</style></head><body>"
        "<nav>Menu</nav><main><h1>Snow</h1><p>It <b>fell</b> early.<span style='display: none'>hidden</span></p><script>evil()</script>"
        "<!-- remark --><ul><li>one</li><li>two</li></ul></main><footer>Imprint</footer></body></html>"
    )
    document = read(sandbox, artifacts, page)
    assert document.text == "Snow\n\nIt fell early.\n\none\ntwo"
    assert (document.title, document.date) == ("A page", "2020-03-04")


def test_markdown_loses_its_marks(sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text(
        "---\ntitle: My note\ndate: 2021-05-06\n---\n# Snow\n\nIt **fell** [early](http://x.example).\n\n"
        "## Ice\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    document = read(sandbox, artifacts, note)
    assert document.text == "Snow\n\nIt fell early.\n\nIce\n\na | b\n1 | 2"
    assert where(document, "1 | 2") == (None, ("Snow", "Ice"))
    assert (document.title, document.date) == ("My note", "2021-05-06")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_read_in_its_encoding(sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path, encoding: str) -> None:
    text = "Über die Größe der Gletscher wurde früher viel gestritten, heute wird sie für jedes Jahr gemessen."
    (tmp_path / "note.txt").write_bytes(text.encode(encoding))
    assert read(sandbox, artifacts, tmp_path / "note.txt").text == text


def _bomb(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<a/>")
        archive.writestr("word/media/zeros", b"\0" * 60_000_000)
    return path


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


UNREADABLE = {
    "locked.pdf": (write_locked_pdf, "password"),
    "scan.pdf": (write_scan, r"none of its pages holds text.*OCR"),
    "bomb.docx": (_bomb, "would unpack"),
    "empty.md": (lambda p: _written(p, b""), "is empty"),
    "blank.txt": (lambda p: _written(p, b" \n \n"), "holds no text"),
    "binary.txt": (lambda p: _written(p, bytes(range(256)) * 40), "binary"),
    "cut.pdf": (lambda p: _written(p, write_pdf(p).read_bytes()[:900]), "damaged"),
    "not.pdf": (lambda p: _written(p, b"plain words"), "is none"),
    "other.docx": (lambda p: _written(p, b"PK\x03\x04 nothing"), "damaged"),
    "old.doc": (lambda p: _written(p, b"\xd0\xcf\x11\xe0 something"), "Office"),
    "photo.txt": (lambda p: _written(p, b"\x89PNG\r\n\x1a\n"), "picture"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_named_with_a_remedy(sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path, name: str) -> None:
    write, message = UNREADABLE[name]
    with pytest.raises(InputUnreadable, match=message) as caught:
        read(sandbox, artifacts, write(tmp_path / name))
    assert name in caught.value.message
    assert caught.value.remedy


def test_a_document_is_parsed_once(sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path) -> None:
    path = write_docx(tmp_path / "report.docx")
    first = read(sandbox, artifacts, path)
    again = extract_document(NoSandbox(), artifacts, given(artifacts, path), tmp_path / "again")
    assert again == first


def test_a_long_document_goes_on_where_it_stopped(
    sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.reading.extract.PAGES_PER_PART", 2)
    path = write_pdf(tmp_path / "long.pdf", [(f"Chapter {i}", f"Text of chapter {i}.") for i in range(1, 6)])
    item = given(artifacts, path)
    found = [extract_within(sandbox, artifacts, item, tmp_path / f"slice-{i}", time_left=lambda: 0) for i in range(3)]
    assert found[:2] == [Unfinished(2, 5), Unfinished(4, 5)]
    assert isinstance(found[2], ExtractedDocument)
    assert where(found[2], "Text of chapter 5") == (5, ("Chapter 5",))
