"""A question becomes quoted words and escaped beginnings: nothing in it reaches Lucene as an operator."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.neo4j_fulltext import WORDS_AT_ONCE, expressions
from shared.knowledge.port import QueryTerm

_WORD = r'"(?:[^"\\]|\\["\\])*"|(?:[0-9A-Za-z]|[^\x00-\x7f]|\\[\x00-\x7f])+\*'
_WHOLE = re.compile(rf"scope:\(s1 OR s2\) AND words:\((?:{_WORD})(?: OR (?:{_WORD}))*\)", re.DOTALL)


@given(st.lists(st.builds(QueryTerm, st.tuples(st.text(), st.text()), st.booleans())))
def test_every_expression_is_words_in_quotes_and_beginnings_with_signs_escaped(query: list[QueryTerm]) -> None:
    for expression in expressions(query, ["s1", "s2"]):
        assert _WHOLE.fullmatch(expression), expression


def test_many_words_are_asked_in_parts_and_nothing_asks_nothing() -> None:
    words = [QueryTerm((f"w{i}",)) for i in range(WORDS_AT_ONCE + 1)]
    assert len(list(expressions(words, ["s"]))) == 2
    assert list(expressions([QueryTerm(("", " ", '"'))], ["s"])) == []
    assert list(expressions(words, [])) == []
