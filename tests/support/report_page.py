"""A report's page as a browser would see it."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = frozenset({"meta", "img", "br", "link", "hr", "input"})


class Visible(HTMLParser):
    """What a browser would build of a page: elements with their attributes, and text; structural numbers and code set apart."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.structural: list[str] = []
        self.code: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag not in _VOID:
            kind = "structural" if attributes.get("class") == "k" else tag
            self._open.append("provenance" if attributes.get("id") == "provenance" else kind)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID and self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if {"provenance", "style", "title"} & set(self._open):
            return
        if "structural" in self._open:
            self.structural.append(data)
        elif "pre" in self._open:
            self.code.append(data)
        else:
            self.text.append(data)


def read(html: str) -> Visible:
    """What a browser would build of ``html``."""
    page = Visible()
    page.feed(html)
    page.close()
    return page
