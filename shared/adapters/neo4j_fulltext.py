"""A search as a Lucene query that can only find words.

It finds candidates: each chunk of the scopes that holds any of the words, and perhaps some more. ``shared/knowledge/ranking.py`` ranks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shared.knowledge.port import QueryTerm

WORDS_AT_ONCE = 400
"""Lucene refuses a query of more than 1,024 clauses."""
_LONGEST_PREFIX = 100
"""The index cuts words at 255 characters; a shorter beginning finds all that go on."""


def expressions(query: Sequence[QueryTerm], scopes: Sequence[str]) -> Iterator[str]:
    """Queries that together find the chunks of the scopes with any of the words; none where nothing is asked for."""
    words = list(
        dict.fromkeys(_expression(word, prefix=term.prefix) for term in query for word in term.alternatives if _says_something(word))
    )
    for start in range(0, len(words) if scopes else 0, WORDS_AT_ONCE):
        yield f"scope:({' OR '.join(scopes)}) AND words:({' OR '.join(words[start : start + WORDS_AT_ONCE])})"


def _says_something(word: str) -> bool:
    return bool(word.replace('"', "").replace("\0", "").strip())


def _expression(word: str, *, prefix: bool) -> str:
    """The word in quotes, within which only the quote and the backslash mean anything; a beginning with each sign escaped."""
    if not prefix:
        return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
    beginning = word.split()[0][:_LONGEST_PREFIX]
    return "".join(c if c.isalnum() or ord(c) > 127 else f"\\{c}" for c in beginning) + "*"
