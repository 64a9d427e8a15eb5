"""Turns at an endpoint of one's own: so many questions at once, in all processes; who waits has sent nothing and pays nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from schemas.mission import Deadlines, ModelChoice, Tier
from shared.adapters.endpoint_places import EndpointPlaces
from shared.clock import Clock, SystemClock
from shared.errors import Unavailable
from shared.models.calls import ModelAnswer, ModelCall, ModelSpec
from shared.models.failures import Failure
from shared.models.rows import RowState
from shared.models.turn import Turn, Turns
from shared.times import CHECKPOINT_SHARE, SLICE_BUDGET_S
from tests.integration.test_model_provider import call
from tests.support.chain import ASKING, AskingTrack, ChainHouse, answering, assert_books_balance, failing
from tests.support.command import ROOT, eventually
from tests.support.house import step
from tests.unit.test_told_to_stop import told_to_stop

CHECKPOINT_S = SLICE_BUDGET_S * CHECKPOINT_SHARE
PATIENCE_S = 100.0
_HOLDER = """
import sys
from pathlib import Path
from shared.adapters.endpoint_places import EndpointPlaces
print(EndpointPlaces(Path(sys.argv[1]), 1).take(), flush=True)
sys.stdin.read()
"""


def turns(folder: Path, count: int = 1, clock: Clock | None = None, patience_s: float = PATIENCE_S) -> Turns:
    """As one process has them: another one with the same folder shares its places."""
    return Turns(EndpointPlaces(folder / "endpoint", count), clock or SystemClock(), lambda: 0.0, patience_s=patience_s)


class Server:
    """The next link: holds each question until it is let go, and knows which came in what order and how many at once."""

    def __init__(self) -> None:
        self.came: list[str] = []
        self.arrived = threading.Semaphore(0)
        self.answered = threading.Semaphore(0)
        self.inside = 0
        self.most = 0
        self._lock = threading.Lock()

    def send(self, asked: ModelCall) -> ModelAnswer:
        with self._lock:
            self.came.append(asked.key.role)
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.arrived.release()
        assert self.answered.acquire(timeout=20)
        with self._lock:
            self.inside -= 1
        return ModelAnswer("{}", None)


def named(name: str) -> ModelCall:
    asked = call("openai")
    return ModelCall(
        key=type(asked.key)("m_1", "ds_star", 1, 0, name, 1),
        model=asked.model,
        prompt=asked.prompt,
        output_name=asked.output_name,
        output_schema=asked.output_schema,
        max_output_tokens=asked.max_output_tokens,
    )


def link(server: Server, of: Turns, *, time_left: Callable[[], float] = lambda: CHECKPOINT_S) -> Turn:
    return Turn(server, of, time_left=time_left, require_wanted=lambda asked: None)


def lined_up(of: Turns, count: int) -> None:
    """Wait until so many are in the line, the first of them perhaps being served."""
    deadline = threading.Event()
    for _ in range(400):
        if len(of._line) == count:
            return
        deadline.wait(0.05)
    raise AssertionError(f"{len(of._line)} are in the line, not {count}")


def test_questions_of_a_process_are_asked_one_after_the_other_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    server, mine = Server(), turns(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(link(server, mine).send, named("first"))]
        assert server.arrived.acquire(timeout=20)
        for place, name in enumerate(("second", "third", "fourth"), start=1):
            asked.append(pool.submit(link(server, mine).send, named(name)))
            lined_up(mine, place)
        server.answered.release(4)
        for future in asked:
            future.result(20)
    assert (server.came, server.most) == (["first", "second", "third", "fourth"], 1)


def test_as_many_are_asked_at_once_as_the_setting_says_and_no_more(tmp_path: Path) -> None:
    server, mine = Server(), turns(tmp_path, 2)
    with ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(link(server, mine).send, named(str(n))) for n in range(5)]
        for _ in range(2):
            assert server.arrived.acquire(timeout=20)
        lined_up(mine, 3)
        assert not server.arrived.acquire(timeout=0.5)
        server.answered.release(5)
        for future in asked:
            future.result(20)
    assert server.most == 2


def test_processes_of_a_data_folder_count_together_and_none_keeps_the_others_out(tmp_path: Path) -> None:
    server, mine, theirs = Server(), turns(tmp_path), turns(tmp_path)
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(link(server, mine).send, named("mine"))]
        assert server.arrived.acquire(timeout=20)
        asked.append(pool.submit(link(server, theirs).send, named("theirs")))
        lined_up(theirs, 1)
        server.answered.release()
        asked[0].result(20)
        asked.append(pool.submit(link(server, mine).send, named("mine, again")))  # a place may be free: it lines up all the same
        server.answered.release(2)
        for future in asked:
            future.result(20)
    assert server.most == 1 and sorted(server.came) == ["mine", "mine, again", "theirs"]


def test_who_comes_while_another_process_waits_does_not_go_first(tmp_path: Path) -> None:
    places = EndpointPlaces(tmp_path / "endpoint", 1)
    waiting = places.line_up()
    slept: list[float] = []

    class Noted(SystemClock):
        def sleep(self, seconds: float) -> None:
            slept.append(seconds)

    def asks() -> None:
        with turns(tmp_path, clock=Noted()).turn(named("late"), time_left=lambda: 1.0, require_wanted=lambda: None):
            pass

    asks()
    assert len(slept) == 1, "one pause, in which the other one may look"
    places.leave(waiting)
    asks()
    assert len(slept) == 1


def test_a_process_that_dies_leaves_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "endpoint"
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ}
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline().strip().isdigit()
        places = EndpointPlaces(folder, 1)
        assert places.take() is None
    finally:
        holder.kill()
        holder.communicate(timeout=20)
    place = places.take()
    assert place is not None
    places.leave(place)


def test_who_waits_is_let_go_where_the_platform_stops(tmp_path: Path) -> None:
    server, mine = Server(), turns(tmp_path)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(link(server, mine).send, named("first"))
        assert server.arrived.acquire(timeout=20)
        waiting = pool.submit(link(server, mine).send, named("second"))
        lined_up(mine, 1)
        mine.close()
        with pytest.raises(Unavailable, match="the platform stops"):
            waiting.result(20)
        server.answered.release()
        first.result(20)
    with pytest.raises(Unavailable, match="the platform stops"):
        link(server, mine).send(named("third"))
    assert server.came == ["first"]


def test_other_providers_have_no_turns(tmp_path: Path) -> None:
    server, mine = Server(), turns(tmp_path)
    server.answered.release()
    place = EndpointPlaces(tmp_path / "endpoint", 1).take()
    assert place is not None
    assert link(server, mine).send(call("google")).text == "{}"


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "endpoint").write_text("a file")
    with pytest.raises(Unavailable, match="cannot be used"):
        link(Server(), turns(tmp_path)).send(named("first"))


# --- in a mission's slice, with the journal and the ledger around it ------------------------------------------------------


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ChainHouse]:
    made = ChainHouse(tmp_path)
    made.turns = turns(tmp_path, clock=made.clock)
    made.start()
    yield made
    made.close()


@pytest.fixture
def busy(house: ChainHouse) -> Iterator[Callable[[], None]]:
    """The endpoint's one place is taken, by another process, until this is called."""
    places = EndpointPlaces(house.folder / "endpoint", 1)
    place = places.take()
    assert place is not None
    held = [place]

    def leave() -> None:
        while held:
            places.leave(held.pop())

    yield leave
    leave()


