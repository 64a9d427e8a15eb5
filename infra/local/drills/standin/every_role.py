"""A small mission in which every role speaks: a file that only generated code can read, code that has to be repaired, a verdict that sends
the plan back, and a claim that stands beside a finding.

Every answer follows from the prompt alone, so a question that is asked again, whatever died in between, gets the same answer.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from pydantic import JsonValue

from infra.local.drills.standin.playing import CODE, METHOD, QUESTION, TABLE, ids, plays_well
from infra.local.drills.standin.replies import Reply
from infra.local.drills.standin.requests import Asked
from infra.local.drills.standin.server import StandIn

STEPS = ("Calculate the mean height.", "Calculate the mean height of each team.")
STATED = "The mean height of blue players is 182 cm."
BROKEN = "record('mean height', float(frame['heigth'].mean()))\n"
ALL_PLAYERS = """from tables import load
frame = load(inputs["heights.csv"], "heights")
record("mean height", float(frame["height"].mean()), unit="cm", n=len(frame), filters="all players")
"""
DESCRIBING = """(name,) = inputs
with open(inputs[name], "rb") as stream:
    emit({"description": f"{len(stream.read())} bytes of an old instrument; no table"})
"""
_BLOCK = '<data name="{}">\n(.*?)\n</data>'


FILES = {
    "heights.csv": ("data", TABLE.encode()),
    "instrument.xlsx": ("data", b"\x93\x00\x17 no workbook " * 40),
    "method.md": ("document", f"# Method\n\n{METHOD} {STATED}\n".encode()),
}
"""The mission's files by name, each with its kind and its content."""


def mission_files(folder: Path) -> list[str]:
    """The options of ``kimera run`` with the mission's files, which are written into ``folder``."""
    for name, (_, content) in FILES.items():
        (folder / name).write_bytes(content)
    data = [part for name in ("heights.csv", "instrument.xlsx") for part in ("--data", str(folder / name))]
    return [QUESTION, *data, "--docs", str(folder / "method.md")]


def every_role_speaks(standin: StandIn) -> None:
    """Answers every role, so that each is asked at least once."""
    plays_well(standin)
    research = standin.behaviour("PlannerAnswer")
    standin.always("PlannerAnswer", lambda asked: research(asked) if "research" in asked.system.casefold() else Reply(_step(asked)))
    standin.always("AnalyzerAnswer", lambda asked: Reply({"code": DESCRIBING}))
    standin.always("CoderAnswer", lambda asked: Reply({"code": CODE if _planned(asked) == 2 else BROKEN}))
    standin.always("DebuggerAnswer", lambda asked: Reply({"code": ALL_PLAYERS}))
    standin.always("VerifierAnswer", lambda asked: Reply(_verdict(asked)))
    standin.always("ReaderAnswer", _read)
    standin.always("FillerAnswer", _filled)
    standin.always("CheckerAnswer", lambda asked: Reply({"checks": [{"number": n, "verdict": "supported"} for n in _numbers(asked)]}))


def block(asked: Asked, name: str) -> str:
    """The text of a data block of the prompt; empty where there is none."""
    found = re.search(_BLOCK.format(re.escape(name)), asked.user, re.DOTALL)
    return found[1] if found else ""


def _planned(asked: Asked) -> int:
    """How many steps the plan has."""
    return len(re.findall(r"^\d+\. ", block(asked, "plan"), re.MULTILINE))


def _step(asked: Asked) -> JsonValue:
    return {"step": STEPS[min(_planned(asked), 1)], "question_ids": ["q1"], "impossible": ""}


def _verdict(asked: Asked) -> JsonValue:
    if _planned(asked) == 2:
        return {"verdict": "sufficient", "missing": "", "answered": ["q1"]}
    return {"verdict": "insufficient", "missing": "The means are not by team.", "answered": []}


def _read(asked: Asked) -> Reply:
    claims: list[JsonValue] = [
        {"passage": passage, "quote": quote, "claim": claim, "nature": "fact"}
        for passage in ids(asked, "p")[:1]
        for quote, claim in ((METHOD, "Heights were measured with a stadiometer."), (STATED, STATED))
        if quote in " ".join(asked.user.split())
    ]
    return Reply({"claims": claims, "answered": "fully" if claims else "no", "leads": []})


def _filled(asked: Asked) -> Reply:
    statements: list[dict[str, str]] = json.loads(block(asked, "statements"))
    about_heights = [s["id"] for s in statements if "mean height" in s["text"]]
    fillings: list[JsonValue] = [{"id": own, "measure": "height", "statistic": "mean"} for own in about_heights]
    return Reply({"fillings": fillings})


def _numbers(asked: Asked) -> list[int]:
    return [entry["number"] for entry in json.loads(block(asked, "sentences"))]
