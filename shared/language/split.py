"""A question into its sub-questions: the same in both tracks, and nothing said is lost."""

from __future__ import annotations

import re

from schemas.evidence import SubQuestion
from shared.language.lexicon import Lexicon, load_lexicon
from shared.language.words import Token, tokens

MAX_SUB_QUESTIONS = 12
"""More parts than this stay together in the last one: a question is not a corpus."""

_MARKER = r"(?:\(?(?:\d{1,2}|[a-hA-H]|[ivx]{1,4})[.)]|[-*•–])"
_LINE_ITEM = re.compile(rf"(?m)^[ \t]*{_MARKER}[ \t]+")
_INLINE_ITEM = re.compile(r"(?<=[\s:;,.?!])\(?(?:\d{1,2}|[a-h])\)\s+")
_SENTENCE_END = re.compile(r"[?!]+[\"'”’)]*(?=\s|$)|\.(?=\s+[\"'“‘(]?[^\W\d_a-z]|\s*$)|[;\n]+|(?<=[?])(?=\S)")
_LAST_WORD = re.compile(r"(\S+)\Z")


def split_question(question: str, *, language: str = "en") -> tuple[SubQuestion, ...]:
    """The parts of ``question`` that can be answered by themselves, as ``q1``, ``q2``, ... in its order.

    It cuts at question marks, sentence ends, list items and before "and how", "and which", "and compare"; never inside
    "between A and B". Only the joining words and list markers are left out. There is always at least one part.
    """
    lexicon = load_lexicon(language)
    parts: list[str] = []
    for sentence in _sentences(question, lexicon):
        parts.extend(_clauses(sentence, lexicon))
    parts = [clean for part in _with_context(parts, lexicon) if (clean := part.strip(" \t\r\n,;"))]
    parts = [_with_subject(part, parts[i - 1], lexicon) if i else part for i, part in enumerate(parts)]
    if len(parts) > MAX_SUB_QUESTIONS:
        parts = [*parts[: MAX_SUB_QUESTIONS - 1], " ".join(parts[MAX_SUB_QUESTIONS - 1 :])]
    return tuple(SubQuestion(id=f"q{i}", text=text) for i, text in enumerate(parts or [question.strip()], start=1))


def _sentences(text: str, lexicon: Lexicon) -> list[str]:
    """The text cut at list items and sentence ends."""
    items = [piece for line_item in _LINE_ITEM.split(text) for piece in _inline_items(line_item)]
    found: list[str] = []
    for item in items:
        start = 0
        for match in _SENTENCE_END.finditer(item):
            last_word = _LAST_WORD.search(item[: match.end()].rstrip())
            if (
                match.group() == "."
                and last_word
                and last_word.group(1).casefold() in lexicon.abbreviations
                and match.end() < len(item.rstrip())
            ):
                continue
            found.append(item[start : match.end()])
            start = match.end()
        found.append(item[start:])
    return [sentence for sentence in found if sentence.strip()]


def _inline_items(text: str) -> list[str]:
    """``"... 1) first 2) second"``: cut only where there are two such items or more, since one may be a reference."""
    found = _INLINE_ITEM.findall(text)
    return _INLINE_ITEM.split(text) if len(found) >= 2 else [text]


def _clauses(sentence: str, lexicon: Lexicon) -> list[str]:
    """A sentence cut before "and how ...", ", what ..." and "and compare ...", with the joining words left out."""
    found = tokens(sentence)
    cuts = [(found[i].start, found[j].start) for i, j in _joints(sentence, found, lexicon)]
    pieces: list[str] = []
    start = 0
    for end, resume in cuts:
        if _says_something(sentence[start:end], lexicon):
            pieces.append(sentence[start:end])
            start = resume
    pieces.append(sentence[start:])
    scope = _scope(sentence, found, lexicon)
    first = 1 + (pieces[0].strip(" ,:") == scope.strip(" ,:"))
    further = (f"{scope} {piece}" if scope and _is_scoped(piece, scope, lexicon) else piece for piece in pieces[first:])
    return [*pieces[:first], *further]


