"""No crash point is without its drill, no drill is without its row in the docs, and a drill that hurt nothing has not passed."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from infra.local.drills import kills
from infra.local.drills.drill import Drill, Scene
from infra.local.drills.registry import all_drills, select
from infra.local.drills.running import run
from infra.local.emulated.component import Missing
from shared.crash_points import POINTS
from shared.errors import BadInput, KimeraError
from shared.runtime import CHECKOUT
from tests.support.command import Kimera


def passed_in_the_code() -> set[str]:
    """The points that the product's code passes."""
    found: set[str] = set()
    for folder in ("shared", "functions", "infra"):
        for path in (CHECKOUT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(func=ast.Name(id="reached"), args=[ast.Constant(value=str(point)), *_]):
                        found.add(point)
                    case _:
                        pass
    return found


def test_every_point_that_the_code_passes_is_named_and_has_a_drill_that_kills_there() -> None:
    drills = all_drills()
    assert passed_in_the_code() == set(POINTS)
    assert {f"kill.{point}" for point in POINTS} <= drills.keys()
    assert all(kills.place(point).partition(":")[0] == point for point in POINTS)


def test_every_drill_has_its_row_in_the_docs() -> None:
    page = (CHECKOUT / "docs" / "drills.md").read_text(encoding="utf-8")
    points = {f"kill.{point}" for point in POINTS}  # they share one
    assert "`kill.POINT`" in page
    assert [name for name in all_drills() if name not in points and f"| `{name}`" not in page] == []


def scene_that(*, hurts: bool, checks: bool = True, keeps: bool = True) -> Drill:
    def attack(scene: Scene) -> None:
        if hurts:
            scene.hurt("a thing", proof="it lies in pieces")
        if checks:
            scene.check("a promise", keeps, "as it was")

    return Drill("made.up", "for this test", attack)


def test_a_drill_passes_that_hurt_and_found_every_promise_kept() -> None:
    result = run(scene_that(hurts=True), keep=False)
    assert result.passed and result.why == ()


def test_a_drill_that_hurt_nothing_has_not_passed() -> None:
    result = run(scene_that(hurts=False), keep=False)
    assert not result.passed and result.why == ("nothing was hurt",)


@pytest.mark.parametrize(("proof", "really"), [("", True), ("  ", True), ("somebody said so", False)])
def test_a_hurt_without_a_proof_is_none(proof: str, really: bool) -> None:
    result = run(Drill("made.up", "", lambda scene: scene.hurt("a thing", proof=proof, really=really)), keep=False)
    assert not result.passed and "This was not done: a thing" in result.error


def test_a_drill_that_checked_nothing_or_found_a_promise_broken_has_not_passed() -> None:
    assert run(scene_that(hurts=True, checks=False), keep=False).why == ("nothing was checked",)
    assert run(scene_that(hurts=True, keeps=False), keep=False).why == ("NOT KEPT: a promise: as it was",)


def test_the_folder_of_a_failed_drill_is_kept_where_that_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def breaks(scene: Scene) -> None:
        (scene.folder / "trace.txt").write_text("here")
        raise RuntimeError("broken")

    assert run(Drill("made.up", "", breaks), keep=False).kept_in is None
    assert list(tmp_path.iterdir()) == []
    result = run(Drill("made.up", "", breaks), keep=True)
    assert result.error == "RuntimeError: broken" and result.kept_in is not None
    assert (result.kept_in / "trace.txt").read_text() == "here"


def test_what_a_drill_started_is_ended_whatever_happens() -> None:
    ended: list[str] = []

    def breaks(scene: Scene) -> None:
        scene.closing.callback(lambda: ended.append("yes"))
        raise KimeraError("it went wrong")

    assert run(Drill("made.up", "", breaks), keep=False).error == "it went wrong"
    assert ended == ["yes"]


def test_a_drill_whose_component_is_missing_does_not_run_and_says_which() -> None:
    def lacking() -> None:
        raise Missing("Neo4j is missing on this machine.", remedy="scripts/components neo4j")

    drill = Drill("made.up", "", lambda scene: scene.hurt("a thing", proof="x"), lacking)
    result = run(drill, keep=False)
    assert not result.passed and result.hurts == () and "scripts/components neo4j" in result.missing


def test_a_kind_means_all_of_its_drills_and_a_near_name_is_told() -> None:
    assert {drill.kind for drill in select(["clock", "store.full"])} == {"clock", "store"}
    with pytest.raises(BadInput, match=r"There is no drill 'kill\.model\.recieved'") as wrong:
        select(["kill.model.recieved"])
    assert "kill.model.received" in wrong.value.remedy


def test_the_command_lists_and_refuses(tmp_path: Path) -> None:
    kimera = Kimera(tmp_path)
    listed = kimera("drill", "list", "--json").json
    assert {str(entry["name"]) for entry in json.loads(json.dumps(listed["drills"]))} == all_drills().keys()
    unknown = kimera("drill", "run", "klil.slice.worked", "--json")
    assert unknown.code == 2 and "kill.slice.worked" in unknown.err
    assert kimera("drill", "run").code == 2
    assert "--repeat" in kimera("drill", "run", "--help").out
