"""The standard library, function by function. Pages: stdlib/<module>/<function>."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from infra.local.workflows.stdlib import CONSTANTS, FUNCTIONS
from infra.local.workflows.values import Json

if TYPE_CHECKING:
    from tests.workflows.conftest import Bench

VALUES: list[tuple[str, Json]] = [
    ('base64.encode(text.encode("Hello"))', "SGVsbG8="),
    ('base64.encode(text.encode("Hello"), false)', "SGVsbG8"),
    ('text.decode(base64.decode("SGVsbG8="))', "Hello"),
    ('text.decode(base64.decode("SGVsbG8", false))', "Hello"),
    ('text.decode(base64.decode("SGVs\\r\\nbG8=\\n"))', "Hello"),
    (
        'base64.encode(hash.compute_checksum(text.encode("Hello World", "UTF-8"), "SHA256"))',
        "pZGm1Av0IEBKARczz7exkNYsZb8LzaMrV7J32a2fFG4=",  # pragma: allowlist secret
    ),
    ('len(hash.compute_checksum(text.encode(""), "MD5"))', 16),
    (
        'base64.encode(hash.compute_hmac(text.encode("key"), text.encode("The quick brown fox jumps over the lazy dog"), "SHA1"))',
        "3nybhbi3iqa8ino29wqQcBydtNk=",
    ),
    ('json.encode_to_string({"a": [1, 2.5, null, true], "b": "é"})', '{"a":[1,2.5,null,true],"b":"é"}'),
    ('json.encode_to_string({"a": 1}, true)', '{\n    "a": 1\n}'),
    ('json.encode_to_string([1], {"indent": " ", "prefix": ">"})', "[\n> 1\n>]"),
    ('text.decode(json.encode({"a": 1}))', '{"a":1}'),
    ('json.decode("{\\"a\\": [1, 1.5]}")', {"a": [1, 1.5]}),
    ('json.decode(text.encode("7"))', 7),
    ('json.decode(base64.decode("Iv8i"))', "\ufffd"),  # the page: bytes are decoded as text.decode does
    ('get_type(json.decode("12345678901234567890123"))', "double"),
    ("list.concat([1], [2])", [1, [2]]),
    ("list.prepend([1], 0)", [0, 1]),
    ('map.delete({"a": 1, "b": 2}, "a")', {"b": 2}),
    ('map.delete({"a": 1}, "b")', {"a": 1}),
    ('map.get({"a": {"b": 3}}, ["a", "b"])', 3),
    ('map.get({"a": 1}, ["a", "b"])', None),
    ('map.get(null, "a")', None),
    ('map.merge({"a": 1, "b": {"c": 1}}, {"b": {"d": 2}})', {"a": 1, "b": {"d": 2}}),
    ('map.merge_nested({"a": 1, "b": {"c": 1}}, {"b": {"d": 2}})', {"a": 1, "b": {"c": 1, "d": 2}}),
    ("[math.abs(-3), math.abs(2.5), math.floor(-2.5), math.floor(3)]", [3, 2.5, -3, 3]),
    ("[math.max(1, 2.5), math.min(1, 2.5), math.max(3, 2.5)]", [2.5, 1, 3]),
    ("[get_type(math.max(2, 1)), get_type(math.max(2, 1.5)), get_type(math.min(1, 1.5))]", ["integer", "double", "double"]),
    ('text.find_all("HelloWorld", "o")', [4, 6]),
    ('text.find_all_regex("HelloWorld", "Hello|World")', [{"index": 0, "match": "Hello"}, {"index": 5, "match": "World"}]),
    ('text.find_all_regex("abc", "[0-9]+")', []),
    ('text.find_all_regex("éab abcd", "ab|abcd")', [{"index": 1, "match": "ab"}, {"index": 4, "match": "abcd"}]),  # the longest counts
    ('text.match_regex("Ünï", "^\\\\pL+$")', True),  # RE2 syntax
    ('text.match_regex("' + "a" * 60 + '!", "^(a+)+$")', False),  # and RE2's linear time
    ('[text.match_regex("abc", "b"), text.match_regex("abc", "^b")]', [True, False]),
    ('text.replace_all("a-b-c", "-", "+")', "a+b+c"),
    ('text.replace_all_regex("cat cow", "cat|cow", "pet")', "pet pet"),
    ('text.replace_all_regex("abc", "", "-")', "-a-b-c-"),
    ('text.replace_all_regex("k1=v1", "(\\w+)=(\\w+)", "\\\\2 $1")', "\\2 $1"),  # a group cannot be referred to
    ('text.replace_all_regex("abcd", "ab|abc", "x")', "xd"),
    ('text.find_all("aaaaé, aa", "aa")', [0, 2, 7]),  # code points, without overlaps
    ('text.find_all("abc", "x")', []),
    ('text.decode(base64.decode("Yf9i"))', "a\ufffdb"),
    ('text.decode(base64.decode("YeKCYg=="))', "a\ufffd\ufffdb"),  # one for each byte
    ('text.decode(text.encode("ä", "iso-8859-2"), "ISO-8859-2")', "ä"),
    ('text.split("a,b,,c", ",")', ["a", "b", "", "c"]),
    ('text.split("baaab", "aa")', ["b", "ab"]),  # the leftmost counts
    ('[text.split("abc", "a"), text.split("abc", "c"), text.split("abc", "x")]', [["", "bc"], ["ab", ""], ["abc"]]),
    ('text.substring("Hello", 1, 4)', "ell"),
    ('text.substring("Hello", -3, -1)', "ll"),
    ('text.substring("Hello", -9, 9)', "Hello"),
    ('[text.substring("Hello", 7, 9), text.substring("Hello", 3, 2)]', ["", ""]),
    ('[text.to_lower("ÄB"), text.to_upper("äb")]', ["äb", "ÄB"]),
    ('text.url_encode("a b/ü?")', "a%20b%2F%C3%BC%3F"),
    ('text.url_encode_plus("a b/")', "a+b%2F"),
    ('[text.url_encode("aZ09.-_~+"), text.url_encode_plus("aZ09.-_~+")]', ["aZ09.-_%7E%2B", "aZ09.-_%7E%2B"]),  # .-_ stay, no others
    ('text.url_decode("a%20b+%C3%BC")', "a b ü"),
    ("time.format(1720788633)", "2024-07-12T12:50:33.000000Z"),
    ('time.format(1720788633, "")', "2024-07-12T12:50:33.000000Z"),
    ('time.format(1720788633, "GMT")', "2024-07-12T12:50:33.000000Z"),
    ('time.format(1720788633, "Europe/Paris")', "2024-07-12T14:50:33.000000+02:00"),
    ("time.format(1720788633.25)", "2024-07-12T12:50:33.250000Z"),
    ('time.parse("2024-07-12T14:50:33+02:00")', 1720788633.0),
    ('time.parse("2024-07-12t12:50:33.250000z")', 1720788633.25),
    ("uuid.generate()", "00000000-0000-4000-8000-000000000000"),
    ("sys.now()", 1_000_000.0),
    ('sys.get_env("GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID")', "run-1"),
    ('sys.get_env("GOOGLE_CLOUD_WORKFLOW_ID")', "test"),
    ('sys.get_env("NOPE", "fallback")', "fallback"),
    ('sys.get_env("MINE")', "yes"),
    ("http.default_retry.max_retries", 5),
    ("retry.default_backoff", {"initial_delay": 1, "max_delay": 60, "multiplier": 1.25}),
    ('http.default_retry_predicate({"code": 502})', True),
    ('http.default_retry_predicate_non_idempotent({"code": 502})', False),
]

FAILURES = [
    ('base64.encode("text")', "TypeError"),
    ('base64.decode("!")', "ValueError"),
    ('hash.compute_checksum("text", "SHA256")', "TypeError"),
    ('hash.compute_checksum(text.encode("x"), "CRC")', "ValueError"),
    ('json.decode("{")', "ValueError"),
    ("json.decode(1)", "TypeError"),
    ('json.encode(text.encode("x"))', "ValueError"),
    ('map.delete({"a": 1}, 1)', "TypeError"),
    ('map.delete([1], "b")', "TypeError"),
    ('base64.decode("SGVsbG8")', "ValueError"),
    ('text.replace_all_regex("a", "[", "b")', "ValueError"),
    ('text.replace_all_regex("a", "a", 1)', "TypeError"),
    ('map.get({"a": 1}, 1)', "TypeError"),
    ("list.concat(1, 2)", "TypeError"),
    ("list.prepend(1, 2)", "TypeError"),
    ('hash.compute_checksum(text.encode("x"), 5)', "TypeError"),
    ('hash.compute_hmac("key", text.encode("x"), "SHA256")', "TypeError"),
    ('hash.compute_hmac(text.encode("k"), "x", "SHA256")', "TypeError"),
    ('hash.compute_hmac(text.encode("k"), text.encode("x"), "SHA3")', "ValueError"),
    ('math.max(1, "2")', "TypeError"),
    ('text.find_all("a", 1)', "TypeError"),
    ('text.find_all_regex("a", "(")', "ValueError"),
    ('text.match_regex("aa", "(a)\\1")', "ValueError"),
    ('text.match_regex("a", "(?=a)")', "ValueError"),
    ("text.substring(1, 2, 9)", "TypeError"),
    ('text.substring("abc", 0.0, 1)', "TypeError"),
    ('text.split("a", 1)', "TypeError"),
    ('text.split("a", "")', "ValueError"),
    ('text.split("a", "\\ud800")', "ValueError"),
    ('text.replace_all("a", "\\ud800", "b")', "ValueError"),
    ('text.match_regex("a", "\\ud800")', "ValueError"),
    ("math.abs(-9223372036854775808)", "ValueError"),
    ("math.abs(true)", "TypeError"),
    ('math.floor("1")', "TypeError"),
    ("math.min(null, 1)", "TypeError"),
    ("text.url_encode(1)", "TypeError"),
    ("text.url_encode_plus(null)", "TypeError"),
    ("text.url_decode(1)", "TypeError"),
    ('text.url_decode("%f")', "ValueError"),
    ("text.to_upper(1)", "TypeError"),
    ("text.to_lower([])", "TypeError"),
    ('map.merge({}, "x")', "TypeError"),
    ("map.merge_nested(null, {})", "TypeError"),
    ('map.get({"a": 1}, ["a", 1])', "TypeError"),
    ('json.encode([text.encode("x")])', "ValueError"),
    ("json.encode(len)", "ValueError"),
    ('json.encode_to_string(1, "x")', "TypeError"),
    ("hash.compute_checksum(null, null)", "TypeError"),
    ('base64.encode(text.encode("x"), 1)', "TypeError"),
    ("base64.decode(1)", "TypeError"),
    ('time.format("0")', "TypeError"),
    ("time.format(0, 1)", "TypeError"),
    ('text.decode("text")', "TypeError"),
    ('text.decode(text.encode(""), "nope")', "ValueError"),
    ('text.decode(text.encode("a"), "base64")', "ValueError"),
    ('text.encode("ä", "US-ASCII")', "ValueError"),
    ('text.encode("a..b", "idna")', "ValueError"),
    ('text.encode("a", "nope")', "ValueError"),
    ('text.url_decode("%zz")', "ValueError"),
    ('time.format(0, "Nowhere/None")', "ValueError"),
    ('time.parse("yesterday")', "ValueError"),
    ('time.parse("2024-07-12")', "ValueError"),
    ('time.parse("2024-07-12T12:50:33")', "ValueError"),  # RFC 3339 has an offset, which ISO 8601 may leave out
    ("time.parse(1720788633)", "TypeError"),
    ('sys.get_env("NOPE", 5)', "TypeError"),
    ("sys.get_env(5)", "TypeError"),
    ('sys.get_env("NOPE")', "KeyError"),
]


X = '${text.encode("x")}'
NAMED: dict[str, dict[str, Json]] = {
    "base64.decode": {"data": "eA==", "padding": True},
    "base64.encode": {"data": X, "padding": True},
    "hash.compute_checksum": {"data": X, "algorithm": "MD5"},
    "hash.compute_hmac": {"key": X, "data": X, "algorithm": "MD5"},
    "http.default_retry_predicate": {"exception": {}},
    "http.default_retry_predicate_non_idempotent": {"exception": {}},
    "json.decode": {"data": "1"},
    "json.encode": {"data": 1, "indent": True},
    "json.encode_to_string": {"data": 1, "indent": True},
    "list.concat": {"objs": [], "val": 1},
    "list.prepend": {"objs": [], "val": 1},
    "map.delete": {"map": {}, "key": "k"},
    "map.get": {"map": {}, "keys": "k"},
    "map.merge": {"first": {}, "second": {}},
    "map.merge_nested": {"first": {}, "second": {}},
    "math.abs": {"x": -1},
    "math.max": {"x": 1, "y": 2},
    "math.min": {"x": 1, "y": 2},
    "sys.get_env": {"name": "NOPE", "default": "d"},
    "text.decode": {"data": X, "charset": "utf-8"},
    "text.encode": {"text": "x", "charset": "UTF-8"},
    "text.find_all": {"source": "a", "substr": "a"},
    "text.find_all_regex": {"source": "a", "regexp": "a"},
    "text.match_regex": {"source": "a", "regexp": "a"},
    "text.replace_all": {"source": "a", "substr": "a", "repl": "b"},
    "text.replace_all_regex": {"source": "a", "regexp": "a", "repl": "b"},
    "text.split": {"source": "a,b", "separator": ","},
    "text.substring": {"source": "abc", "start": 0, "end": 1},
    "text.url_decode": {"source": "a"},
    "text.url_encode": {"source": "a"},
    "text.url_encode_plus": {"source": "a"},
}


@pytest.mark.parametrize(("expression", "expected"), VALUES, ids=[text for text, _ in VALUES])
def test_value(bench: Bench, expression: str, expected: Json) -> None:
    bench.env = {"MINE": "yes"}
    assert bench.value(expression) == expected


@pytest.mark.parametrize(("expression", "tag"), FAILURES, ids=[text for text, _ in FAILURES])
def test_failure(bench: Bench, expression: str, tag: str) -> None:
    assert tag in bench.value_tags(expression)


@pytest.mark.parametrize(("algorithm", "size"), [("MD5", 16), ("SHA1", 20), ("SHA224", 28), ("SHA256", 32), ("SHA384", 48), ("SHA512", 64)])
def test_every_hashing_algorithm_of_the_hash_pages(bench: Bench, algorithm: str, size: int) -> None:
    assert bench.value(f'len(hash.compute_checksum(text.encode("x"), "{algorithm}"))') == size
    assert bench.value(f'len(hash.compute_hmac(text.encode("k"), text.encode("x"), "{algorithm}"))') == size


def test_arguments_have_the_names_that_the_pages_give_them(bench: Bench) -> None:
    """Pages: stdlib/<module>/<function>, "Arguments". By name and by position it is the same call."""
    for function, arguments in NAMED.items():
        steps = (
            f"- a: {{call: {function}, args: {json.dumps(arguments)}, result: x}}\n"
            f"- b: {{call: {function}, args: {json.dumps(list(arguments.values()))}, result: y}}\n"
            "- r: {return: '${x == y}'}\n"
        )
        assert bench.result(steps) is True, function


@pytest.mark.parametrize(
    "name",
    [
        "GOOGLE_CLOUD_LOCATION",
        "GOOGLE_CLOUD_PROJECT_ID",
        "GOOGLE_CLOUD_PROJECT_NUMBER",
        "GOOGLE_CLOUD_SERVICE_ACCOUNT_NAME",
        "GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID",
        "GOOGLE_CLOUD_WORKFLOW_ID",
        "GOOGLE_CLOUD_WORKFLOW_REVISION_ID",
    ],
)
def test_every_variable_of_the_environment_variables_page(bench: Bench, name: str) -> None:
    assert bench.value(f'get_type(sys.get_env("{name}"))') == "string"
    assert bench.value(f'len(sys.get_env("{name}")) > 0') is True


def test_the_list_functions_leave_their_argument_as_it_is(bench: Bench) -> None:
    """list.concat and list.prepend pages."""
    steps = "[{a: {assign: [{l: [1]}, {m: '${list.concat(l, 2)}'}, {n: '${list.prepend(l, [0])}'}]}}, {r: {return: '${[l, m, n]}'}}]"
    assert bench.result(steps) == [[1], [1, 2], [[0], 1]]


def test_the_whole_library_is_there() -> None:
    """Page: stdlib/overview."""
    documented = """
        base64.decode base64.encode events.await_callback events.create_callback_endpoint hash.compute_checksum hash.compute_hmac
        http.default_retry_predicate http.default_retry_predicate_non_idempotent
        http.delete http.get http.patch http.post http.put http.request
        json.decode json.encode json.encode_to_string list.concat list.prepend map.delete map.get map.merge map.merge_nested
        math.abs math.floor math.max math.min retry.always retry.never sys.get_env sys.log sys.now sys.sleep sys.sleep_until
        text.decode text.encode text.find_all text.find_all_regex text.match_regex text.replace_all text.replace_all_regex
        text.split text.substring
        text.to_lower text.to_upper text.url_decode text.url_encode text.url_encode_plus time.format time.parse uuid.generate
        default double get_type if int keys len not string
    """
    assert set(documented.split()) == set(FUNCTIONS)
    assert set(CONSTANTS) == {"http.default_retry", "http.default_retry_non_idempotent", "retry.default_backoff"}


class TestSys:
    """Pages: stdlib/sys/log, sleep, sleep_until."""

    def test_log_writes_data_with_its_severity(self, bench: Bench) -> None:
        bench.result("- a: {call: sys.log, args: {data: {k: 1}, severity: WARNING}}\n- b: {call: sys.log, args: [plain]}\n")
        assert [(entry.severity, entry.payload) for entry in bench.logs] == [("WARNING", {"k": 1}), ("DEFAULT", "plain")]

    @pytest.mark.parametrize(
        ("args", "tag"),
        [
            ("{}", "TypeError"),
            ("{data: a, text: b}", "TypeError"),
            ("{json: text}", "TypeError"),
            ("{text: x, severity: LOUD}", "ValueError"),
            ("{data: '${text.encode(\"x\")}'}", "TypeError"),
            ("{data: ['${text.encode(\"x\")}']}", "TypeError"),
        ],
    )
    def test_log_refuses_what_the_page_refuses(self, bench: Bench, args: str, tag: str) -> None:
        assert tag in bench.tags(f"- a: {{call: sys.log, args: {args}}}\n")

    def test_what_is_logged_as_text_is_text(self, bench: Bench) -> None:
        bench.result(
            "- a: {call: sys.log, args: {text: {k: 1}}}\n- b: {call: sys.log, args: {data: [1, true]}}\n- c: {call: sys.log, args: [5]}\n"
        )
        assert [entry.payload for entry in bench.logs] == ['{"k":1}', "[1,true]", "5"]

    def test_sleeps_take_the_clock_forward(self, bench: Bench) -> None:
        definition = """
        - a: {call: sys.sleep, args: {seconds: 0.5}}
        - b: {call: sys.sleep_until, args: {time: "1970-01-12T13:46:41Z"}}
        - c: {return: "${sys.now()}"}
        """
        assert bench.result(definition) == 1_000_001.0

    def test_a_moment_that_has_passed_is_not_waited_for(self, bench: Bench) -> None:
        assert (
            bench.result("- b: {call: sys.sleep_until, args: {time: '1970-01-01T00:00:00Z'}}\n- c: {return: '${sys.now()}'}\n")
            == 1_000_000.0
        )

    def test_callbacks_say_that_they_are_missing(self, bench: Bench) -> None:
        assert (
            "no callback endpoints"
            in bench.error("- a: {call: events.create_callback_endpoint, args: {http_callback_method: POST}, result: c}\n").context
        )


def test_bytes_cannot_be_returned(bench: Bench) -> None:
    """Page: syntax/datatypes, "Returning bytes"."""
    assert "bytes" in bench.error("- r: {return: '${text.encode(\"x\")}'}\n").context
