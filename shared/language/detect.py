"""Which language a question is written in, from its script and its small words; a language without a lexicon is refused.

No model, and nothing to download: questions are short, but they are questions, so their small words and question words
suffice. Column names are not evidence: pass them as ``names``.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from shared.errors import NotUnderstood
from shared.language.lexicon import languages, load_lexicon
from shared.language.words import fold, words

_FILE = Path(__file__).parent / "detection" / "words.toml"
_ENOUGH_OTHER_LETTERS = 0.3
"""Above this share of letters of another script, the question is not in Latin script."""
_DEFAULT = "en"
_TELLING_LETTERS = {"ß": "de", "ñ": "es", "¿": "es", "¡": "es", "ã": "pt", "õ": "pt", "ł": "pl", "ı": "tr", "ğ": "tr", "ş": "tr"}


@lru_cache(maxsize=1)
def _evidence() -> tuple[Mapping[str, Mapping[str, float]], Mapping[str, str]]:
    """For each folded word the languages it speaks for, with its weight; and the languages' names."""
    table = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    names: dict[str, str] = table.pop("names")
    listed: dict[str, set[str]] = {code: {fold(word) for word in found} for code, found in table.items()}
    for code in languages():
        listed.setdefault(code, set()).update(_cues(code))
    owners: dict[str, list[str]] = {}
    for code, found in listed.items():
        for word in found:
            owners.setdefault(word, []).append(code)
    return {word: dict.fromkeys(codes, 1 / len(codes)) for word, codes in owners.items()}, names


def _cues(language: str) -> set[str]:
    """The single words of a lexicon that name an operation, a time span or a refusal: they are evidence for its language."""
    lexicon = load_lexicon(language)
    phrases = (*lexicon.operations, *lexicon.grains, *lexicon.refusals)
    return {word for phrase in phrases for word in phrase.words if len(word) > 2} | set(lexicon.superlatives) | set(lexicon.task_words)


def detect_language(question: str, *, names: Iterable[str] = ()) -> str:
    """The ISO 639-1 code of the question's language, or the name of its script; English where nothing tells.

    Words of ``names`` (columns, files, cell values) do not count.
    """
    script = _other_script(question)
    if script:
        return script
    evidence, _ = _evidence()
    listed = tuple(names)
    ignored = {word for name in listed for word in words(name)}
    score: Counter[str] = Counter()
    for word in words(question):
        if word not in ignored:
            score.update(evidence.get(word, {}))
    for letter, code in _TELLING_LETTERS.items():
        if letter in question.casefold() and not any(letter in name.casefold() for name in listed):
            score[code] += 1
    if not score:
        return _DEFAULT
    best = max(score.values())
    leaders = [code for code in sorted(score) if score[code] >= best - 1e-9]
    supported = [code for code in leaders if code in languages()]
    return supported[0] if supported else leaders[0]


def require_language(question: str, *, names: Iterable[str] = ()) -> str:
    """The question's language if it has a lexicon; ``NotUnderstood`` naming those that have one otherwise."""
    found = detect_language(question, names=tuple(names))
    if found in languages():
        return found
    _, known = _evidence()
    spoken = known.get(found, found)
    offered = ", ".join(languages().values())
    raise NotUnderstood(
        f"the question seems to be in {spoken}, which has no lexicon here; supported: {offered}",
        remedy=f"Ask in {offered}, or use a tier with a model.",
    )


def _other_script(text: str) -> str | None:
    """The script of the letters if too many are not Latin, e.g. ``Cyrillic script``. Greek letters alone may be symbols."""
    scripts = Counter(unicodedata.name(c, "UNKNOWN").split()[0] for c in text if c.isalpha())
    others = Counter(
        {name: n for name, n in scripts.items() if name not in {"LATIN", "FULLWIDTH", "MODIFIER", "FEMININE", "MASCULINE", "MICRO"}}
    )
    if not others or others.total() < _ENOUGH_OTHER_LETTERS * scripts.total():
        return None
    return f"{others.most_common(1)[0][0].capitalize()} script"
