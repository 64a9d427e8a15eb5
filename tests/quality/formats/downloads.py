"""Tiny folders laid out like the downloads of the public benchmarks; the content is made up."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path


def _lines(path: Path, records: Iterable[object]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def dabench(root: Path) -> Path:
    """Three questions; the second has an empty answer, the third no table."""
    folder = root / "dabench"
    (folder / "da-dev-tables").mkdir(parents=True)
    (folder / "da-dev-tables" / "berries.csv").write_text("kind,weight\nred,2.0\nred,3.0\nblue,4.5\n")
    asked = {"concepts": ["Summary Statistics"], "constraints": "Do not drop rows.", "level": "easy"}
    _lines(
        folder / "da-dev-questions.jsonl",
        [
            {"id": 0, "question": "What is the mean weight?", "format": "@mean_weight[x]", "file_name": "berries.csv", **asked},
            {"id": 7, "question": "Which rows are outliers?", "format": "@rows[x]", "file_name": "berries.csv", **asked},
            {"id": 9, "question": "What is the mean size?", "format": "@mean_size[x]", "file_name": "gone.csv", **asked},
        ],
    )
    _lines(
        folder / "da-dev-labels.jsonl",
        [
            {"id": 0, "common_answers": [["mean_weight", "3.17"], ["heaviest", "blue"]]},
            {"id": 7, "common_answers": [["rows", ""]]},
            {"id": 9, "common_answers": [["mean_size", "1"]]},
        ],
    )
    return folder


def _asked(number: int, query: str, answer: object, kind: str, sources: object, **more: object) -> dict[str, object]:
    fields: dict[str, object] = {"id": f"garden-{number}", "query": query, "answer": answer, "answer_type": kind, "data_sources": sources}
    return {**fields, "runtime": 1, "subtasks": [], "deepresearch_subset": [], **more}


def kramabench(root: Path) -> Path:
    """One domain with files in folders, named by path, folder, pattern and bare name; a draft workload without data beside it."""
    folder = root / "krama"
    lake = folder / "data" / "garden" / "input"
    (lake / "Yearly Reports").mkdir(parents=True)
    (lake / "Yearly Reports" / "2023.csv").write_text("bed,yield\na,10\n")
    (lake / "Yearly Reports" / "2024.csv").write_text("bed,yield\na,12\n")
    (lake / "notes.html").write_text("<p>Bed a was moved in 2022.</p>")
    (lake / ".DS_Store").write_text("x")
    (folder / "workload").mkdir()
    tasks: list[dict[str, object]] = [
        _asked(1, "How much more?", 2.25, "numeric_exact", ["yearly reports/"], accepted_answers=[2.5]),
        _asked(2, "When was it moved?", 2022, "numeric_exact", "notes.html"),
        _asked(3, "Which beds?", ["a", ["b", 3]], "list_exact", ["Yearly Reports/*.csv", "notes.html"]),
        _asked(4, "About how much?", 100, "numeric_approximate", ["2023.csv"]),
        _asked(5, "And then?", "x", "string_exact", ["gone.csv"]),
    ]
    (folder / "workload" / "garden.json").write_text(json.dumps(tasks))
    (folder / "workload" / "garden-draft.json").write_text("[]")
    return folder


def tatqa(root: Path) -> Path:
    """One context with every kind of answer."""
    folder = root / "tatqa" / "dataset_raw"
    folder.mkdir(parents=True)

    def asked(uid: str, answer: object, kind: str, scale: str = "") -> dict[str, object]:
        return {"uid": uid, "order": 1, "question": f"What about {uid}?", "answer": answer, "answer_type": kind, "scale": scale} | {
            "derivation": "",
            "answer_from": "table",
            "rel_paragraphs": [],
            "req_comparison": False,
        }

    context = {
        "table": {"uid": "t1", "table": [["", "2021", "2020"], ["Rent", "$ 1,250.5", "1,000"], ["Fees", "(3)", "4"]]},
        "paragraphs": [
            {"uid": "p2", "order": 2, "text": "Fees are agreed each spring."},
            {"uid": "p1", "order": 1, "text": "The table shows rent and fees (in millions):"},
        ],
        "questions": [
            asked("span", ["$ 1,250.5"], "span", "million"),
            asked("spans", ["rent", "fees"], "multi-span"),
            asked("change", 25.05, "arithmetic", "percent"),
            asked("count", 2, "count"),
            {"uid": "open", "order": 9, "question": "What is unanswered?"},
        ],
    }
    (folder / "tatqa_dataset_dev.json").write_text(json.dumps([context]))
    return folder.parent


def hotpotqa(root: Path) -> Path:
    """One question over three paragraphs, and one without an answer."""
    folder = root / "hotpot"
    folder.mkdir()
    context = [
        ["Ada Stern", ["Ada Stern was a potter.", " She worked in Lindau."]],
        ["Lindau", ["Lindau lies on a lake."]],
        ["Bern", ["No."]],
    ]
    record = {"question": "On what does the town of the potter lie?", "type": "bridge", "level": "hard", "context": context}
    _records = [
        record | {"_id": "5a1", "answer": "a lake", "supporting_facts": [["Ada Stern", 1], ["Lindau", 0], ["Lindau", 0]]},
        record | {"_id": "5a2"},
    ]
    (folder / "hotpot_dev_distractor_v1.json").write_text(json.dumps(_records))
    return folder
