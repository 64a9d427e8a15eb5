"""How a remote dependency is called: tries, waits, the deadline and the circuit."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from shared.adapters.resilience import Fault, Patience, Resilience
from shared.errors import Unavailable
from tests.support.clock import FrozenClock


class Down(Exception):
    """The dependency is away."""


class Slow(Exception):
    """The dependency asks to come back."""


def judge(error: BaseException) -> Fault:
    match error:
        case Down():
            return Fault.OUTAGE
        case Slow():
            return Fault.PASSING
        case _:
            return Fault.NONE


class Dependency:
    """Answers with what the test has laid out, and "here" after that; notes the timeouts it was called with."""

    def __init__(self, *outcomes: BaseException) -> None:
        self.outcomes = list(outcomes)
        self.timeouts: list[float] = []

    def send(self, timeout_s: float) -> str:
        self.timeouts.append(timeout_s)
        if self.outcomes:
            raise self.outcomes.pop(0)
        return "here"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


def resilience(clock: FrozenClock, *, uniform: Callable[[], float] = lambda: 0.5, **patience: float) -> Resilience:
    return Resilience("The store at x:1", judge=judge, clock=clock, uniform=uniform, patience=Patience(**patience))  # type: ignore[arg-type]  # its fields by name


@pytest.mark.parametrize("error", [Down(), Slow()])
def test_a_failure_that_passes_is_tried_again(clock: FrozenClock, error: Exception) -> None:
    store = Dependency(error, error)
    assert resilience(clock).call(store.send) == "here"
    assert len(store.timeouts) == 3


def test_the_waits_are_a_random_part_of_a_bound_that_doubles_and_is_limited(clock: FrozenClock) -> None:
    shares = iter([0.25, 1.0, 0.0, 0.5, 1.0])  # the last is drawn and not waited
    with pytest.raises(Slow):
        resilience(clock, uniform=lambda: next(shares), tries=5, first_wait_s=1.0, longest_wait_s=3.0).call(Dependency(*[Slow()] * 9).send)
    assert clock.slept == [0.25, 2.0, 0.0, 1.5]


def test_an_answer_that_stands_is_not_tried_again(clock: FrozenClock) -> None:
    store = Dependency(KeyError("k"))
    with pytest.raises(KeyError):
        resilience(clock).call(store.send)
    assert len(store.timeouts) == 1


def test_what_must_not_arrive_twice_is_sent_once(clock: FrozenClock) -> None:
    store = Dependency(Down())
    with pytest.raises(Down):
        resilience(clock).call_once(store.send)
    assert len(store.timeouts) == 1


def test_all_tries_together_stay_inside_the_deadline(clock: FrozenClock) -> None:
    store = Dependency()

    def slow(timeout_s: float) -> str:
        store.timeouts.append(timeout_s)
        clock.advance(timeout_s)
        raise Down

    with pytest.raises(Down):
        resilience(clock, timeout_s=10, deadline_s=25, tries=9, first_wait_s=1, longest_wait_s=1).call(slow)
    assert store.timeouts == [10, 10, 4]
    assert clock.monotonic() == 25


def opened(clock: FrozenClock) -> Resilience:
    """One whose circuit has just opened."""
    made = resilience(clock, failures=3, reset_s=20)
    for _ in range(3):
        with pytest.raises(Down):
            made.call_once(Dependency(Down()).send)
    return made


def test_an_open_circuit_sends_nothing_names_the_dependency_and_says_when(clock: FrozenClock) -> None:
    made, store = opened(clock), Dependency()
    clock.advance(5)
    with pytest.raises(Unavailable, match="The store at x:1") as caught:
        made.call(store.send)
    assert (caught.value.retry_after_s, store.timeouts) == (15, [])


def test_a_probe_that_succeeds_closes_the_circuit(clock: FrozenClock) -> None:
    made = opened(clock)
    clock.advance(20)
    assert [made.call_once(Dependency().send) for _ in range(2)] == ["here", "here"]


def test_a_probe_that_fails_leaves_it_open_for_as_long_again(clock: FrozenClock) -> None:
    made, store = opened(clock), Dependency()
    clock.advance(20)
    with pytest.raises(Down):
        made.call_once(Dependency(Down()).send)
    clock.advance(19)
    with pytest.raises(Unavailable):
        made.call(store.send)
    assert store.timeouts == []


def test_only_one_call_at_a_time_probes(clock: FrozenClock) -> None:
    made = opened(clock)
    clock.advance(20)
    probing, finish = threading.Event(), threading.Event()

    def probe(_: float) -> None:
        probing.set()
        assert finish.wait(10)

    first = threading.Thread(target=lambda: made.call(probe))
    first.start()
    assert probing.wait(10)
    with pytest.raises(Unavailable):
        made.call(Dependency().send)
    finish.set()
    first.join(10)
    assert made.call(Dependency().send) == "here"


def test_only_outages_in_a_row_open_it(clock: FrozenClock) -> None:
    made = resilience(clock, failures=3)
    for error in (Down(), Down(), Slow(), Down(), Down(), KeyError(), Down(), Down()):
        with pytest.raises(type(error)):
            made.call_once(Dependency(error).send)
    assert made.call(Dependency().send) == "here"


def test_the_call_that_opens_it_tells_what_it_met(clock: FrozenClock) -> None:
    with pytest.raises(Down):
        resilience(clock, failures=2, tries=4).call(Dependency(*[Down()] * 9).send)