def _scope(sentence: str, found: tuple[Token, ...], lexicon: Lexicon) -> str:
    """What a sentence is about as a whole, before its first question: the "In 2023," of "In 2023, what ... and what ...?"."""
    if not found or found[0].folded not in lexicon.scope_words:
        return ""
    first = next((i for i in range(1, len(found)) if any(_stands_at(found, i, words) for words in lexicon.cut_words)), 0)
    lead = sentence[: found[first].start].strip() if first else ""
    return lead if lead.endswith((",", ":")) else ""


def _is_scoped(piece: str, scope: str, lexicon: Lexicon) -> bool:
    """Whether a further clause is about the same: one with a time of its own is not, and "which the lowest?" leans on its ranking."""
    said = {t.folded for t in tokens(piece)}
    own_time = any(c.isdigit() for c in scope) and any(c.isdigit() for c in piece)
    return not own_time and bool(said - lexicon.stopwords - set(lexicon.superlatives))


def _joints(sentence: str, found: tuple[Token, ...], lexicon: Lexicon) -> list[tuple[int, int]]:
    """Token positions (joining word, first word of the next clause) where a clause begins."""
    joints: list[tuple[int, int]] = []
    i = 1
    while i < len(found):
        size = next((len(c) for c in lexicon.connectives if _stands_at(found, i, c)), 0)
        if size and _opens_clause(found, i + size, lexicon):
            joints.append((i, i + size))
            i += size
        elif "," in sentence[found[i - 1].end : found[i].start] and any(_stands_at(found, i, words) for words in lexicon.cut_words):
            joints.append((i, i))
        i += 1
    return joints


def _opens_clause(found: tuple[Token, ...], at: int, lexicon: Lexicon) -> bool:
    """Whether a question or a task begins at token ``at``, with something behind its first word."""
    if at >= len(found):
        return False
    if any(_stands_at(found, at, words) for words in lexicon.cut_words):
        return True
    return found[at].folded in lexicon.task_words and at + 1 < len(found) and found[at + 1].folded not in {"of", "and", "or", "by"}


def _stands_at(found: tuple[Token, ...], at: int, words: tuple[str, ...]) -> bool:
    return at + len(words) <= len(found) and all(found[at + i].folded == word for i, word in enumerate(words))


def _says_something(text: str, lexicon: Lexicon) -> bool:
    """Whether a clause holds more than small words ("Tell me, how ..." is one question)."""
    said = [t.folded for t in tokens(text)]
    return any(w not in lexicon.stopwords and w not in lexicon.task_words for w in said) or (
        bool(said) and said[0] in {"why", "when", "where"}
    )


def _with_context(parts: list[str], lexicon: Lexicon) -> list[str]:
    """Statements that ask nothing are put in front of the question that follows them: they are its context."""
    joined: list[str] = []
    pending = ""
    for part in parts:
        if _asks(part, lexicon):
            joined.append(f"{pending} {part.strip()}".strip())
            pending = ""
        else:
            pending = f"{pending} {part.strip()}".strip()
    if pending:
        joined = [*joined[:-1], f"{joined[-1]} {pending}"] if joined else [pending]
    return joined


def _with_subject(part: str, before: str, lexicon: Lexicon) -> str:
    """A part without a subject of its own ("why?", "Why did it fall?") is given the words of the part before it."""
    said = [t.folded for t in tokens(part)]
    bare = all(word in lexicon.stopwords for word in said)
    asks_why = said[:1] == ["why"] or said[:2] == ["how", "come"]
    if bare or (asks_why and lexicon.pronouns & set(said)):
        return f"{before.rstrip(' ?.!')}: {part}"
    return part


def _asks(text: str, lexicon: Lexicon) -> bool:
    """Whether a sentence asks for something: a question mark, a question or task word in front, or a cue."""
    if "?" in text:
        return True
    found = tokens(text)
    if not found:
        return False
    if found[0].folded in lexicon.question_words | lexicon.task_words:
        return True
    return bool(lexicon.find(lexicon.operations, found, by_stem=False))
