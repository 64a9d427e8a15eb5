"""Words, languages and sub-questions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import NotUnderstood
from shared.language.detect import detect_language, require_language
from shared.language.lexicon import content_stems, languages, load_lexicon
from shared.language.split import split_question
from shared.language.words import fold, stems, tokens, words

LEFT_OUT = {"and", "also", "as", "well", "or", "plus", "then"}


def parts(question: str) -> list[str]:
    return [part.text for part in split_question(question)]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("temp_mean_c", ("temp", "mean", "c")),
        ("tempMeanC", ("temp", "mean", "c")),
        ("ZÜRICH Straße", ("zurich", "strasse")),
        ("CO2 in 2010-2015", ("co2", "in", "2010", "2015")),
        ("temp>=5 and 1,200.5 %", ("temp", ">=", "5", "and", "1,200.5", "%")),
    ],
)
def test_words_are_folded_and_names_fall_into_their_parts(written: str, expected: tuple[str, ...]) -> None:
    assert words(written) == expected


def test_a_token_knows_where_it_stands() -> None:
    text = "Mean of Größe_cm"
    assert [text[t.start : t.end] for t in tokens(text)] == ["Mean", "of", "Größe", "cm"]


def test_stems_join_the_forms_of_a_word() -> None:
    assert stems("stations temperatures") == stems("station temperature")
    assert content_stems("What is the mean of the temperatures?") == ("mean", "temperatur")


def test_the_lexicon_has_about_150_cues_for_all_operations() -> None:
    lexicon = load_lexicon("en")
    assert len(lexicon.operations) >= 150
    assert len({p.meaning for p in lexicon.operations}) == 15
    assert languages() == {"en": "English"}


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("mean temp_c by year", "en"),
        ("temp_c station", "en"),
        ("Was ist der Mittelwert von temp_c?", "de"),
        ("Mittelwert temp_c pro Jahr", "de"),
        ("Quelle est la moyenne par station ?", "fr"),
        ("¿Cuál es el promedio?", "es"),
        ("Hoeveel rijen zijn er per station?", "nl"),
        ("What was the mean of Größe per Straße?", "en"),
    ],
)
def test_the_small_words_tell_the_language(question: str, language: str) -> None:
    assert detect_language(question, names=["temp_c", "station", "Größe", "Straße"]) == language


@pytest.mark.parametrize("question", ["Wie hoch ist die Temperatur in Bern?", "Какая средняя температура?", "平均気温は？"])
def test_a_language_without_a_lexicon_is_refused_and_the_others_are_named(question: str) -> None:
    with pytest.raises(NotUnderstood, match="English"):
        require_language(question)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            "What is the mean temp by year, and which station is warmest? What else is there",
            ["What is the mean temp by year", "which station is warmest?", "What else is there"],
        ),
        ("How did wages change between 2000 and 2010?", ["How did wages change between 2000 and 2010?"]),
        ("Is it higher in Bern than in Chur and Basel?", ["Is it higher in Bern than in Chur and Basel?"]),
        ("Did wages rise and why?", ["Did wages rise", "Did wages rise: why?"]),
        ("1. Mean of x by y\n2. Count of z", ["Mean of x by y", "Count of z"]),
        (
            "We have 3.5 m of rain, e.g. Bern. How many stations are there?",
            ["We have 3.5 m of rain, e.g. Bern. How many stations are there?"],
        ),
        ("mean and median of temp by year", ["mean and median of temp by year"]),
        ("Compare men and women and show the trend.", ["Compare men and women", "show the trend."]),
        ("Tell me, how many rows are there?", ["Tell me, how many rows are there?"]),
    ],
)
def test_a_question_falls_into_its_parts(question: str, expected: list[str]) -> None:
    assert parts(question) == expected


@settings(max_examples=150)
@given(
    st.text(max_size=200)
    | st.lists(
        st.sampled_from(
            [
                "how",
                "many",
                "rows",
                "and",
                "which",
                "is",
                "the",
                "mean",
                "between",
                "2000",
                "2010",
                "?",
                ".",
                ",",
                "why",
                "temp_c",
                "1)",
                "-\n",
            ]
        ),
        max_size=30,
    ).map(" ".join)
)
def test_splitting_is_deterministic_and_loses_no_word(question: str) -> None:
    found = split_question(question)
    assert found == split_question(question)
    assert [part.id for part in found] == [f"q{i}" for i in range(1, len(found) + 1)]
    kept = set(words(" ".join(part.text for part in found)))
    lost = [w for w in words(question) if w not in kept and w not in LEFT_OUT]
    assert all(w.strip("()").isdigit() or len(w) <= 4 for w in lost), lost


@settings(max_examples=100)
@given(st.text(max_size=100))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
