"""DOCX: paragraphs, headings, lists and tables in their order, then the notes. Deleted and hidden text is left out."""

import re
import zipfile
import zlib

from reading_problem import Problem, plain

MAX_UNPACKED = 300_000_000
MAX_RATIO = 200
MAX_ENTRIES = 10_000
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def read(path, _parameters, writer):
    """Write the blocks; what is known of the document as a whole."""
    _check_archive(path)
    import docx
    from docx.table import Table
    from docx.text.paragraph import Paragraph
    from lxml.etree import LxmlError

    try:
        document = docx.Document(path)
        core = document.core_properties
        title, date = plain(core.title), core.modified or core.created
        notes = list(_notes(document.part))
    except (KeyError, ValueError, LxmlError, zipfile.BadZipFile, zlib.error, AttributeError, OSError) as error:
        raise Problem("corrupt", f"is a damaged Word document ({plain(str(error), 120)})", "Open it in Word and save it anew.") from None
    for element in _blocks(document.element.body):
        if element.tag == W + "tbl":
            _table(Table(element, document), writer)
        else:
            _paragraph(Paragraph(element, document), writer)
    for text in notes:
        writer.write(kind="paragraph", lines=[text])
    return {"title": title, "date": date.date().isoformat() if date else None}


def _blocks(parent):
    """The paragraphs and tables, also those in content controls, as templates have them."""
    for element in parent:
        if element.tag in (W + "p", W + "tbl"):
            yield element
        elif element.tag == W + "sdt":
            yield from _blocks(content if (content := element.find(W + "sdtContent")) is not None else ())
        elif element.tag in (W + "customXml", W + "ins"):
            yield from _blocks(element)


def _notes(part):
    """The texts of the footnotes and endnotes."""
    from lxml import etree

    kinds = {"footnotes": "footnote", "endnotes": "endnote"}
    for relation in part.rels.values():
        kind = kinds.get(relation.reltype.rpartition("/")[2])
        if kind is None or relation.is_external:
            continue
        safe = etree.XMLParser(resolve_entities=False, no_network=True)
        for note in etree.fromstring(relation.target_part.blob, safe).iter(W + kind):
            if text := " ".join(filter(None, (_text(p) for p in note.iter(W + "p")))):
                yield text


def _check_archive(path):
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise Problem("corrupt", f"is a damaged archive ({plain(str(error), 120)})", "Open it in Word and save it anew.") from None
    if "word/document.xml" not in names:
        raise Problem("type", "is an archive, but not a Word document", "Give PDF, DOCX, HTML, Markdown or text.")
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries) or 1
    if len(entries) > MAX_ENTRIES or unpacked > MAX_UNPACKED or (unpacked > 10_000_000 and unpacked / packed > MAX_RATIO):
        raise Problem("bomb", f"would unpack to {unpacked:,} bytes from {packed:,}: it is not opened", "Is it what it says it is?")


def _text(element):
    """The visible text of a paragraph: inserted text counts, deleted and hidden text does not."""
    parts = []
    for run in element.iter(W + "r"):
        if any(parent.tag in (W + "del", W + "moveFrom") for parent in run.iterancestors()):
            continue
        style = run.find(W + "rPr")
        if style is not None and style.find(W + "vanish") is not None and style.find(W + "vanish").get(W + "val") not in ("0", "false"):
            continue
        for child in run:
            if child.tag == W + "t":
                parts.append(child.text or "")
            elif child.tag in (W + "tab", W + "br", W + "cr"):
                parts.append(" ")
            elif child.tag == W + "noBreakHyphen":
                parts.append("-")
    return " ".join("".join(c if c.isprintable() else " " for c in "".join(parts)).split())


def _paragraph(paragraph, writer):
    text = _text(paragraph._p)
    if not text:
        return
    name = (paragraph.style.name or "") if paragraph.style is not None else ""
    heading = re.match(r"heading (\d)", name, re.IGNORECASE)
    numbered = paragraph._p.pPr is not None and paragraph._p.pPr.numPr is not None
    if heading:
        writer.write(kind="heading", lines=[text], level=min(int(heading.group(1)), 9))
    elif name.lower() == "title":
        writer.write(kind="heading", lines=[text], level=1)
    elif numbered or name.lower().startswith("list"):
        writer.write(kind="item", lines=[text])
    else:
        writer.write(kind="paragraph", lines=[text])


def _table(table, writer):
    rows = []
    for row in table._tbl.tr_lst:
        rows.append([" ".join(_text(p) for p in cell.iter(W + "p")).strip() for cell in row.tc_lst])
    rows = [row for row in rows if any(row)]
    if len(rows) == 1 or (rows and max(map(len, rows)) == 1):
        for row in rows:  # a table used as a frame
            writer.write(kind="paragraph", lines=[" ".join(row)])
    elif rows:
        writer.write(kind="table", rows=rows)
