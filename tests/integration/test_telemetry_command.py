"""``kimera telemetry``: what a user sees of the dashboards' figures."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from shared.telemetry.rows import SliceRow
from shared.telemetry.sink import JsonLines
from shared.telemetry.tables import views
from tests.support.command import Kimera

ROW = SliceRow(
    event_id="m_1:ds_star:1:0",
    happened_at=datetime(2026, 3, 14, 12, tzinfo=UTC),
    mission_id="m_1",
    track="ds_star",
    attempt=1,
    seq=0,
    epoch=1,
    seconds=2.0,
    wait_s=0.0,
    outcome="FINAL",
    status="FAILED",
    error="input_unreadable",
    retries=1,
)


def test_without_a_name_the_views_are_listed(tmp_path: Path) -> None:
    kimera = Kimera(tmp_path)
    listed = kimera("telemetry", "--json")
    assert (listed.code, {row["view"] for row in listed.json["views"]}) == (0, {known.name for known in views()})
    assert "mission_success" in kimera("telemetry").out


def test_a_view_is_a_table_for_a_person_and_one_object_for_a_program(tmp_path: Path) -> None:
    kimera = Kimera(tmp_path)
    JsonLines(kimera.home / "telemetry").write([ROW, ROW])
    assert kimera("telemetry", "errors", "--json").json == {
        "view": "errors",
        "rows": [{"day": "2026-03-14", "place": "ds_star", "type": "input_unreadable", "times": 1}],
    }
    shown = kimera("telemetry", "errors")
    assert (shown.code, shown.out.splitlines()[1].split()) == (0, ["2026-03-14", "ds_star", "input_unreadable", "1"])


def test_before_the_first_mission_a_view_is_empty(tmp_path: Path) -> None:
    assert Kimera(tmp_path)("telemetry", "mission_success", "--json").json == {"view": "mission_success", "rows": []}


def test_a_view_that_does_not_exist_is_answered_with_those_that_do(tmp_path: Path) -> None:
    ended = Kimera(tmp_path)("telemetry", "nonsense")
    assert ended.code == 2
    assert "cost_per_day" in ended.err
