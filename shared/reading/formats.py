"""Which parser a file gets: decided by its first bytes, and by its name only where the bytes leave it open. Nothing is parsed here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from shared.errors import InputUnreadable, TooLarge

MAX_FILE_BYTES = 250_000_000
"""A larger document is refused: the parsers hold a file in the memory that the sandbox gives them."""
SUFFIXES = frozenset({".pdf", ".docx", ".html", ".htm", ".xhtml", ".md", ".markdown", ".txt", ".text", ".rst", ".log"})
"""Names that a folder of documents is searched for."""
READABLE = "Give PDF, DOCX, HTML, Markdown or text."


@dataclass(frozen=True, slots=True)
class Format:
    """A parser's name (``sandbox_scripts/reading_<name>.py``) and the media type it reads."""

    name: str
    media_type: str


PDF = Format("pdf", "application/pdf")
DOCX = Format("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document")
HTML = Format("html", "text/html")
WEB = Format("web", "text/html")
"""HTML that was fetched from the web: most of a page is not its text."""
MARKDOWN = Format("markdown", "text/markdown")
TEXT = Format("text", "text/plain")

_FOREIGN = (
    (b"\xd0\xcf\x11\xe0", "is an old or password-protected Office file", "Save it as DOCX without a password, or as PDF."),
    (b"{\\rtf", "is an RTF file", "Save it as DOCX or PDF."),
    (b"\x89PNG", "is a picture", "Run OCR on it first; then give the text or the PDF."),
    (b"\xff\xd8\xff", "is a picture", "Run OCR on it first; then give the text or the PDF."),
    (b"GIF8", "is a picture", "Run OCR on it first; then give the text or the PDF."),
    (b"II*\0", "is a picture", "Run OCR on it first; then give the text or the PDF."),
    (b"MM\0*", "is a picture", "Run OCR on it first; then give the text or the PDF."),
    (b"\x1f\x8b", "is a compressed file", "Unpack it first."),
    (b"7z\xbc\xaf", "is an archive", "Unpack it first."),
    (b"\x7fELF", "is a program", READABLE),
)
_HTML_START = rb"<(?:!doctype\s+html|html|head|body)"
_HTML = re.compile(rb"\s*+(?:<!--.{0,2000}?-->\s*+)*+(?:<\?xml[^>]*+>\s*+)?" + _HTML_START, re.IGNORECASE | re.DOTALL)
"""Nothing of it is given back: of n comments there are two to the power of n ways to take several as one."""


def detect_page_format(path: Path, name: str) -> Format:
    """The same for what was fetched from the web."""
    found = detect_format(path, name)
    return WEB if found is HTML else found


def require_size(size: int, name: str) -> None:
    """``InputUnreadable`` for a document of no byte, ``TooLarge`` for one of more than ``MAX_FILE_BYTES``."""
    if size == 0:
        raise InputUnreadable(f"{name} is empty.", remedy="Give the file with its content.")
    if size > MAX_FILE_BYTES:
        raise TooLarge(f"{name} is too large; a document may have {MAX_FILE_BYTES:,} bytes.", remedy="Split it.")


def detect_format(path: Path, name: str) -> Format:
    """The format of the file; ``InputUnreadable`` with its name, what it is and what to do, if we do not read that."""
    require_size(path.stat().st_size, name)
    with path.open("rb") as file:
        head = file.read(4096)
    for magic, what, remedy in _FOREIGN:
        if head.startswith(magic):
            raise InputUnreadable(f"{name} {what}.", remedy=remedy)
    if b"%PDF-" in head[:1024]:
        return PDF
    suffix = PurePosixPath(name).suffix.lower()
    if head.startswith(b"PK"):
        return DOCX
    if suffix == ".pdf" or suffix == ".docx":
        raise InputUnreadable(f"{name} is called {suffix[1:].upper()} and is none.", remedy="Open it in its program and save it anew.")
    if suffix in (".html", ".htm", ".xhtml") or _HTML.match(head.removeprefix(b"\xef\xbb\xbf")):
        return HTML
    return MARKDOWN if suffix in (".md", ".markdown") else TEXT
