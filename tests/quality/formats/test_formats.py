"""Folders laid out like public benchmarks become tasks; what is wrong with them is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.local.quality.formats.answers import figure, number_in, written
from infra.local.quality.formats.load import Suite, load
from infra.local.quality.tasks import AnswerCheck, Figure, MustCite, Task
from shared.errors import BadInput
from tests.quality.formats import downloads


def loaded(folder: Path, tmp_path: Path, **options: str | int | None) -> Suite:
    name, limit = options.get("format_name"), options.get("limit")
    return load(folder, tmp_path / "work", format_name=str(name) if name else None, limit=int(limit) if limit else None)


def by_name(suite: Suite) -> dict[str, Task]:
    return {task.name: task for task in suite.tasks}


def accepted(task: Task) -> list[tuple[str | float, ...]]:
    """For each answer what counts as it."""
    checks = [check for check in task.content.checks if isinstance(check, AnswerCheck)]
    return [tuple(form if isinstance(form, str) else form.number for form in check.any_of) for check in checks]


def test_dabench_is_recognised_and_each_named_answer_is_a_check(tmp_path: Path) -> None:
    suite = loaded(downloads.dabench(tmp_path), tmp_path)
    (task,) = suite.tasks
    assert (suite.format, task.name, [path.name for path in task.data]) == ("dabench", "dabench-0", ["berries.csv"])
    assert task.content.question == "What is the mean weight? Do not drop rows."
    assert task.content.guidelines == "@mean_weight[x]"
    assert accepted(task) == [(3.17, "3.17"), ("blue",)]
    assert [(s.name, s.why.split(",")[0]) for s in suite.skipped] == [
        ("dabench-7", "its answer is empty"),
        ("dabench-9", "there is no da-dev-tables/gone.csv"),
    ]


def test_kramabench_finds_the_sources_of_each_domain_that_has_data(tmp_path: Path) -> None:
    suite = loaded(downloads.kramabench(tmp_path), tmp_path)
    tasks = by_name(suite)
    assert {name: ([p.name for p in task.data], [p.name for p in task.documents]) for name, task in tasks.items()} == {
        "garden-1": (["2023.csv", "2024.csv"], []),
        "garden-2": ([], ["notes.html"]),
        "garden-3": (["2023.csv", "2024.csv"], ["notes.html"]),
        "garden-4": (["2023.csv"], []),
    }
    assert [accepted(tasks[name]) for name in sorted(tasks)] == [[(2.25, 2.5)], [(2022,)], [("a",), ("b",), (3,)], [(100,)]]
    (about,) = tasks["garden-4"].content.checks
    assert isinstance(about, AnswerCheck)
    assert isinstance(about.any_of[0], Figure)
    assert about.any_of[0].relative == 0.05
    assert [(s.name, "gone.csv" in s.why) for s in suite.skipped] == [("garden-5", True)]


def test_tatqa_contexts_become_a_table_and_a_document(tmp_path: Path) -> None:
    suite = loaded(downloads.tatqa(tmp_path), tmp_path)
    tasks = by_name(suite)
    span = tasks["tatqa-span"]
    assert span.data[0].read_text().splitlines()[1:] == ['Rent,"$ 1,250.5","1,000"', "Fees,(3),4"]
    assert span.documents[0].read_text() == "The table shows rent and fees (in millions):\n\nFees are agreed each spring.\n"
    assert {name: accepted(task) for name, task in tasks.items()} == {
        "tatqa-span": [(1250.5, "$ 1,250.5")],
        "tatqa-spans": [("rent",), ("fees",)],
        "tatqa-change": [(25.05, 0.2505)],
        "tatqa-count": [(2,)],
    }
    assert [s.name for s in suite.skipped] == ["tatqa-open"]


def test_hotpotqa_wants_the_answer_and_a_citation_of_each_supporting_paragraph(tmp_path: Path) -> None:
    suite = loaded(downloads.hotpotqa(tmp_path), tmp_path)
    (task,) = suite.tasks
    assert [path.name for path in task.documents] == ["01_Ada_Stern.md", "02_Lindau.md", "03_Bern.md"]
    assert task.documents[0].read_text() == "# Ada Stern\n\nAda Stern was a potter. She worked in Lindau.\n"
    assert accepted(task) == [("a lake",)]
    assert [check.source for check in task.content.checks if isinstance(check, MustCite)] == ["Ada Stern", "Lindau"]
    assert [s.name for s in suite.skipped] == ["hotpotqa-5a2"]


def test_a_limit_takes_the_first_tasks_and_writes_no_files_of_the_others(tmp_path: Path) -> None:
    folder = downloads.hotpotqa(tmp_path)
    source = folder / "hotpot_dev_distractor_v1.json"
    record = json.loads(source.read_text())[0]
    source.write_text(json.dumps([record | {"_id": f"q{number}"} for number in range(5)]))
    assert len(loaded(folder, tmp_path, limit=2).tasks) == 2
    assert len(list((tmp_path / "work").iterdir())) == 2


def test_a_single_file_is_taken_where_the_format_is_named(tmp_path: Path) -> None:
    source = downloads.tatqa(tmp_path) / "dataset_raw" / "tatqa_dataset_dev.json"
    assert len(loaded(source, tmp_path, format_name="tatqa").tasks) == 4
    with pytest.raises(BadInput, match="is a file"):
        loaded(source, tmp_path)


def test_an_unknown_folder_or_format_is_told_with_what_is_looked_for(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BadInput, match=r"no task.toml.*da-dev-questions.jsonl.*hotpot_dev_distractor_v1.json"):
        loaded(empty, tmp_path)
    with pytest.raises(BadInput, match="does not look like tatqa"):
        loaded(empty, tmp_path, format_name="tatqa")
    with pytest.raises(BadInput, match="--format: 'squad' is none"):
        loaded(empty, tmp_path, format_name="squad")


def test_two_benchmarks_in_one_folder_are_not_guessed_between(tmp_path: Path) -> None:
    folder = downloads.hotpotqa(tmp_path)
    downloads.tatqa(tmp_path)
    (tmp_path / "tatqa" / "dataset_raw").rename(folder / "dataset_raw")
    with pytest.raises(BadInput, match="tatqa and hotpotqa"):
        loaded(folder, tmp_path)


def test_a_broken_file_is_told_with_its_place(tmp_path: Path) -> None:
    questions = downloads.dabench(tmp_path) / "da-dev-questions.jsonl"
    good = questions.read_text()
    questions.write_text(good + "{\n")
    with pytest.raises(BadInput, match=r"da-dev-questions.jsonl, line 4: this is no JSON"):
        loaded(questions.parent, tmp_path)
    questions.write_text(good.replace('"question"', '"query"'))
    with pytest.raises(BadInput, match=r"line 1: question: Field required"):
        loaded(questions.parent, tmp_path)
    (questions.parent / "da-dev-labels.jsonl").unlink()
    with pytest.raises(BadInput, match=r"no da-dev-labels.jsonl beside"):
        loaded(questions.parent, tmp_path)


@pytest.mark.parametrize(
    ("text", "number"),
    [("34.65", 34.65), ("$1,496.5", 1496.5), ("$ 5,686", 5686), ("(3)", -3), ("4.00%", 4), ("-0.07", -0.07), ("1.2 million", 1.2)],
)
def test_numbers_of_answers_are_read(text: str, number: float) -> None:
    found = number_in(text)
    assert found is not None
    assert float(found) == number


@pytest.mark.parametrize("text", ["blue", "314, 577 or so", "nan", "2019 and 2018", ""])
def test_words_are_no_numbers(text: str) -> None:
    assert number_in(text) is None


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [("34.65", 34.6549, 34.656), ("0.0", 0.049, 0.06), ("3", 3.0, 3.1), ("2081990", 2081990.3, 2081991.0), ("-12.6", -12.64, -12.7)],
)
def test_a_figure_counts_where_it_is_the_answer_once_rounded(text: str, right: float, wrong: float) -> None:
    number = number_in(text)
    assert number is not None
    wanted = figure(number)
    assert abs(right - wanted.number) <= wanted.tolerance
    assert abs(wrong - wanted.number) > wanted.tolerance


def test_an_answer_in_text_counts_as_number_and_as_words() -> None:
    assert [type(form) for form in written("$1,496.5").any_of] == [Figure, str]