def test_a_question_that_never_had_its_turn_costs_nothing_and_its_slice_is_done_again(house: ChainHouse, busy: Callable[[], None]) -> None:
    mission_id, _ = house.claimed(ASKING)
    began = house.clock.monotonic()
    track = AskingTrack(house.role, questions=1)
    with pytest.raises(Unavailable, match="busy for the whole time"):
        house.slices.run(track, step(mission_id, 0))
    assert 0 <= house.clock.monotonic() - began - CHECKPOINT_S - PATIENCE_S < 1
    assert (house.endpoint.asked, house.rows()) == ([], [])
    assert_books_balance(house.documents)
    busy()
    house.slices.run(track, step(mission_id, 0))
    assert track.heard == {0: ["3"]}


def test_answers_that_came_before_the_wait_was_over_are_not_bought_again(house: ChainHouse) -> None:
    mission_id, _ = house.claimed(ASKING)
    track = AskingTrack(house.role, questions=2)

    def slow(asked: ModelCall) -> ModelAnswer:
        """The answer of a server that the other questions of the slice would have to wait for beyond its time."""
        house.clock.advance(CHECKPOINT_S + PATIENCE_S)
        return answering()(asked)

    house.endpoint.next.append(slow)
    with pytest.raises(Unavailable, match="busy for the whole time"):
        house.slices.run(track, step(mission_id, 0))
    house.slices.run(track, step(mission_id, 0))
    assert track.heard == {0: ["3", "3"]}
    assert len(house.endpoint.asked) == 2
    assert_books_balance(house.documents)


