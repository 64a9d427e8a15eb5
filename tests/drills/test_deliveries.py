"""What the drill of unruly deliveries takes for the stored result of a slice, and what for being told to come again."""

from __future__ import annotations

import json

import pytest

from infra.local.drills.deliveries import check_results
from infra.local.drills.drill import Drill, Scene
from infra.local.drills.interruption import Interruption
from infra.local.drills.messages import Message
from infra.local.drills.running import run_all

WAIT_OF_2 = {"outcome": "WAIT", "next_seq": 3, "retry_after_s": 5.9}
"""What slice 2 was stored with."""
OTHERS = (
    Message("first", "/lifecycle/dispatch", {}, json.dumps({"epoch": 1}), 200, json.dumps({"started": True})),
    Message("first", "/fusion/fuse", {}, "{}", 200, json.dumps({"version": 1})),
)


def step(seq: int, **result: object) -> Message:
    return Message("twin", "/ds_star/step", {}, json.dumps({"seq": seq}), 200, json.dumps(result))


@pytest.mark.parametrize(
    ("answers", "kept"),
    [
        ([step(2, **WAIT_OF_2), step(2, **WAIT_OF_2), step(0, **WAIT_OF_2)], True),
        ([step(2, **WAIT_OF_2), step(3, **WAIT_OF_2 | {"retry_after_s": 5.7})], True),  # asked too early: it is told what is left
        ([step(2, **WAIT_OF_2), step(3, outcome="BUSY", next_seq=3, retry_after_s=2.0)], True),
        ([step(3, outcome="FINAL", next_seq=4, ask_gate=False), step(4, outcome="FINAL", next_seq=4, ask_gate=True)], True),
        ([step(2, **WAIT_OF_2), step(2, **WAIT_OF_2 | {"retry_after_s": 5.7})], False),
        ([step(2, **WAIT_OF_2), step(0, **WAIT_OF_2 | {"outcome": "CONTINUE"})], False),
        ([step(3, **WAIT_OF_2)], False),  # no slice at all proves nothing
    ],
    ids=["the same", "too early", "busy", "ended", "another wait", "another outcome", "none"],
)
def test_a_repeated_slice_is_told_the_same_where_it_is_told_of_a_slice(answers: list[Message], kept: bool) -> None:
    def attack(scene: Scene) -> None:
        scene.hurt("a thing", proof="it broke")
        check_results(scene, [*OTHERS, *answers])

    with Interruption() as interruption:
        (result,) = run_all((Drill("made.first", "", attack),), repeat=1, keep=False, starting=lambda *_: None, interruption=interruption)
    assert [check.kept for check in result.checks if check.promise == "a repeated slice returns its stored result"] == [kept]
