"""A page of the web: its main text, found by trafilatura, with headings, lists and tables. Menus, notices and comments are left out.

Where trafilatura finds no main text, or next to none, the page is read like a document of the user's (``reading_html``).
"""

import reading_html
from reading_problem import Problem, plain
from reading_text import decode

LITTLE = 200
"""Characters; less than these is rather a notice than the main text."""
TITLE = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}


def read(path, parameters, writer):
    """Write the blocks; what is known of the page as a whole."""
    from bs4 import BeautifulSoup
    from trafilatura import bare_extraction

    text, encoding = decode(path, declared=True)
    try:
        soup = BeautifulSoup(text, "lxml")
    except (ValueError, RecursionError, AssertionError) as error:
        raise Problem("corrupt", f"is no readable HTML ({plain(str(error), 120)})") from None
    for tag in soup.find_all(_hidden):
        tag.extract()
    found = bare_extraction(
        str(soup),
        with_metadata=True,
        include_comments=False,
        include_tables=True,
        date_extraction_params={"original_date": True, "extensive_search": False},
    )
    if found is None or found.body is None or sum(map(len, found.body.itertext())) < LITTLE:
        return reading_html.read(path, parameters, writer)
    _visit(found.body, writer)
    title = plain(found.title) or (plain(soup.title.get_text()) if soup.title else None)
    return {"title": title, "date": plain(found.date) or reading_html._date(soup), "encoding": encoding}


def _hidden(tag):
    hidden = tag.has_attr("hidden") or str(tag.get("aria-hidden", "")).lower() == "true"
    return hidden or bool(reading_html.HIDDEN.search(str(tag.get("style", ""))))


def _visit(element, writer):
    for child in element:
        if not isinstance(child.tag, str):
            continue
        if child.tag == "head":
            writer.write(kind="heading", lines=_lines(child)[:1], level=TITLE.get(child.get("rend", ""), 2))
        elif child.tag == "list":
            for item in child.iter("item"):
                writer.write(kind="item", lines=_lines(item))
        elif child.tag == "table":
            _table(child, writer)
        elif child.tag == "code":
            writer.write(kind="code", lines=[line.rstrip() for line in "".join(child.itertext()).splitlines() if line.strip()])
        elif child.tag in ("p", "quote") and not child.findall(".//p"):
            writer.write(kind="paragraph", lines=_lines(child))
        else:
            _visit(child, writer)


def _lines(element):
    text = " ".join("".join(c if c.isprintable() else " " for c in "".join(element.itertext())).split())
    return [text] if text else []


def _table(table, writer):
    rows = [[" ".join(_lines(cell)) for cell in row.iter("cell")] for row in table.iter("row")]
    rows = [row for row in rows if any(row)]
    if len(rows) == 1 or (rows and max(map(len, rows)) == 1):
        for row in rows:
            writer.write(kind="paragraph", lines=[" ".join(row)])
    elif rows:
        writer.write(kind="table", rows=rows)
