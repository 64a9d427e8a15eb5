"""PDF: text boxes in reading order with page, size and weight; ruled tables; pages without text.

Reads ``parameters["first_page"]`` to ``parameters["last_page"]``, so that a long document is read in parts.
"""

import io
import logging
import re
from collections import Counter

from reading_problem import Problem, plain

logging.disable(logging.WARNING)  # parsers complain about every second PDF; what matters is reported by us
EDGE = 0.09  # of the page height: where running headers and footers stand
MIN_CHARS = 8  # fewer letters than this on a page are a page number, not text


def read(path, parameters, writer):
    """Write the blocks of the wanted pages; what is known of the document as a whole."""
    about = _about(path)
    first, last = parameters["first_page"], min(parameters["last_page"], about["pages"])
    import pdfplumber

    without_text = []
    unread = []
    table_limit = parameters.get("tables", True)
    with pdfplumber.open(path, laparams={"line_margin": 0.4, "boxes_flow": 0.5}) as pdf:
        for number in range(first, last + 1):
            try:
                page = _upright(pdf, pdf.pages[number - 1])
                letters = _page(page, number, writer, tables=table_limit)
                page.close()
            except (MemoryError, KeyboardInterrupt):
                raise
            except Exception:  # one broken page does not take the others with it
                unread.append(number)
                continue
            if letters < MIN_CHARS:
                without_text.append(number)
    return {**about, "without_text": without_text, "unread": unread}


def _about(path):
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, PdfReadError, PyPdfError

    with open(path, "rb") as file:
        data = file.read()
    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Problem("password", "is protected by a password", "Save a copy without the password and give that.")
        pages = len(reader.pages)
        metadata = reader.metadata or {}
        title, created = metadata.get("/Title"), metadata.get("/CreationDate") or metadata.get("/ModDate")
    except DependencyError:
        raise Problem("password", "is encrypted in a way that cannot be read", "Save a copy without encryption and give that.") from None
    except (PdfReadError, PyPdfError, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, OSError) as error:
        raise Problem("corrupt", f"is a damaged PDF ({plain(str(error), 120)})", "Open it in a viewer and save it anew.") from None
    if pages == 0:
        raise Problem("empty", "has no pages", "Give the file with its content.")
    return {"pages": pages, "title": plain(str(title)) if title else None, "date": _date(created)}


def _date(value):
    found = re.match(r"(?:D:)?(\d{4})(\d{2})?(\d{2})?", str(value or ""))
    if not found or not 1900 <= int(found.group(1)) <= 2200:
        return None
    parts = [part for part in found.groups() if part]
    return "-".join(parts)


def _upright(pdf, page):
    """The page turned so that most of its text runs from left to right: of other text each letter would be a line of its own."""
    from pdfminer.layout import LTChar
    from pdfplumber.page import Page

    ways = Counter()
    for char in _boxes(page.layout, LTChar):
        along, up = char.matrix[:2]
        if not char.get_text().isspace():
            ways[(0 if along > 0 else 180) if abs(along) >= abs(up) else 90 if up > 0 else 270] += 1
    turn = ways.most_common(1)[0][0] if ways else 0
    if not turn:
        return page
    page.page_obj.rotate = (page.page_obj.rotate + turn) % 360
    return Page(pdf, page.page_obj, page_number=page.page_number, initial_doctop=page.initial_doctop)


def _page(page, number, writer, tables):
    """Write the page's blocks; the number of letters on it."""
    from pdfminer.layout import LTTextBox

    height = float(page.height) or 1.0
    found = _tables(page) if tables else []
    blocks = []
    letters = 0
    for box in _boxes(page.layout, LTTextBox):
        middle_x, middle_y = (box.x0 + box.x1) / 2, height - (box.y0 + box.y1) / 2
        inside = next((t for t in found if t["box"][0] <= middle_x <= t["box"][2] and t["box"][1] <= middle_y <= t["box"][3]), None)
        if inside is not None:
            if not inside["done"]:
                inside["done"] = True
                blocks.append({"kind": "table", "rows": inside["rows"], "page": number})
                letters += sum(len(cell) for row in inside["rows"] for cell in row)
            continue
        for block in _styled(box, number, height):
            letters += sum(c.isalnum() for line in block["lines"] for c in line)
            blocks.append(block)
    for block in blocks:
        writer.write(**block)
    return letters


def _boxes(layout, box_type):
    for item in layout:
        if isinstance(item, box_type):
            yield item
        elif hasattr(item, "__iter__"):
            yield from _boxes(item, box_type)


def _styled(box, number, height):
    """A text box cut where size or weight changes, so that a heading is not glued to its paragraph."""
    from pdfminer.layout import LTChar, LTTextLine

    current = None
    for line in box:
        if not isinstance(line, LTTextLine):
            continue
        text = "".join(c if c.isprintable() else " " for c in line.get_text().replace("\u00ad", "-")).strip()
        text = " ".join(re.sub(r"\(cid:\d+\)", " ", text).split())
        if not text:
            continue
        chars = [c for c in line if isinstance(c, LTChar) and not c.get_text().isspace()]
        sizes = Counter(round(c.size * 2) / 2 for c in chars)
        size = sizes.most_common(1)[0][0] if sizes else 0.0
        heavy = sum("bold" in c.fontname.lower() or "black" in c.fontname.lower() for c in chars)
        style = (size, bool(chars) and heavy * 10 >= len(chars) * 9)
        top, bottom = height - line.y1, height - line.y0
        band = "top" if bottom < height * EDGE else "bottom" if top > height * (1 - EDGE) else ""
        if current is None or (current["size"], current["bold"]) != style or current["band"] != band:
            if current:
                yield current
            current = {"kind": "paragraph", "lines": [], "page": number, "size": style[0], "bold": style[1], "band": band}
        current["lines"].append(text)
    if current:
        yield current


def _tables(page):
    if len(page.lines) + len(page.rects) + len(page.curves) < 4 or len(page.lines) + len(page.rects) + len(page.curves) > 4000:
        return []
    tables = []
    for table in page.find_tables():
        rows = [[" ".join((cell or "").split()) for cell in row] for row in table.extract()]
        rows = [row for row in rows if any(row)]
        if len(rows) >= 2 and max(map(len, rows)) >= 2:
            tables.append({"box": table.bbox, "rows": rows, "done": False})
    return tables
