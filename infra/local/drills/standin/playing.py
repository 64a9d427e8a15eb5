"""A well-behaved model for a small mission: every answer follows from the prompt alone, so a question asked again gets the same answer."""

from __future__ import annotations

import re

from pydantic import JsonValue

from infra.local.drills.standin.replies import Reply
from infra.local.drills.standin.requests import Asked
from infra.local.drills.standin.server import StandIn

QUESTION = "What is the mean height by team? How was the height measured?"
METHOD = "Heights were measured with a stadiometer, without shoes, in the morning."
TABLE = "team,height\n" + "".join(f"{team},{base + n % 5}\n" for n in range(20) for team, base in (("red", 170), ("blue", 180)))
CODE = """from tables import load
frame = load(inputs["heights.csv"], "heights")
for team, group in frame.groupby("team"):
    record(f"mean height, {team}", float(group["height"].mean()), unit="cm", n=len(group), filters=f"team {team}")
"""
FINDING = "The mean height is {v1} for blue and {v2} for red."
ANSWER = "Blue players are {v1} tall on average, red ones {v2}."


def plays_well(standin: StandIn) -> None:
    """Answers every role of all three: research, analysis, fusion."""
    findings: list[JsonValue] = [{"question_id": "q1", "statement": FINDING}]
    answered: list[JsonValue] = [{"question_id": "q1", "status": "answered"}, {"question_id": "q2", "status": "not_answered"}]
    worded: list[JsonValue] = [{"text": ANSWER, "claim_ids": [], "finding_ids": ["f1"]}]
    fixed: dict[str, JsonValue] = {
        "CoderAnswer": {"code": CODE},
        "DebuggerAnswer": {"code": CODE},
        "VerifierAnswer": {"verdict": "sufficient", "missing": "", "answered": ["q1"]},
        "RouterAnswer": {"route": "add_step", "step": None, "why": ""},
        "FinalizerAnswer": {"findings": findings, "answers": answered},
        "SynthesizerAnswer": {"status": "answered", "claims": [], "hypotheses": []},
        "FillerAnswer": {"fillings": []},
        "PairerAnswer": {"different": []},
        "WriterAnswer": {"sentences": worded},
        "CheckerAnswer": {"checks": [{"number": 1, "verdict": "supported"}]},
    }
    for answer_type, answer in fixed.items():
        standin.always(answer_type, lambda asked, answer=answer: Reply(answer))  # type: ignore[misc]  # mypy infers no lambda with a default
    standin.always("PlannerAnswer", plan)
    standin.always("ReaderAnswer", read)
    standin.always("AuditorAnswer", lambda asked: Reply({"verdicts": [{"claim": c, "verdict": "entailed"} for c in ids(asked, "c")]}))


def ids(asked: Asked, letter: str) -> list[str]:
    """The ids like ``c1`` that a prompt lists."""
    return list(dict.fromkeys(re.findall(rf'"({letter}\d+)"', asked.user)))


def plan(asked: Asked) -> Reply:
    """The plan of either track's planner."""
    if "research" in asked.system.casefold():
        return Reply({"parts": [{"question_id": q, "queries": ["height measured stadiometer"], "answer_if": ""} for q in ("q1", "q2")]})
    return Reply({"step": "Calculate the mean height of each team.", "question_ids": ["q1"], "impossible": ""})


def read(asked: Asked) -> Reply:
    """The one claim that the document holds, where its passage is listed."""
    passages = ids(asked, "p")
    found: list[JsonValue] = []
    if METHOD in asked.user and passages:
        found = [{"passage": passages[0], "quote": METHOD, "claim": "Heights were measured with a stadiometer.", "nature": "fact"}]
    return Reply({"claims": found, "answered": "fully" if found else "no", "leads": []})
