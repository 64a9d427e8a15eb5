"""A slice happens once: leases, stored results, epochs, faults."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from functions.lifecycle.reconcile import raise_epoch
from schemas.mission import Track, TrackStatus
from shared.adapters.packed_artifacts import PackedArtifacts
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.errors import BadInput, Conflict, StaleEpoch, Unavailable
from shared.missions.repository import Change
from shared.times import SLICE_LEASE_S
from shared.tracks import SliceContext, SliceOutcome
from tests.support.house import Count, CountingTrack, House, step


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, packed=True)
    yield made
    made.close()


def test_a_finished_slice_returns_its_stored_result_and_works_no_more(house: House) -> None:
    mission_id, _ = house.claimed()
    track = CountingTrack()
    first = house.slices.run(track, step(mission_id, 0))
    again = house.slices.run(track, step(mission_id, 0))
    assert first == again
    assert track.worked == [0]


def test_slices_follow_each_other_until_the_track_is_final(house: House) -> None:
    mission_id, _ = house.claimed()
    track = CountingTrack(slices=3)
    outcomes = [house.slices.run(track, step(mission_id, seq)).outcome for seq in range(3)]
    assert outcomes == ["CONTINUE", "CONTINUE", "FINAL"]
    record = house.missions.tracks(house.missions.get(mission_id))[Track.DS_STAR]
    assert record.status is TrackStatus.DONE
    assert record.handoff_uri is not None
    assert b"3 slices" in house.artifacts.get(record.handoff_uri)


def test_a_slice_says_that_the_gate_has_to_be_asked_once_the_mission_was_cancelled(house: House) -> None:
    mission_id, _ = house.claimed()
    track = CountingTrack()
    assert not house.slices.run(track, step(mission_id, 0)).ask_gate
    house.missions.change(mission_id, "api", lambda mission, _: Change(mission.model_copy(update={"cancel_requested": True})))
    assert house.slices.run(track, step(mission_id, 1)).ask_gate
    assert not house.slices.run(track, step(mission_id, 0)).ask_gate  # what was stored is what it gives back


def test_a_slice_that_needs_no_folder_makes_none(house: House) -> None:
    mission_id, _ = house.claimed()
    seen: list[bool] = []

    class Looks(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            seen.append(house.scratch.exists())
            folder = context.workdir
            assert folder.is_dir() and folder == context.workdir
            seen.append(house.scratch.exists())
            return super().step(context, state)

    house.slices.run(Looks(), step(mission_id, 0))
    assert seen == [False, True]
    assert not list(house.scratch.iterdir())


def test_a_slice_that_is_being_worked_on_answers_busy(house: House) -> None:
    mission_id, _ = house.claimed()

    class Meanwhile(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            self.seen = house.slices.run(CountingTrack(), step(mission_id, 0))
            return super().step(context, state)

    track = Meanwhile()
    house.slices.run(track, step(mission_id, 0))
    assert track.seen.outcome == "BUSY"
    assert 0 < track.seen.retry_after_s <= 15


def test_a_lease_that_ran_out_passes_to_the_next_call_and_the_late_commit_is_refused(house: House) -> None:
    mission_id, _ = house.claimed()
    other = CountingTrack()

    class Slow(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            house.clock.advance(SLICE_LEASE_S + 1)
            assert house.slices.run(other, step(mission_id, 0)).outcome == "CONTINUE"
            return super().step(context, state)

    with pytest.raises(StaleEpoch):
        house.slices.run(Slow(), step(mission_id, 0))
    assert house.missions.tracks(house.missions.get(mission_id))[Track.DS_STAR].next_seq == 1


def test_a_late_commit_is_refused_while_another_call_holds_the_lease(house: House) -> None:
    mission_id, _ = house.claimed()

    class Dies(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            raise KeyboardInterrupt

    class Slow(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            house.clock.advance(SLICE_LEASE_S + 1)
            with pytest.raises(KeyboardInterrupt):
                house.slices.run(Dies(), step(mission_id, 0))
            return super().step(context, state)

    with pytest.raises(StaleEpoch):
        house.slices.run(Slow(), step(mission_id, 0))
    assert house.missions.tracks(house.missions.get(mission_id))[Track.DS_STAR].next_seq == 0


def test_a_newer_epoch_takes_the_slice_over_at_once_and_fences_the_older_off(house: House) -> None:
    mission_id, _ = house.claimed()
    newer = CountingTrack()

    class Zombie(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            raise_epoch(house.missions, house.missions.get(mission_id))
            assert house.slices.run(newer, step(mission_id, 0, epoch=2, execution="x2")).outcome == "CONTINUE"
            return super().step(context, state)

    with pytest.raises(StaleEpoch):
        house.slices.run(Zombie(), step(mission_id, 0))
    with pytest.raises(StaleEpoch):
        house.slices.run(CountingTrack(), step(mission_id, 1))
    assert house.slices.run(newer, step(mission_id, 1, epoch=2, execution="x2")).next_seq == 2
    assert house.audit.verify(mission_id).breaks == ()


def test_what_a_slice_has_put_does_not_wait_for_another_commit_where_its_own_is_refused(house: House, tmp_path: Path) -> None:
    """Else it would come to light when something else is written, however long after the mission was deleted by another process."""
    mission_id, _ = house.claimed()

    class Zombie(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            raise_epoch(house.missions, house.missions.get(mission_id))
            return super().step(context, state)

    with pytest.raises(StaleEpoch):
        house.slices.run(Zombie(), step(mission_id, 0))
    with closing(SqliteDocuments(tmp_path / "kimera.sqlite3")) as documents:
        assert [*PackedArtifacts(tmp_path / "artifacts", documents).list(f"missions/{mission_id}/")], "no other process sees it"


def test_a_slice_out_of_turn_is_refused(house: House) -> None:
    mission_id, _ = house.claimed()
    with pytest.raises(Conflict):
        house.slices.run(CountingTrack(), step(mission_id, 5))


def test_a_passing_fault_gives_the_lease_back(house: House) -> None:
    mission_id, _ = house.claimed()
    track = CountingTrack()
    track.fail_with = [Unavailable("the store is down")]
    with pytest.raises(Unavailable):
        house.slices.run(track, step(mission_id, 0))
    assert house.slices.run(track, step(mission_id, 0)).outcome == "CONTINUE"


@pytest.mark.parametrize("lacking", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOSPC, errno.EDQUOT])
def test_a_machine_that_has_nothing_left_for_now_ends_no_track(house: House, lacking: int) -> None:
    mission_id, _ = house.claimed()
    track = CountingTrack()
    track.fail_with = [OSError(lacking, os.strerror(lacking))]
    with pytest.raises(Unavailable, match="nothing left"):
        house.slices.run(track, step(mission_id, 0))
    assert house.slices.run(track, step(mission_id, 0)).outcome == "CONTINUE"


def test_a_folder_that_cannot_be_removed_hides_no_fault(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    mission_id, _ = house.claimed()

    def no_handle_left(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    class Unremovable(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            (context.workdir / "inside").mkdir()
            monkeypatch.setattr("os.scandir", no_handle_left)
            raise Unavailable("no process could be started")

    with pytest.raises(Unavailable, match="no process"):
        house.slices.run(Unremovable(), step(mission_id, 0))


def test_a_fault_while_the_result_is_stored_gives_the_lease_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    mission_id, _ = house.claimed()
    track = CountingTrack()

    def down(*_: object, **__: object) -> None:
        raise Unavailable("the artifact store is down")

    with monkeypatch.context() as outage:
        outage.setattr(type(house.artifacts), "put", down)
        with pytest.raises(Unavailable):
            house.slices.run(track, step(mission_id, 0))
    assert house.slices.run(track, step(mission_id, 0)).outcome == "CONTINUE"


def test_a_lease_that_could_not_be_given_back_is_taken_over_by_the_process_that_held_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    mission_id, _ = house.claimed()

    def down(*_: object, **__: object) -> None:
        raise Unavailable("the database is down")

    with monkeypatch.context() as outage:

        class InAnOutage(CountingTrack):
            def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
                outage.setattr(type(house.documents), "transact", down)
                raise Unavailable("the artifact store is down")

        with pytest.raises(Unavailable, match="artifact store"):
            house.slices.run(InAnOutage(), step(mission_id, 0))
    assert house.slices.run(CountingTrack(), step(mission_id, 0)).outcome == "CONTINUE"


def test_a_defect_ends_the_track_with_what_there_is(house: House) -> None:
    mission_id, _ = house.claimed()
    track = CountingTrack()
    house.slices.run(track, step(mission_id, 0))
    track.fail_with = [FileNotFoundError(2, "No such file", "/srv/data/objects/2024")]
    result = house.slices.run(track, step(mission_id, 1))
    record = house.missions.tracks(house.missions.get(mission_id))[Track.DS_STAR]
    assert (result.outcome, record.status) == ("FINAL", TrackStatus.FAILED)
    assert record.error is not None and "FileNotFoundError" in record.error.message
    assert "/srv" not in record.error.message, "a report repeats it"
    assert record.handoff_uri is not None and b"1 slices" in house.artifacts.get(record.handoff_uri)


def test_close_hands_off_what_there_is_and_says_why(house: House) -> None:
    mission_id, _ = house.claimed()
    track = CountingTrack(slices=9)
    house.slices.run(track, step(mission_id, 0))
    result = house.slices.run(track, step(mission_id, 1, close="cancelled"))
    assert (result.outcome, result.track_status) == ("FINAL", TrackStatus.CANCELLED)


def test_the_state_survives_between_slices(house: House) -> None:
    mission_id, _ = house.claimed()
    house.slices.run(CountingTrack(), step(mission_id, 0))
    house.slices.run(CountingTrack(), step(mission_id, 1))
    record = house.missions.tracks(house.missions.get(mission_id))[Track.DS_STAR]
    assert record.state_uri is not None and house.artifacts.get(record.state_uri) == b'{"done":2}'


@pytest.mark.parametrize("many", [3, 250])
def test_all_that_a_slice_has_put_is_named_by_its_events(house: House, many: int) -> None:
    class Puts(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            for number in range(many):
                context.put_artifact(f"{number}.csv", f"{number}".encode(), media_type="text/csv")
            return super().step(context, state)

    mission_id, _ = house.claimed()
    house.slices.run(Puts(), step(mission_id, 0))
    events = [event for event in house.audit.events(mission_id) if event.writer == Track.DS_STAR]
    told = [event.detail["files"] for event in events if "files" in event.detail]
    assert [len(files) for files in told if isinstance(files, dict)] == ([3] if many == 3 else [100, 100, 50])
    assert events[-1].kind == "slice.committed"
    (checked,) = house.audit.checked(mission_id, house.artifacts)
    assert (checked.breaks, checked.files) == ((), many + 1), "and the state"
    house.artifacts.delete_prefix(next(a.key for a in house.artifacts.list("missions/") if a.key.endswith(f"/{many - 1}.csv")))
    assert len(house.audit.verify(mission_id, house.artifacts).breaks) == 1


def test_the_events_of_a_track_that_failed_name_what_it_had_put(house: House) -> None:
    class Fails(CountingTrack):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            context.put_artifact("half.csv", b"1", media_type="text/csv")
            raise BadInput("It cannot be.")

    mission_id, _ = house.claimed()
    house.slices.run(Fails(), step(mission_id, 0))
    (event,) = [event for event in house.audit.events(mission_id) if event.writer == Track.DS_STAR]
    assert [uri.rpartition("/")[2] for uri in event.detail["files"]] == ["half.csv"]  # type: ignore[union-attr]  # it is an object
