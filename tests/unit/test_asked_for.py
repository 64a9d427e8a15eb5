"""What a sentence has to hold to answer a question of a certain form: a count, a figure, how often."""

from __future__ import annotations

import pytest

from functions.deep_research.asked_for import holds_what_is_asked


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("How many patients were admitted in March 2024?", "In March 2024 the hospital admitted 412 patients."),
        ("How many patients were admitted?", "The hospital admitted 1,412 patients and 2.5 million visitors came."),
        ("How many visitors came?", "About 2.5 million visitors came in 2024."),
        ("How many days do patients wait?", "Patients wait 30 days."),
        ("How many weeks does the delivery take?", "The delivery takes a week at best and three weeks at worst."),
        ("How many kilometres of road were built?", "The canton built 32 km of road."),
        ("How many patients were admitted?", "Nobody knows how, but twelve patients were admitted."),
        ("How many members have left?", "Of the members, 12 may have left."),
        ("How often is the sensor calibrated?", "Calibration is done once a year."),
        ("How often did the pump fail?", "The pump failed in 12 of 40 tests."),
        ("What was the average wait in 2024?", "In 2024 the average wait was 31 minutes."),
        ("What was the average wait?", "The average wait was 2.5 hours."),
    ],
)
def test_a_sentence_with_a_number_of_what_is_asked_is_an_answer(question: str, sentence: str) -> None:
    holds = holds_what_is_asked(question)
    assert holds is not None
    assert holds(sentence)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (
            "How many patients were admitted in March 2024?",
            "The maternity ward was closed in August 2024 and reopened on 2 September 2024.",
        ),
        ("How many patients were admitted in 2024?", "The review of 2024 says that patients were admitted late."),
        ("How many patients were admitted?", "Patients were admitted from May 3, and until 9 June, as in 2023."),
        ("How many patients have not been discharged?", "A readmission is an admission of the same patient within 30 days of discharge."),
        ("How many readings are below 3.4 volts?", "A battery below 3.4 volts must be replaced within two weeks."),
        ("How often was the battery below 3.4 volts?", "A battery below 3.4 volts must be replaced within two weeks."),
        ("How many patients are older than 80?", "Patients over 80 years are seen by a geriatrician."),
        ("What was the average wait in 2024?", "The average wait was measured in 2024."),
    ],
)
def test_a_date_a_duration_or_a_number_of_the_question_is_no_answer(question: str, sentence: str) -> None:
    holds = holds_what_is_asked(question)
    assert holds is not None
    assert not holds(sentence)


@pytest.mark.parametrize("question", ["Why were so many patients admitted?", "Who carried out the survey?"])
def test_other_questions_need_no_number(question: str) -> None:
    assert holds_what_is_asked(question) is None