def test_who_waits_hears_that_the_mission_was_told_to_stop(
    house: ChainHouse, busy: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mission_id, _ = house.claimed(ASKING)
    slept = house.clock.sleep

    def sleep(seconds: float) -> None:
        slept(seconds)
        if not house.missions.get(mission_id).cancel_requested and house.clock.monotonic() > 5:
            told_to_stop(house, mission_id)

    monkeypatch.setattr(house.clock, "sleep", sleep)
    track = AskingTrack(house.role, questions=2)
    house.slices.run(track, step(mission_id, 0))
    assert track.heard == {0: ["told_to_stop"] * 2}
    assert 5 < house.clock.monotonic() < 7
    assert house.rows() == []


def test_who_waits_says_so_until_it_has_its_turn(tmp_path: Path) -> None:
    server, mine, said = Server(), turns(tmp_path), list[str]()
    talking = Turn(server, mine, time_left=lambda: CHECKPOINT_S, require_wanted=lambda asked: None, doing=said.append)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(talking.send, named("first"))
        assert server.arrived.acquire(timeout=20)
        assert said == [], "who need not wait says nothing"
        second = pool.submit(talking.send, named("second"))
        eventually(lambda: bool(said), "the second one says that it waits")
        server.answered.release(2)
        for future in (first, second):
            future.result(20)
    assert said == [f"waits for its turn to ask {named('second').model.label}", ""]


def test_who_waits_does_not_do_so_past_the_missions_time(house: ChainHouse, busy: Callable[[], None]) -> None:
    mission_id, _ = house.claimed(ASKING.model_copy(update={"deadlines": Deadlines(soft_s=20, hard_s=25, late_s=25)}))
    track = AskingTrack(house.role, questions=2)
    house.slices.run(track, step(mission_id, 0))
    assert track.heard == {0: ["out_of_time"] * 2}
    assert 25 <= house.clock.monotonic() < 27
    assert house.rows() == []


def test_the_time_of_an_answer_begins_with_its_turn(house: ChainHouse, busy: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    mission_id, _ = house.claimed(ASKING.model_copy(update={"deadlines": Deadlines(soft_s=50, hard_s=60, late_s=100)}))
    slept = house.clock.sleep

    def sleep(seconds: float) -> None:
        slept(seconds)
        if house.clock.monotonic() >= 70:
            busy()

    monkeypatch.setattr(house.clock, "sleep", sleep)
    house.slices.run(AskingTrack(house.role, questions=1), step(mission_id, 0))
    (asked,) = house.endpoint.asked
    assert 29 <= asked.within_s <= 30
    (row,) = house.rows()
    assert (row.sent_at - house.missions.get(mission_id).created_at).total_seconds() >= 70, "the row is written when it is sent"


def test_what_failed_for_a_moment_is_tried_again_also_where_it_had_waited_for_long(
    house: ChainHouse, busy: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mission_id, _ = house.claimed(ASKING)
    slept = house.clock.sleep

    def sleep(seconds: float) -> None:
        slept(seconds)
        if house.clock.monotonic() >= CHECKPOINT_S + 20:
            busy()

    monkeypatch.setattr(house.clock, "sleep", sleep)
    house.endpoint.next.append(failing(Failure.OVERLOADED))
    track = AskingTrack(house.role, questions=1)
    house.slices.run(track, step(mission_id, 0))
    assert track.heard == {0: ["3"]}
    assert [row.state for row in house.rows()] == [RowState.FAILED, RowState.ANSWERED]


def test_a_mission_with_gemini_does_not_wait(house: ChainHouse, busy: Callable[[], None]) -> None:
    class Gemini:
        def choose(self, tier: Tier, role: str, *, on: date, choice: ModelChoice | None = None) -> ModelSpec:
            return call("google").model

    house.catalog = Gemini
    house.start()
    mission_id, _ = house.claimed(ASKING)
    track = AskingTrack(house.role, questions=2)
    house.slices.run(track, step(mission_id, 0))
    assert track.heard == {0: ["3", "3"]}
    assert house.clock.monotonic() == 0
