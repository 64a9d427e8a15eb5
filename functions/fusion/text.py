"""Text from documents and data, made fit to stand on a page. It stays data: nothing in it is ever read as markup."""

from __future__ import annotations

import re

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\uffff\ud800-\udfff\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
"""Control characters, and those that would reorder or hide what a reader sees."""

_SPACES = re.compile(r"[ \t\n\f]+")
"""Not ``\\s``: the narrow space between a figure and its unit has to stay."""
_TO_JOIN = ("  ", "\n", "\t", "\f")
"""What ``_SPACES`` changes: most texts have none of it."""


def clean(text: str) -> str:
    """``text`` without characters that are not there to be read; line breaks and tabs stay."""
    if text.isascii() and text.isprintable():  # nothing of all that is in it
        return text
    return _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n"))


def one_line(text: str) -> str:
    """``clean`` text on one line."""
    line = clean(text)
    if any(space in line for space in _TO_JOIN):
        line = _SPACES.sub(" ", line)
    return line.strip(" ")


def slug_name(name: str) -> str:
    """A file name that is safe in any folder and needs no escaping in a link."""
    last = re.sub(r"[^A-Za-z0-9._-]+", "-", name.replace("\\", "/").rsplit("/", 1)[-1]).strip("-.")
    return last[-120:] or "file"
