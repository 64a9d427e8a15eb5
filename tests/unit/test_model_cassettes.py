"""Recording, replaying and scripting through the whole chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from schemas.mission import Track
from shared.errors import BadInput
from shared.models.calls import CallKey, ModelCall, ModelSpec, RenderedPrompt, Sender
from shared.models.cassettes import Cassette, canonical_sha256
from shared.models.journal import Journal
from shared.models.scripting import load_script
from tests.support.chain import ASKING, PRICE, AskingTrack, ChainHouse, answering
from tests.support.house import step


@dataclass
class Taped:
    """The endpoint of a house, behind a cassette."""

    cassette: Cassette
    endpoint: Sender

    def link(self, journal: Journal) -> Sender:
        return self.cassette.link(provider=lambda: self.endpoint, before=journal.answers_of_role)

    def close(self) -> None:
        pass


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ChainHouse]:
    made = ChainHouse(tmp_path / "first")
    yield made
    made.close()


def run_with(house: ChainHouse, setting: str) -> AskingTrack:
    """A mission of one slice with this cassette."""
    house.start(Taped(Cassette.parse(setting), house.endpoint))
    mission_id, _ = house.claimed(ASKING)
    track = AskingTrack(house.role, slices=1)
    house.slices.run(track, step(mission_id, 0))
    house.mission_id = mission_id
    return track


def flags(house: ChainHouse) -> tuple[str, ...]:
    return house.missions.tracks(house.missions.get(house.mission_id))[Track.DS_STAR].flags


def test_what_was_recorded_is_replayed_and_the_report_is_told(house: ChainHouse, tmp_path: Path) -> None:
    house.endpoint.next.extend(answering(f'{{"total": {n}}}') for n in (7, 8, 9))
    recorded = run_with(house, f"record:{tmp_path / 'tape'}")
    assert (recorded.heard[0], flags(house)) == (["7", "8", "9"], ())
    replayed = run_with(house, f"replay:{tmp_path / 'tape'}")
    assert (replayed.heard, flags(house)) == (recorded.heard, ("replayed",))
    assert len(house.endpoint.asked) == 3, "a replay asks nobody"
    assert sum(row.cost_micro_usd for row in house.rows()) == 6 * 180, "a replay is accounted as the mission that was recorded"


def test_a_request_without_a_recording_ends_the_track_with_what_to_do(house: ChainHouse, tmp_path: Path) -> None:
    (tmp_path / "tape").mkdir()
    run_with(house, f"replay:{tmp_path / 'tape'}")
    error = house.missions.tracks(house.missions.get(house.mission_id))[Track.DS_STAR].error
    assert error is not None
    assert "no recording of this request: adder" in error.message and "record:" in error.remedy
    assert [row.cost_micro_usd for row in house.rows()] == [0]


def test_a_script_answers_in_the_order_of_the_code_and_the_report_is_told(house: ChainHouse, tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("scripted: adding\nanswers:\n" + "".join(f"  - {{role: adder, answer: {{total: {n}}}}}\n" for n in (4, 5, 6)))
    assert run_with(house, f"script:{script}").heard[0] == ["4", "5", "6"]
    assert flags(house) == ("scripted",)


def test_a_script_that_has_a_key_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("scripted: adding\nanswers:\n  - role: adder\n    answer: {total: 4}\n    answer: {total: 5}\n")
    with pytest.raises(BadInput, match="'answer' is written twice, in line 4 and in line 5"):
        load_script(script)


def test_ids_times_and_paths_of_a_run_make_no_other_request() -> None:
    def of(user: str) -> str:
        key = CallKey("m_1", "ds_star", 1, 0, "debugger", 1)
        prompt = RenderedPrompt("p", 1, "0" * 64, "Repair.", user)
        return canonical_sha256(ModelCall(key, ModelSpec("openai", "mine", PRICE), prompt, "Code", {}, 100))

    said = "File {path}, line 3, of {id} at {at}: KeyError 'x/y', 3/4 of rows"
    first = said.format(path="/tmp/slice-a1b2/main.py", id="m_01kkntq1t872tecmq49pkz57h6", at="2026-11-26T10:11:12.5Z")
    again = said.format(path="/var/lib/slice-zz/main.py", id="m_01kkntq1t872tecmq49pkz57h7", at="2026-11-27T00:00:00+00:00")
    assert of(first) == of(again)
    assert of(first) != of(first.replace("line 3", "line 4"))
    assert of("a/b of 3/4") != of("a/c of 3/4")


@pytest.mark.parametrize("setting", ["tape", "play:tape", "replay:"])
def test_a_cassette_that_is_none_says_what_one_is(setting: str) -> None:
    with pytest.raises(BadInput, match="no cassette"):
        Cassette.parse(setting)


def test_a_folder_without_recordings_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no recordings"):
        Cassette.parse(f"replay:{tmp_path / 'none'}").link(provider=lambda: pytest.fail("asked"), before=lambda key: 0)
