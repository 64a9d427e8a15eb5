"""Module ``text``. Pages: stdlib/text/*."""

from __future__ import annotations

import functools
import re
from typing import Final
from urllib.parse import quote, quote_plus, unquote_to_bytes

from infra.local.workflows.errors import type_failure, value_failure
from infra.local.workflows.expressions.operators import checked_string
from infra.local.workflows.stdlib.signature import function, integer, octets, string
from infra.local.workflows.values import Value

# What RE2 does not have: back-references, look-around, atomic groups and possessive quantifiers.
_NOT_RE2: Final = re.compile(r"\(\?(?:[=!]|<[=!]|>|\(|P=|P>)|(?<!\\)(?:\\\\)*\\[1-9]|(?<![\\])[*+?}]\+")
_GROUP: Final = re.compile(r"\\([0-9\\])")


@functools.lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, if it is one that RE2 accepts too."""
    if _NOT_RE2.search(pattern):
        raise value_failure(f"invalid regular expression (RE2 has no look-around, back-references or possessive quantifiers): {pattern}")
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as problem:
        raise value_failure(f"invalid regular expression: {pattern}: {problem}") from None


def _regexp(value: Value) -> re.Pattern[str]:
    return _compiled(string(value, "regexp"))


def _decode(data: Value, charset: Value) -> Value:
    name = "utf-8" if charset is None else string(charset, "charset")
    try:
        return checked_string(octets(data, "data").decode(name))
    except (UnicodeDecodeError, LookupError) as problem:
        raise value_failure(f"cannot decode the bytes: {problem}") from None


def _encode(text: Value, charset: Value) -> Value:
    name = "utf-8" if charset is None else string(charset, "charset")
    try:
        return string(text, "text").encode(name)
    except (UnicodeEncodeError, LookupError) as problem:
        raise value_failure(f"cannot encode the text: {problem}") from None


def _find_all(source: Value, substring: Value) -> Value:
    text, part = string(source, "source"), string(substring, "substr")
    if not part:
        raise value_failure("substr is empty")
    return [match.start() for match in re.finditer(re.escape(part), text)]


def _find_all_regex(source: Value, regexp: Value) -> Value:
    text = string(source, "source")
    return [{"index": match.start(), "match": match.group()} for match in _regexp(regexp).finditer(text)]


def _match_regex(source: Value, regexp: Value) -> Value:
    text = string(source, "source")
    return _regexp(regexp).search(text) is not None


def _replace_all(source: Value, substring: Value, replacement: Value) -> Value:
    text, part, new = string(source, "source"), string(substring, "substr"), string(replacement, "repl")
    return checked_string(text.replace(part, new))


def _replace_all_regex(source: Value, regexp: Value, replacement: Value) -> Value:
    """``\\0`` to ``\\9`` in the replacement stand for the match and its groups."""
    text, pattern, new = string(source, "source"), _regexp(regexp), string(replacement, "repl")
    for group in _GROUP.findall(new):
        if group.isdigit() and int(group) > pattern.groups:
            raise value_failure(f"the regular expression has no group {group}")

    def expand(match: re.Match[str]) -> str:
        return _GROUP.sub(lambda found: "\\" if found[1] == "\\" else match.group(int(found[1])) or "", new)

    return checked_string(pattern.sub(expand, text))


def _split(source: Value, separator: Value) -> Value:
    text, mark = string(source, "source"), string(separator, "separator")
    return list(text) if not mark else list(text.split(mark))


def _substring(source: Value, start: Value, end: Value) -> Value:
    text, first, last = string(source, "source"), integer(start, "start"), integer(end, "end")
    if not 0 <= first <= last <= len(text):
        raise value_failure(f"the range {first} to {last} is not within a string of {len(text)} characters")
    return text[first:last]


def _url_decode(text: Value) -> Value:
    data = string(text, "text").replace("+", " ")
    if re.search(r"%(?![0-9A-Fa-f]{2})", data):
        raise value_failure("a '%' is not followed by two hexadecimal digits")
    try:
        return unquote_to_bytes(data).decode("utf-8")
    except UnicodeDecodeError:
        raise value_failure("the decoded text is not UTF-8") from None


def _utf8(value: Value) -> str:
    text = string(value, "text")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise type_failure("the text is not valid Unicode")
    return text


FUNCTIONS: Final = (
    function("text.decode", "data charset?", _decode),
    function("text.encode", "text charset?", _encode),
    function("text.find_all", "source substr", _find_all),
    function("text.find_all_regex", "source regexp", _find_all_regex),
    function("text.match_regex", "source regexp", _match_regex),
    function("text.replace_all", "source substr repl", _replace_all),
    function("text.replace_all_regex", "source regexp repl", _replace_all_regex),
    function("text.split", "source separator", _split),
    function("text.substring", "source start end", _substring),
    function("text.to_lower", "source", lambda source: string(source, "source").lower()),
    function("text.to_upper", "source", lambda source: string(source, "source").upper()),
    function("text.url_decode", "source", _url_decode),
    function("text.url_encode", "source", lambda source: quote(_utf8(source), safe="")),
    function("text.url_encode_plus", "source", lambda source: quote_plus(_utf8(source), safe="")),
)
