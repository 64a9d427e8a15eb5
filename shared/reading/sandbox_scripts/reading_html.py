"""HTML: the main text with its headings, lists and tables. Scripts, styles, navigation and hidden elements are left out."""

import re

from reading_problem import Problem, plain
from reading_text import decode

DROPPED = {
    "script", "style", "noscript", "template", "svg", "math", "canvas", "iframe", "object", "embed", "nav", "form", "button", "select",
    "head", "aside", "audio", "video", "map", "dialog",
}  # fmt: skip
INLINE = {
    "a", "abbr", "b", "bdi", "bdo", "br", "cite", "code", "data", "del", "dfn", "em", "font", "i", "img", "ins", "kbd", "label", "mark",
    "q",
    "ruby", "rp", "rt", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
}  # fmt: skip
HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?:\.0*)?(?![\d.])|font-size\s*:\s*0(?![\d.])", re.IGNORECASE
)
MAX_DEPTH = 400
DATES = (
    "article:published_time",
    "article:modified_time",
    "date",
    "dc.date",
    "dcterms.date",
    "dcterms.created",
    "dcterms.modified",
    "citation_date",
)


def read(path, _parameters, writer):
    """Write the blocks; what is known of the document as a whole."""
    from bs4 import BeautifulSoup

    text, encoding = decode(path, declared=True)
    try:
        soup = BeautifulSoup(text, "lxml")
    except (ValueError, RecursionError, AssertionError) as error:
        raise Problem("corrupt", f"is no readable HTML ({plain(str(error), 120)})") from None
    title = plain(soup.title.get_text()) if soup.title else None
    walk = _Walk(writer)
    main = _main(soup)
    _unwrap_pages(main)
    walk.visit(main)
    walk.flush()
    return {"title": title, "date": _date(soup), "encoding": encoding}


def _main(soup):
    """The element that holds the main text: ``main``, else the only ``article``, else the body."""
    found = soup.find("main") or soup.find(attrs={"role": "main"})
    if found is None:
        articles = soup.find_all("article")
        found = articles[0] if len(articles) == 1 else None
    body = soup.body or soup
    if found is not None and len(found.get_text(strip=True)) * 4 >= len(body.get_text(strip=True)):
        return found
    return body


def _unwrap_pages(main):
    """Some servers put the whole page into one form: such a form is no form to fill in, and its text is the page's."""
    whole = len(main.get_text(strip=True))
    for form in main.find_all("form"):
        if 2 * len(form.get_text(strip=True)) > whole:
            form.unwrap()


def _date(soup):
    for tag in soup.find_all("meta"):
        name = str(tag.get("property") or tag.get("name") or "").lower()
        found = re.match(r"\d{4}(?:-\d{2}){0,2}", str(tag.get("content") or "")) if name in DATES else None
        if found:
            return found.group()
    return None


def _hidden(tag):
    return (
        tag.name in DROPPED
        or tag.has_attr("hidden")
        or str(tag.get("aria-hidden", "")).lower() == "true"
        or bool(HIDDEN.search(str(tag.get("style", ""))))
        or (tag.name in ("header", "footer") and tag.find_parent(("main", "article")) is None)
    )


class _Walk:
    """Depth first: text gathers in a buffer that each block element ends."""

    def __init__(self, writer):
        self.writer = writer
        self.buffer = []
        self.kind = "paragraph"

    def flush(self):
        text = " ".join("".join(self.buffer).split())
        self.buffer = []
        if text:
            self.writer.write(kind=self.kind, lines=[text])

    def visit(self, tag, depth=0):
        for child in list(tag.children):
            name = getattr(child, "name", None)
            if name is None:
                self.buffer.append(_own_text(child))
            elif _hidden(child) or depth > MAX_DEPTH:
                continue
            elif name == "br":
                self.buffer.append(" ")
            elif name in INLINE:
                self.visit(child, depth + 1)
            else:
                self.flush()
                self.block(child, name, depth)

    def block(self, tag, name, depth):
        if re.fullmatch(r"h[1-6]", name):
            self.writer.write(kind="heading", lines=[" ".join(_visible(tag).split())[:300]], level=int(name[1]))
        elif name == "pre":
            self.writer.write(kind="code", lines=[line.rstrip() for line in _visible(tag).splitlines() if line.strip()])
        elif name == "table" and not tag.find("table"):
            _table(tag, self.writer)
        else:
            outer = self.kind
            self.kind = "item" if name in ("li", "dt", "dd") else outer if name in ("p", "div", "section") else "paragraph"
            self.visit(tag, depth + 1)
            self.flush()
            self.kind = outer


def _own_text(node):
    """The text of a text node; comments and the like have none."""
    if type(node).__name__ not in ("NavigableString", "CData"):
        return ""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in str(node))


def _visible(tag):
    parts = []
    for child in tag.children:
        if getattr(child, "name", None) is None:
            parts.append(_own_text(child))
        elif not _hidden(child):
            parts.append(" " if child.name == "br" else _visible(child))
    return "".join(parts)


def _table(table, writer):
    rows = []
    for row in table.find_all("tr"):
        if not _hidden(row):
            rows.append([" ".join(_visible(cell).split()) for cell in row.find_all(("td", "th")) if not _hidden(cell)])
    rows = [row for row in rows if any(row)]
    caption = table.find("caption")
    if caption is not None and (text := " ".join(_visible(caption).split())):
        writer.write(kind="paragraph", lines=[text])
    if len(rows) == 1 or (rows and max(map(len, rows)) == 1):
        for row in rows:
            writer.write(kind="paragraph", lines=[" ".join(row)])
    elif rows:
        writer.write(kind="table", rows=rows)
