"""Inputs whose stored bytes were changed: a report names each as its user does, and names no place on the machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.command import Ended, Kimera

pytestmark = [pytest.mark.bubblewrap, pytest.mark.timeout(240), pytest.mark.xdist_group("cli-serve")]
TEMPERATURES = b"city,temp\nBern,12\nBern,13\nBasel,15\nBasel,14\n"
SCORES = b"player,score\nAnn,1\nBob,2\nCarl,6\n"
NOTES = b"# Notes\n\nThe mean temp of Bern was called mild in the last report.\n"
DAMAGED = "it is damaged; what is stored of it is not what was given. Give the file again, in a new mission."


@pytest.fixture
def kimera(bubblewrap: object, tmp_path: Path) -> Kimera:
    return Kimera(tmp_path)


def test_a_mission_whose_only_input_is_damaged_ends_as_one_whose_input_cannot_be_read(kimera: Kimera) -> None:
    done, report = _asked_of_damaged(
        kimera, "What is the mean temp by city?", {"sales-2024.csv": ("data", TEMPERATURES)}, ["sales-2024.csv"]
    )
    assert "Not answered" in done.out and f"sales-2024.csv: {DAMAGED}" in done.out
    assert done.code == 0 and json.loads(kimera("status", _mission(done), "--json").out)["flags"] == ["data_unreadable"]
    _says_no_place(kimera, done.out + report)


def test_the_other_inputs_are_worked_with(kimera: Kimera) -> None:
    given = {"temperatures.csv": ("data", TEMPERATURES), "scores.csv": ("data", SCORES), "notes.md": ("document", NOTES)}
    done, report = _asked_of_damaged(
        kimera, "What is the mean score? What is the mean temp by city?", given, ["temperatures.csv", "notes.md"]
    )
    assert done.code == 0 and "The mean score is 3" in done.out
    for name in ("temperatures.csv", "notes.md"):
        assert f"{name}: {DAMAGED}" in report
    _says_no_place(kimera, done.out + report)


def test_giving_the_file_again_mends_it(kimera: Kimera) -> None:
    _asked_of_damaged(kimera, "What is the mean temp by city?", {"a.csv": ("data", TEMPERATURES)}, ["a.csv"])
    (kimera.folder / "a.csv").write_bytes(TEMPERATURES)
    again = kimera("run", "What is the mean temp by city?", "--data", "a.csv")
    assert again.code == 0 and "14.5" in again.out


def _asked_of_damaged(kimera: Kimera, question: str, given: dict[str, tuple[str, bytes]], damaged: list[str]) -> tuple[Ended, str]:
    """What ``kimera watch`` and the report say of a mission whose inputs were damaged between the upload and the question."""
    with _served(kimera) as client:
        inputs = [_uploaded(client, name, kind, data) for name, (kind, data) in given.items()]
    for name in damaged:
        (stored,) = (kimera.home / "artifacts" / "objects" / "inputs").rglob(f"{name}@/{name}")
        stored.chmod(0o644)
        stored.write_bytes(b"other,bytes\n1,2\n")
    with _served(kimera) as client:
        asked = client.post(
            "/missions", json={"question": question, "inputs": inputs, "tier": "extractive"}, headers={"Idempotency-Key": "k"}
        )
        assert asked.is_success, asked.text
        mission_id = asked.json()["mission_id"]
        watched = kimera("watch", mission_id)
        shown = kimera("report", mission_id)
    assert watched.code == shown.code == 0, watched.err + shown.err
    return Ended(watched.code, watched.out + f"\n{mission_id}", watched.err), shown.out


def _mission(done: Ended) -> str:
    return done.out.splitlines()[-1]


@contextmanager
def _served(kimera: Kimera) -> Iterator[httpx.Client]:
    """A platform on the data folder, for the time of the ``with``."""
    with kimera.started("serve", "--port", "0") as running:
        with httpx.Client(base_url=running.line_with("KIMERA is at").split()[3]) as client:
            yield client
        running.interrupt()
        running.ended()


def _uploaded(client: httpx.Client, name: str, kind: str, data: bytes) -> dict[str, str]:
    stored = client.put(f"/inputs/{name}", content=data)
    assert stored.is_success, stored.text
    return {"uri": stored.json()["uri"], "kind": kind, "name": name}


def _says_no_place(kimera: Kimera, text: str) -> None:
    assert str(kimera.folder) not in text and "objects/" not in text
    assert "withheld" not in text
