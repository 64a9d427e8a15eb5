"""A question as the reader works on it: tokens, quoted names, and which tokens are already explained by what."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.language.lexicon import Hit, Lexicon, Phrase
from shared.language.words import Token, stem, tokens

_QUOTED = re.compile(r"[\"“”`‘]([^\"“”`’\n]{1,200})[\"“”`’]|(?<!\w)'([^'\n]{1,200})'(?!\w)")


@dataclass
class Sentence:
    """The tokens of one sub-question; ``explained`` says what each position was taken for."""

    text: str
    lexicon: Lexicon
    tokens: tuple[Token, ...] = ()
    stems: tuple[str, ...] = ()
    explained: dict[int, str] = field(default_factory=dict)
    quoted: tuple[tuple[int, int, str], ...] = ()
    """Spans of tokens that stand in quotes, with the quoted text: names as the files have them."""

    @classmethod
    def of(cls, text: str, lexicon: Lexicon) -> Sentence:
        found = _with_per_cent(tokens(text))
        quoted = []
        for match in _QUOTED.finditer(text):
            inside = [i for i, t in enumerate(found) if match.start() <= t.start and t.end <= match.end()]
            if inside:
                quoted.append((inside[0], inside[-1] + 1, match.group(1) or match.group(2)))
        return cls(text, lexicon, found, tuple(stem(t.folded, lexicon.language) for t in found), {}, tuple(quoted))

    def __len__(self) -> int:
        return len(self.tokens)

    def word(self, at: int) -> str:
        """The folded word at a position; empty outside of the sentence."""
        return self.tokens[at].folded if 0 <= at < len(self.tokens) else ""

    def words(self, start: int, end: int) -> tuple[str, ...]:
        return tuple(t.folded for t in self.tokens[max(start, 0) : end])

    def explain(self, start: int, end: int, as_what: str) -> None:
        """Mark tokens as understood; the first explanation stays."""
        for i in range(start, end):
            self.explained.setdefault(i, as_what)

    def is_free(self, start: int, end: int) -> bool:
        return not any(i in self.explained for i in range(start, end))

    def find(self, phrases: Iterable[Phrase], *, by_stem: bool = True, free: bool = True) -> tuple[Hit, ...]:
        """The phrases that stand in the sentence; with ``free``, only where nothing is explained yet."""
        hits = self.lexicon.find(phrases, self.tokens, by_stem=by_stem)
        return tuple(h for h in hits if not free or self.is_free(h.start, h.end))

    def copy(self) -> Sentence:
        """The same sentence with its own notes, for another attempt."""
        return Sentence(self.text, self.lexicon, self.tokens, self.stems, dict(self.explained), self.quoted)


def _with_per_cent(found: tuple[Token, ...]) -> tuple[Token, ...]:
    """The tokens with "per cent" as the one word that it is."""
    joined: list[Token] = []
    for token in found:
        if joined and (joined[-1].folded, token.folded) == ("per", "cent"):
            before = joined.pop()
            token = Token(f"{before.text} {token.text}", before.start, token.end, "percent")
        joined.append(token)
    return tuple(joined)
