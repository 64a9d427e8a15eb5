"""What is particular to documents in Firestore: a database that is away, or says nothing, and comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.local.emulated.cloud_sdk import FirestoreEmulator
from shared.adapters.firestore_documents import FirestoreDocuments
from shared.adapters.resilience import Patience
from shared.documents import Ref, Transaction
from shared.errors import Unavailable
from tests.support.clock import FrozenClock
from tests.support.gateway import Gateway, Way
from tests.support.resilient import firestore
from tests.support.waiting import until

A = Ref("things", "a")


@pytest.fixture
def gate(firestore_emulator: FirestoreEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with Gateway(firestore_emulator.address) as made:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", made.address)
        yield made


def opened(clock: FrozenClock, **patience: float) -> FirestoreDocuments:
    return firestore("kimera-away", patience=Patience(**patience), clock=clock)  # type: ignore[arg-type]  # its fields by name


def test_a_database_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:9")  # the discard port: nobody listens
    store = opened(FrozenClock())
    calls: list[Callable[[], object]] = [lambda: store.put(A, {}), lambda: store.get(A), lambda: store.transact(lambda tx: tx.get(A))]
    for call in calls:
        with pytest.raises(Unavailable, match=r"Firestore \(kimera-away/\(default\)\)"):
            call()
    store.close()


def test_reads_go_on_trying_and_a_commit_is_sent_once(gate: Gateway) -> None:
    clock = FrozenClock()
    store = opened(clock, tries=4, failures=50)
    gate.become(Way.DEAD)
    with pytest.raises(Unavailable):
        store.put(A, {})
    assert clock.slept == []
    with pytest.raises(Unavailable):
        store.transact(lambda tx: tx.get(A))  # its beginning is tried four times, and the transaction not again
    assert len(clock.slept) == 3
    store.close()


def test_one_that_stays_away_is_left_alone_until_a_probe_finds_it(gate: Gateway) -> None:
    clock = FrozenClock()
    store = opened(clock, failures=5, reset_s=20)
    gate.become(Way.DEAD)
    for _ in range(5):
        with pytest.raises(Unavailable):
            store.put(A, {"n": 1})
    gate.become(Way.OPEN)
    with pytest.raises(Unavailable, match="failed 5 times in a row and is left alone") as left_alone:
        store.put(A, {"n": 1})
    assert left_alone.value.retry_after_s == 20

    def probe() -> None:
        clock.advance(20)
        store.put(A, {"n": 1})

    until(lambda: succeeds(probe))
    assert store.get(A) is not None
    store.close()


def succeeds(call: Callable[[], object]) -> bool:
    """Whether the database answers again: the connection waits a while in real time before it is made anew."""
    try:
        call()
    except Unavailable:
        return False
    return True


def test_one_that_says_nothing_is_given_up_in_time(gate: Gateway) -> None:
    store = opened(FrozenClock(), timeout_s=0.3, tries=2, failures=3)
    gate.become(Way.SILENT)
    for _ in range(3):
        with pytest.raises(Unavailable, match="kimera-away"):
            store.put(A, {})
    with pytest.raises(Unavailable, match="left alone"):
        store.get(A)
    store.close()


def test_a_transaction_that_loses_its_database_writes_nothing_and_is_not_run_again(gate: Gateway) -> None:
    store, ref = opened(FrozenClock(), failures=10_000), Ref("things", "lost")
    runs: list[object] = []

    def work(tx: Transaction) -> None:
        runs.append(tx.get(ref))
        tx.put(ref, {"n": 1})
        gate.become(Way.DEAD)

    with pytest.raises(Unavailable):
        store.transact(work)
    gate.become(Way.OPEN)
    assert runs == [None]
    until(lambda: succeeds(lambda: store.get(ref)))
    assert store.get(ref) is None
    store.close()


def test_missing_credentials_are_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(Unavailable, match="gcloud auth"):
        firestore("some-project")
