"""The words that steer, per language: ``lexicon/<language>.toml`` as a typed, read-only table. Adding a language is adding a file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict

from shared.errors import BadInput
from shared.language.words import Token, fold, stem, words

_FOLDER = Path(__file__).parent / "lexicon"


class _Synonyms(BaseModel):
    columns: tuple[tuple[str, ...], ...]
    cells: tuple[tuple[str, ...], ...]
    rows: frozenset[str]


class _Negations(BaseModel):
    words: tuple[str, ...]
    excluding: tuple[str, ...]
    between: frozenset[str]
    idle: tuple[str, ...]


class _LexiconFile(BaseModel):
    """The shape of a lexicon file; a misspelt key is an error."""

    model_config = ConfigDict(extra="forbid")

    language: str
    name: str
    stopwords: frozenset[str]
    question_words: frozenset[str]
    cut_words: tuple[str, ...]
    task_words: frozenset[str]
    scope_words: frozenset[str]
    pronouns: frozenset[str]
    connectives: tuple[str, ...]
    abbreviations: frozenset[str]
    neutral: frozenset[str]
    measure_nouns: frozenset[str]
    quantity_nouns: dict[str, tuple[str, ...]]
    not_cues: frozenset[str]
    operations: dict[str, tuple[str, ...]]
    superlatives: dict[str, bool]
    adjectives: dict[str, tuple[str, ...]]
    comparatives: dict[str, tuple[str, ...]]
    grouping: dict[str, tuple[str, ...]]
    comparisons: dict[str, tuple[str, ...]]
    negations: _Negations
    filter_words: dict[str, tuple[str, ...]]
    time: dict[str, tuple[str, ...]]
    grains: dict[str, tuple[str, ...]]
    months: dict[str, int]
    numbers: dict[str, int]
    refusals: dict[str, tuple[str, ...]]
    documents: dict[str, tuple[str, ...]]
    synonyms: _Synonyms
    additivity: dict[str, tuple[str, ...]]
    units: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase of the lexicon, ready to be looked for: its meaning, its folded words and their stems."""

    meaning: str
    words: tuple[str, ...]
    stems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase that was found: the tokens ``start`` to ``end`` (exclusive) of the text say ``meaning``."""

    meaning: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, eq=False)
class Lexicon:
    """One language's words. Phrase lists are sorted so that the longest phrase is met first."""

    language: str
    name: str
    stopwords: frozenset[str]
    question_words: frozenset[str]
    cut_words: tuple[tuple[str, ...], ...]
    task_words: frozenset[str]
    scope_words: frozenset[str]
    pronouns: frozenset[str]
    connectives: tuple[tuple[str, ...], ...]
    abbreviations: frozenset[str]
    neutral: frozenset[str]
    measure_nouns: frozenset[str]
    quantity_nouns: Mapping[str, str]
    not_cues: frozenset[str]
    operations: tuple[Phrase, ...]
    superlatives: Mapping[str, bool]
    adjectives: Mapping[str, str]
    comparatives: Mapping[str, str]
    grouping: tuple[Phrase, ...]
    comparisons: tuple[Phrase, ...]
    negations: tuple[Phrase, ...]
    """Meaning "word", "excluding" or "idle"."""
    between_negated: frozenset[str]
    """Words that may stand between a negation and what it turns round."""
    filter_words: tuple[Phrase, ...]
    time: Mapping[str, tuple[Phrase, ...]]
    grains: tuple[Phrase, ...]
    months: Mapping[str, int]
    numbers: Mapping[str, int]
    refusals: tuple[Phrase, ...]
    documents: tuple[Phrase, ...]
    column_synonyms: tuple[tuple[tuple[str, ...], ...], ...]
    cell_synonyms: tuple[frozenset[str], ...]
    row_words: frozenset[str]
    additive: frozenset[str]
    not_additive: frozenset[str]
    units: tuple[Phrase, ...]

    @cached_property
    def steering(self) -> frozenset[str]:
        """The single words that have a meaning of their own in a question: never taken for a misspelt name or a value."""
        cues = {p.words[0] for p in (*self.operations, *self.grains, *self.refusals) if len(p.words) == 1}
        listed = set(self.superlatives) | set(self.comparatives) | set(self.adjectives) | set(self.months)
        return frozenset(cues | listed | self.stopwords | self.neutral | self.question_words)

    @cached_property
    def only_neutral(self) -> frozenset[str]:
        """The neutral words that have no other meaning in a question: where a table holds one as a value, the value is meant."""
        return self.neutral - self._meant - self.row_words - set(self.adjectives)

    @cached_property
    def _meant(self) -> frozenset[str]:
        """Every word that stands in a phrase or a list with a meaning."""
        phrases = (*self.operations, *self.grains, *self.refusals, *self.grouping, *self.comparisons, *self.filter_words)
        listed = set(self.superlatives) | set(self.comparatives) | set(self.months) | set(self.numbers) | self.stopwords
        return frozenset({w for p in phrases for w in p.words} | listed | self.question_words | self.task_words)

    def find(self, phrases: Iterable[Phrase], text: tuple[Token, ...], *, by_stem: bool = True) -> tuple[Hit, ...]:
        """Every place where one of ``phrases`` stands in ``text``, in order; where two overlap, the longer one."""
        text_stems = tuple(stem(token.folded, self.language) for token in text)
        found: list[Hit] = []
        present = {token.folded for token in text} | set(text_stems)
        for phrase in phrases:
            size = len(phrase.words)
            if phrase.words[0] not in present and phrase.stems[0] not in present:
                continue
            for start in range(len(text) - size + 1):
                if all(
                    text[start + i].folded == phrase.words[i]
                    or (by_stem and text_stems[start + i] == phrase.stems[i] and text[start + i].folded not in self.not_cues)
                    for i in range(size)
                ):
                    shown = " ".join(token.text for token in text[start : start + size])
                    found.append(Hit(phrase.meaning, start, start + size, shown))
        return _without_overlaps(found)


