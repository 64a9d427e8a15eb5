"""Splits the text of an expression into tokens.

Pages: syntax/expressions ("Supported elements"), syntax/datatypes (operators, literals).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class ExpressionError(Exception):
    """The expression is not well formed. ``at`` is the offset of the fault in its text."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.message = message
        self.at = at


class Token(NamedTuple):
    """``kind`` is number, string, name, word (an operator in letters), symbol or end; ``value`` is the literal's value or the text."""

    kind: str
    text: str
    value: int | float | str
    at: int


_SPACE: Final = re.compile(r"\s+")
_NUMBER: Final = re.compile(r"(?:\d+\.\d+|\d+|\.\d+)(?:[eE][+-]?\d+)?")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SYMBOL: Final = re.compile(r"//|<=|>=|==|!=|[-+*/%<>()\[\]{}.,:]")
_WORDS: Final = {"and": "and", "AND": "and", "or": "or", "OR": "or", "not": "not", "NOT": "not", "in": "in"}
_ESCAPES: Final = {'"': '"', "'": "'", "\\": "\\", "/": "/", "n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0"}
_HEX_ESCAPES: Final = {"x": 2, "u": 4, "U": 8}


def tokens(text: str) -> list[Token]:
    """The tokens of ``text``, with an ``end`` token last. Raises ExpressionError at the first character that starts none."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        if space := _SPACE.match(text, at):
            at = space.end()
            continue
        token, at = _next(text, at)
        found.append(token)
    found.append(Token("end", "", "", len(text)))
    return found


def _next(text: str, at: int) -> tuple[Token, int]:
    character = text[at]
    if character in "\"'":
        return _string(text, at)
    if number := _NUMBER.match(text, at):
        return _number(number.group(), at), number.end()
    if name := _NAME.match(text, at):
        word = _WORDS.get(name.group())
        if word is not None:
            return Token("word", word, word, at), name.end()
        return Token("name", name.group(), name.group(), at), name.end()
    if symbol := _SYMBOL.match(text, at):
        return Token("symbol", symbol.group(), symbol.group(), at), symbol.end()
    raise ExpressionError(f"unexpected character {character!r}", at)


def _number(text: str, at: int) -> Token:
    if text.isdigit():
        return Token("number", text, int(text), at)
    return Token("number", text, float(text), at)


def _string(text: str, start: int) -> tuple[Token, int]:
    quote = text[start]
    parts: list[str] = []
    at = start + 1
    while at < len(text):
        character = text[at]
        if character == quote:
            return Token("string", text[start : at + 1], _whole("".join(parts)), start), at + 1
        if character != "\\":
            parts.append(character)
            at += 1
            continue
        part, at = _escape(text, at)
        parts.append(part)
    raise ExpressionError("the string is not closed", start)


def _whole(text: str) -> str:
    """``text`` with the two halves of each surrogate pair, as JSON escapes write them, made one character."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _escape(text: str, at: int) -> tuple[str, int]:
    """The characters that the escape at ``at`` stands for.

    An unknown one stands for itself, so ``"\\d+"`` works as a regular expression.
    """
    code = text[at + 1 : at + 2]
    if code in _ESCAPES and code:
        return _ESCAPES[code], at + 2
    digits = _HEX_ESCAPES.get(code)
    if digits is None:
        return "\\", at + 1
    number = text[at + 2 : at + 2 + digits]
    if len(number) != digits or not re.fullmatch(r"[0-9A-Fa-f]+", number) or int(number, 16) > 0x10FFFF:
        raise ExpressionError(f"\\{code} needs {digits} hexadecimal digits", at)
    return chr(int(number, 16)), at + 2 + digits
