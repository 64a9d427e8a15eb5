"""Contracts whose validators are built at their first use: also where many threads come to it at once, and never with a plugin's code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from schemas.base import Contract, Stored
from schemas.mission import Budget, Deadlines, MissionRequest, ReadingHints, Tracks
from shared.missions.records import MissionRecord

ROOT = Path(__file__).parents[2]

FIRST_USES = """
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

sys.setswitchinterval(1e-6)  # threads change places in the middle of a build
from schemas.base import Contract, Stored
import schemas.release  # it names every contract that crosses a boundary by itself
import schemas.uploads
import shared.missions.records, shared.models.rows

def below(model):
    return [found for child in model.__subclasses__() for found in (child, *below(child))]

def every():
    return {*below(Contract), *below(Stored)}

assert not [model for model in every() if model.__pydantic_complete__], "a contract was built at import"
THREADS = 16
together = Barrier(THREADS)

def first_use(n):
    together.wait()
    told = []
    for turn in range(40):
        request = schemas.mission.MissionRequest.model_validate({"question": "q", "tracks": {"ds_star": {"max_rounds": 3}}})
        told.append(request.model_dump_json())
        told.append(schemas.mission.MissionRequest.model_validate_json(told[-1]).model_dump_json())
        try:
            schemas.mission.Deadlines(soft_s=2, hard_s=1)
        except ValueError as refused:
            told.append(str(refused))
        models = sorted(every(), key=lambda model: (model.__module__, model.__qualname__))
        model = models[(turn * THREADS + n) % len(models)]
        model.model_json_schema()
        try:
            model.model_validate({"question": 7, "mission_id": []})
        except ValueError:
            pass
    return told

with ThreadPoolExecutor(THREADS) as pool:
    told = list(pool.map(first_use, range(THREADS)))
assert all(own == told[0] for own in told), "threads were told different things"
assert len(told[0]) == 120 and '"max_rounds":3' in told[0][0], told[0][:3]
print("one answer")
"""

PLUGINS = """
import importlib.metadata

def refuse(**of):
    raise AssertionError(f"installed packages were looked through: {of}")

import schemas.mission
import pydantic.plugin._loader as loader
loader.entry_points = refuse
schemas.mission.MissionRequest(question="q")
print("none")
"""


def _said(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout.strip()


def test_many_threads_at_the_first_use_of_a_contract_get_one_answer() -> None:
    assert _said(FIRST_USES) == "one answer"


def test_no_installed_package_has_a_say_in_what_a_contract_means() -> None:
    assert _said(PLUGINS) == "none"


def test_defaults_that_nothing_validated_are_those_that_validation_would_make() -> None:
    request = MissionRequest(question="q")
    assert request.tracks == Tracks.model_validate({})
    assert (request.budget, request.deadlines, request.hints) == (Budget(), Deadlines(), ReadingHints())
    explicit: dict[str, object] = {"hints": {}, "tracks": {"deep_research": {}, "ds_star": {}}, "budget": {}, "deadlines": {}}
    assert request == MissionRequest.model_validate({"question": "q", **explicit})


def test_every_contract_can_be_built() -> None:
    """What is built at its first use is built here once, so that a mistake in a type is not found by a user."""
    import functions.missions.openapi
    import schemas.release

    assert schemas.release.TOP_LEVEL
    assert functions.missions.openapi.OPERATIONS
    models = [*_below(Contract), *_below(Stored)]
    assert MissionRecord in models
    for model in models:
        model.model_rebuild(raise_errors=True)
        assert model.__pydantic_complete__, model


def _below(model: type[Contract] | type[Stored]) -> list[type[Contract] | type[Stored]]:
    return [found for child in model.__subclasses__() for found in (child, *_below(child))]
