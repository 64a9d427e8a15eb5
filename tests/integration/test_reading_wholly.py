"""Nothing of a document is lost without a word: text in content controls and notes, pages in one form, words about tags."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from shared.adapters.folder_artifacts import FolderArtifacts
from shared.errors import InputUnreadable
from shared.sandbox import CodeSandbox
from tests.integration.test_reading import artifacts, read
from tests.support.papers import write_docx
from tests.support.sandboxes import sandbox

__all__ = ["artifacts", "sandbox"]

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
CONTROL = "<w:sdt><w:sdtContent><w:p><w:r><w:t>The budget is 77 million.</w:t></w:r></w:p></w:sdtContent></w:sdt>"
NOTES = (
    f'<?xml version="1.0"?><w:footnotes {W}><w:footnote w:type="separator" w:id="-1"><w:p/></w:footnote>'
    '<w:footnote w:id="2"><w:p><w:r><w:t>The rate was 12 per cent.</w:t></w:r></w:p></w:footnote></w:footnotes>'
)
PART = (
    '<Override PartName="/word/footnotes.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"/></Types>'
)
RELATION = (
    '<Relationship Id="rId99" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes" '
    'Target="footnotes.xml"/></Relationships>'
)


def _with_control_and_note(path: Path) -> Path:
    plain = write_docx(path.with_name("plain.docx"))
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            text = text.replace(b"</Types>", PART.encode()) if name == "[Content_Types].xml" else text
            text = text.replace(b"</Relationships>", RELATION.encode()) if name == "word/_rels/document.xml.rels" else text
            text = text.replace(b"<w:sectPr", CONTROL.encode() + b"<w:sectPr") if name == "word/document.xml" else text
            new.writestr(name, text)
        new.writestr("word/footnotes.xml", NOTES)
    return path


def test_content_controls_and_notes_of_word_are_read(sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path) -> None:
    text = read(sandbox, artifacts, _with_control_and_note(tmp_path / "report.docx")).text
    assert text.endswith("The budget is 77 million.\n\nThe rate was 12 per cent.")


def test_a_word_document_with_a_damaged_part_is_told(sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path) -> None:
    path = write_docx(tmp_path / "report.docx")
    with zipfile.ZipFile(path) as archive:
        begins = archive.getinfo("word/document.xml").header_offset + 60
    data = bytearray(path.read_bytes())
    data[begins : begins + 200] = b"\xff" * 200
    path.write_bytes(data)
    with pytest.raises(InputUnreadable, match="damaged Word document"):
        read(sandbox, artifacts, path)


def test_a_page_that_is_one_form_is_read_and_a_form_in_a_page_is_not(
    sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path
) -> None:
    one, two = tmp_path / "one.html", tmp_path / "two.html"
    one.write_text(
        "<html><body><form><h1>Page</h1><p>The total of the year was 321.</p><select><option>x</option></select></form></body></html>"
    )
    two.write_text("<html><body><p>The total of the year was 321.</p><form><label>Your name</label></form></body></html>")
    assert read(sandbox, artifacts, one).text == "Page\n\nThe total of the year was 321."
    assert read(sandbox, artifacts, two).text == "The total of the year was 321."


@pytest.mark.parametrize(("declared", "written"), [("iso-8859-1", "utf-8"), ("utf-8", "cp1252"), ("iso-8859-1", "cp1252")])
def test_a_page_that_declares_another_encoding_than_it_has(
    sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path, declared: str, written: str
) -> None:
    page = tmp_path / "page.html"
    page.write_bytes(f'<html><head><meta charset="{declared}"></head><body><p>Zürich hat 88 km².</p></body></html>'.encode(written))
    assert read(sandbox, artifacts, page).text == "Zürich hat 88 km²."


def test_a_word_about_a_tag_takes_nothing_with_it(sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text(
        "Use `<script>` or `<!--` here.\n\nThe total was 5.\n\n<script>evil()</script>\n\nThen 6.\n\n<!-- never closed\n\nhidden\n"
    )
    text = read(sandbox, artifacts, note).text
    assert "The total was 5." in text and "Then 6." in text
    assert "evil" not in text and "hidden" not in text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1254", "İstanbul’un nüfusu 15 milyon. Şehir çok büyük."),
        ("cp1250", "Ludność Łodzi wynosi 670 tysięcy. Wrocław jest większy."),
        ("cp1250", "Příbram má 33 tisíc obyvatel. Město leží pod Třemšínem."),
        ("cp1250", "Győr lakossága 130 ezer fő. A város a Duna mellett fekszik."),
        ("koi8_r", "Казань растёт. Москва больше."),
        ("euc_jp", "東京の人口は多い。大阪はもっと少ない。"),
    ],
)
def test_languages_are_told_by_their_letters(
    sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path, encoding: str, text: str
) -> None:
    (tmp_path / "note.txt").write_bytes(text.encode(encoding))
    assert read(sandbox, artifacts, tmp_path / "note.txt").text == text


def test_text_that_is_turned_on_its_page_is_read(sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(tmp_path / "turned.pdf"))
    for turned in (0, 90, 180, 270):
        canvas.translate(300, 400)
        canvas.rotate(turned)
        canvas.drawString(-200, 0, f"At {turned} degrees the budget was 12 million francs.")
        canvas.drawString(-200, -14, "It grew by 4 percent.")
        canvas.showPage()
    canvas.save()
    text = " ".join(read(sandbox, artifacts, tmp_path / "turned.pdf").text.split())
    for turned in (0, 90, 180, 270):
        assert f"At {turned} degrees the budget was 12 million francs. It grew by 4 percent." in text