def _without_overlaps(found: list[Hit]) -> tuple[Hit, ...]:
    """The longest hits first, none of which covers a token of another; then in the order of the text."""
    taken: set[int] = set()
    kept: list[Hit] = []
    for hit in sorted(found, key=lambda h: (h.start - h.end, h.start, h.meaning)):
        span = set(range(hit.start, hit.end))
        if not span & taken:
            taken |= span
            kept.append(hit)
    return tuple(sorted(kept, key=lambda h: h.start))


def _phrases(table: Mapping[str, Iterable[str]], language: str) -> tuple[Phrase, ...]:
    made = [
        Phrase(meaning, parts, tuple(stem(part, language) for part in parts))
        for meaning, texts in table.items()
        for text in texts
        if (parts := words(text))
    ]
    return tuple(sorted(made, key=lambda p: (-len(p.words), p.words, p.meaning)))


@lru_cache(maxsize=1)
def languages() -> Mapping[str, str]:
    """The languages that have a lexicon: code to name."""
    found: dict[str, str] = {}
    for path in sorted(_FOLDER.glob("*.toml")):
        lexicon = load_lexicon(path.stem)
        found[lexicon.language] = lexicon.name
    return MappingProxyType(found)


@lru_cache(maxsize=8)
def load_lexicon(language: str = "en") -> Lexicon:
    """The lexicon of ``language``; ``BadInput`` where there is none."""
    path = _FOLDER / f"{language}.toml"
    if not language.isalpha() or not path.is_file():
        raise BadInput(f"there is no lexicon for the language {language!r}", remedy="Ask in English, or add a lexicon file.")
    file = _LexiconFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    negations = file.negations
    return Lexicon(
        language=file.language,
        name=file.name,
        stopwords=frozenset(map(fold, file.stopwords)),
        question_words=file.question_words,
        cut_words=tuple(words(text) for text in file.cut_words),
        task_words=file.task_words,
        scope_words=file.scope_words,
        pronouns=file.pronouns,
        connectives=tuple(sorted((words(text) for text in file.connectives), key=len, reverse=True)),
        abbreviations=file.abbreviations,
        neutral=file.neutral,
        measure_nouns=file.measure_nouns,
        quantity_nouns=MappingProxyType({noun: kind for kind, listed in file.quantity_nouns.items() for noun in listed}),
        not_cues=file.not_cues,
        operations=_phrases(file.operations, language),
        superlatives=MappingProxyType(file.superlatives),
        adjectives=MappingProxyType({word: measure for measure, listed in file.adjectives.items() for word in listed}),
        comparatives=MappingProxyType({word: direction for direction, listed in file.comparatives.items() for word in listed}),
        grouping=_phrases(file.grouping, language),
        comparisons=_phrases(file.comparisons, language),
        negations=_phrases({"word": negations.words, "excluding": negations.excluding, "idle": negations.idle}, language),
        between_negated=negations.between,
        filter_words=_phrases(file.filter_words, language),
        time=MappingProxyType({kind: _phrases({kind: listed}, language) for kind, listed in file.time.items()}),
        grains=_phrases(file.grains, language),
        months=MappingProxyType(file.months),
        numbers=MappingProxyType(file.numbers),
        refusals=_phrases(file.refusals, language),
        documents=_phrases(file.documents, language),
        column_synonyms=tuple(tuple(tuple(stem(w, language) for w in words(text)) for text in group) for group in file.synonyms.columns),
        cell_synonyms=tuple(frozenset(" ".join(words(text)) for text in group) for group in file.synonyms.cells),
        row_words=file.synonyms.rows,
        additive=frozenset(stem(word, language) for word in file.additivity["additive"]),
        not_additive=frozenset(stem(word, language) for word in file.additivity["not_additive"]),
        units=_phrases(file.units, language),
    )


def content_stems(text: str, language: str = "en") -> tuple[str, ...]:
    """The stems of the words that carry meaning: without stopwords and lone punctuation."""
    stopwords = load_lexicon(language).stopwords
    return tuple(stem(word, language) for word in words(text) if word not in stopwords and word[0].isalnum())
