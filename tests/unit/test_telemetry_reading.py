"""Spans come back from the file as they were, one mission at a time, whatever a kill left behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local.story import tell_story
from schemas.events import AuditEvent
from schemas.mission import MissionState
from shared.errors import Unavailable
from shared.telemetry import names
from shared.telemetry.context import about_mission, current_traceparent
from shared.telemetry.exporters import to_file
from shared.telemetry.reading import SpanRecord, mission_spans
from tests.support.clock import START
from tests.support.house import House


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    """Two missions, and a call that is about neither until its mission is known."""
    path = tmp_path / "traces.jsonl"
    tracing = to_file(path, service="test")
    with tracing.span("missions /missions", attributes={names.PHASE: "missions"}):
        parent = current_traceparent()
    with about_mission("m_1", track="ds_star", seq=2), tracing.span("ds_star.slice", parent=parent):
        pass
    with pytest.raises(Unavailable), about_mission("m_1"), tracing.span("sandbox.run", parent=parent):
        raise Unavailable("no room")
    with about_mission("m_1"), tracing.span("sandbox.run", parent=parent):
        pass
    with about_mission("m_2"), tracing.span("ds_star.slice"):
        pass
    tracing.close()
    return path


def spans(path: Path) -> list[SpanRecord]:
    return mission_spans(path, "m_1")


def test_a_mission_has_its_own_spans_and_the_calls_of_its_traces(traces: Path) -> None:
    assert [span.name for span in spans(traces)] == ["missions /missions", "ds_star.slice", "sandbox.run", "sandbox.run"]
    assert spans(traces)[1].attributes == {names.MISSION_ID: "m_1", names.TRACK: "ds_star", names.SEQ: 2}


def test_a_failed_span_says_how(traces: Path) -> None:
    failed = spans(traces)[2]
    assert (failed.failed, failed.error, failed.message) == (True, "unavailable", "no room")
    assert spans(traces)[3].error is None


def moved(path: Path) -> None:
    path.rename(path.with_name("old"))


def replaced(path: Path) -> None:
    """As another process does that began a new file already."""
    shutil.copy(path, path.with_name("new"))
    path.with_name("new").rename(path)


@pytest.mark.parametrize("take", [Path.unlink, moved, replaced])
def test_a_file_that_is_taken_away_is_made_anew(tmp_path: Path, take: Callable[[Path], None]) -> None:
    path = tmp_path / "traces.jsonl"
    tracing = to_file(path, service="test")
    for name in ("first", "second", "third"):
        with about_mission("m_1"), tracing.span(name):
            pass
        if name != "third":
            assert name in [span.name for span in spans(path)]
            take(path)
    tracing.close()
    assert "third" in [span.name for span in spans(path)]


def test_a_line_that_a_kill_cut_off_is_left_aside(traces: Path) -> None:
    whole = spans(traces)
    with traces.open("a") as file:
        file.write('{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"' + whole[0].trace_id + '","kimera.mission_id":"m_1"')
    assert spans(traces) == whole
    assert mission_spans(traces.parent / "none", "m_1") == []


def test_the_story_counts_retries_and_names_what_went_wrong(traces: Path, tmp_path: Path) -> None:
    story = tell_story(_state(tmp_path), [], spans(traces))
    phase = next(p for p in story.phases if p.name == "sandbox.run")
    assert (phase.calls, phase.retries, phase.errors) == (2, 1, ("unavailable",))
    assert story.reasons == ("sandbox.run: unavailable: no room",)


def test_the_story_says_why_a_mission_worked_without_the_model_that_it_asked_for(traces: Path, tmp_path: Path) -> None:
    flags = ("tier_extractive", "model_unavailable", "answer_rejected", "data_unreadable")
    state = _state(tmp_path).model_copy(update={"flags": flags})
    events = [
        _lowered("ds_star", 0, "circuit_open"),
        _lowered("ds_star", 1, "circuit_open"),
        _lowered("deep_research", 3, "budget_exhausted"),
    ]
    assert tell_story(state, events, []).reasons == (
        "ds_star: worked at the tier extractive. The model's provider had failed too often in a row to be asked then.",
        "deep_research: worked at the tier extractive. Calls to a model that could have passed the budget were not made.",
        "models: A model gave answers that did not fit what it was asked, and was asked no further.",
    ), "each once, and what an event tells is not told by its flag again"
    assert "models: A language model could not be reached, or refused." in tell_story(state, [], []).reasons, "the spans may lie elsewhere"


def _lowered(track: str, seq: int, why: str) -> AuditEvent:
    return AuditEvent(
        mission_id="m_1",
        writer=track,
        n=seq + 1,
        kind="tier.lowered",
        detail={"seq": seq, "tier": "extractive", "because": ["tier_extractive", why]},
        at=START,
        previous="0" * 64,
        hash="0" * 64,
    )


def _state(tmp_path: Path) -> MissionState:
    house = House(tmp_path)
    mission_id, _ = house.claimed()
    mission = house.missions.get(mission_id)
    state = house.missions.state(mission)
    house.close()
    return state
