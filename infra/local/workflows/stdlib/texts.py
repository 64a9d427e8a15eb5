"""Module ``text``. Pages: stdlib/text/*."""

from __future__ import annotations

import codecs
import functools
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus, unquote_to_bytes

from infra.local.workflows.errors import value_failure
from infra.local.workflows.expressions.operators import checked_string
from infra.local.workflows.stdlib.signature import function, integer, octets, string
from infra.local.workflows.values import Value

if TYPE_CHECKING:
    import re2

_EACH_BYTE: Final = "kimera.workflows.each_byte"


@functools.lru_cache(maxsize=512)
def _compiled(pattern: str) -> re2._Regexp:
    """The pattern for RE2, of whose matches at one place the longest counts (find_all_regex page)."""
    import re2  # here: most definitions need none, and loading it takes as long as running one of them

    options = re2.Options()
    options.longest_match = True
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as problem:
        reason = problem.args[0] if problem.args else ""
        said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise value_failure(f"invalid regular expression: {pattern}: {said or 'malformed'}") from None


def _regexp(value: Value) -> re2._Regexp:
    return _compiled(_unicode(value, "regexp"))


def _unicode(value: Value, what: str) -> str:
    """``value`` if it is a string with a UTF-8 form: half a surrogate pair, which JSON can smuggle in, has none."""
    text = string(value, what)
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise value_failure(f"{what} is not valid Unicode")
    return text


def _charset(value: Value) -> str:
    name = "utf-8" if value is None else string(value, "charset")
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise value_failure(f"the charset '{name}' is not supported") from None


def _each_byte(fault: UnicodeError) -> tuple[str, int]:
    if not isinstance(fault, UnicodeDecodeError):
        raise fault
    return "\ufffd" * (fault.end - fault.start), fault.end


codecs.register_error(_EACH_BYTE, _each_byte)


def decoded(data: Value, charset: Value) -> str:
    """Each byte that cannot be decoded becomes one U+FFFD (decode page), where Python writes one for several."""
    try:
        return checked_string(octets(data, "data").decode(_charset(charset), _EACH_BYTE))
    except (LookupError, UnicodeError) as problem:
        raise value_failure(f"cannot decode the bytes: {problem}") from None


def _encode(text: Value, charset: Value) -> Value:
    try:
        return string(text, "text").encode(_charset(charset))
    except (LookupError, UnicodeError) as problem:
        raise value_failure(f"cannot encode the text: {problem}") from None


def _find_all(source: Value, substring: Value) -> Value:
    text, part = string(source, "source"), string(substring, "substr")
    if not part:
        raise value_failure("substr is empty")
    return [match.start() for match in re.finditer(re.escape(part), text)]


def _find_all_regex(source: Value, regexp: Value) -> Value:
    text = _unicode(source, "source")
    return [{"index": match.start(), "match": match.group()} for match in _regexp(regexp).finditer(text)]


def _match_regex(source: Value, regexp: Value) -> Value:
    text = _unicode(source, "source")
    return _regexp(regexp).search(text) is not None


def _replace_all(source: Value, substring: Value, replacement: Value) -> Value:
    text, part, new = string(source, "source"), _unicode(substring, "substr"), _unicode(replacement, "repl")
    return checked_string(text.replace(part, new))


def _replace_all_regex(source: Value, regexp: Value, replacement: Value) -> Value:
    """The replacement is text: its page says that a group cannot be referred to."""
    text, pattern, new = _unicode(source, "source"), _regexp(regexp), _unicode(replacement, "repl")
    return checked_string(pattern.sub(lambda match: new, text))


def _split(source: Value, separator: Value) -> Value:
    text, mark = string(source, "source"), _unicode(separator, "separator")
    if not mark:
        raise value_failure("separator is empty")
    return list(text.split(mark))


def _substring(source: Value, start: Value, end: Value) -> Value:
    """A negative index counts from the end; what is out of range is moved to the range's bound (substring page)."""
    return string(source, "source")[integer(start, "start") : integer(end, "end")]


def _url_decode(text: Value) -> Value:
    data = string(text, "text").replace("+", " ")
    if re.search(r"%(?![0-9A-Fa-f]{2})", data):
        raise value_failure("a '%' is not followed by two hexadecimal digits")
    try:
        return unquote_to_bytes(data).decode("utf-8")
    except UnicodeDecodeError:
        raise value_failure("the decoded text is not UTF-8") from None


def _url_encode(source: Value) -> Value:
    """Letters, digits and ``.-_`` stay as they are (url_encode page): unlike in Python and RFC 3986, ``~`` does not."""
    return checked_string(quote(_unicode(source, "source"), safe="").replace("~", "%7E"))


def _url_encode_plus(source: Value) -> Value:
    return checked_string(quote_plus(_unicode(source, "source"), safe="").replace("~", "%7E"))


FUNCTIONS: Final = (
    function("text.decode", "data charset?", decoded),
    function("text.encode", "text charset?", _encode),
    function("text.find_all", "source substr", _find_all),
    function("text.find_all_regex", "source regexp", _find_all_regex),
    function("text.match_regex", "source regexp", _match_regex),
    function("text.replace_all", "source substr repl", _replace_all),
    function("text.replace_all_regex", "source regexp repl", _replace_all_regex),
    function("text.split", "source separator", _split),
    function("text.substring", "source start end", _substring),
    function("text.to_lower", "source", lambda source: checked_string(string(source, "source").lower())),
    function("text.to_upper", "source", lambda source: checked_string(string(source, "source").upper())),
    function("text.url_decode", "source", _url_decode),
    function("text.url_encode", "source", _url_encode),
    function("text.url_encode_plus", "source", _url_encode_plus),
)
