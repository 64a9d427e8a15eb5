"""The ``TelemetrySink`` port, on every adapter: the same rows, asked with the same views, show the same figures.

The views are written in BigQuery's dialect; here DuckDB answers them for both, since no BigQuery runs on this machine.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from infra.local.telemetry_queries import ask
from shared.adapters.bigquery_sink import MOST_WAITING, BigQuerySink
from shared.adapters.google_errors import fault
from shared.adapters.resilience import Resilience
from shared.telemetry.rows import TABLES, MissionRow, ModelCallRow, Row, SliceRow
from shared.telemetry.sink import JsonLines, TelemetrySink
from shared.telemetry.tables import View, bigquery_schema, columns, view, views
from tests.support.bigquery import BigQuery
from tests.support.clock import FrozenClock

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
DAY = "2026-03-14"


@dataclass
class Bench:
    """A sink, and the folder in which the rows that arrived lie."""

    sink: TelemetrySink
    folder: Path

    def shows(self, name: str) -> list[dict[str, object]]:
        self.sink.flush()
        return [dict(row) for row in ask(self.folder, view(name)).as_json()]


@pytest.fixture
def bigquery(tmp_path: Path) -> Iterator[BigQuery]:
    with BigQuery(tmp_path / "bigquery") as made:
        yield made


def google(bigquery: BigQuery) -> BigQuerySink:
    clock = FrozenClock()
    return BigQuerySink(
        "p", "kimera", endpoint=bigquery.url, resilience=lambda name: Resilience(name, judge=fault, clock=clock, uniform=lambda: 0.0)
    )


@pytest.fixture(params=["JSON lines", "BigQuery"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "JSON lines":
        yield Bench(JsonLines(tmp_path / "telemetry"), tmp_path / "telemetry")
        return
    bigquery: BigQuery = request.getfixturevalue("bigquery")
    made = Bench(google(bigquery), bigquery.folder)
    yield made
    made.sink.close()


def mission(n: int, status: str = "DONE", *, fusion: str = "FINAL", after: timedelta = timedelta(), total_s: float = 30.0) -> MissionRow:
    failed = status == "FAILED"
    return MissionRow(
        event_id=f"m_{n}:{status}:{fusion}",
        happened_at=NOON + after,
        mission_id=f"m_{n}",
        status=status,
        fusion_status=fusion,
        tier="standard",
        error="internal" if failed else None,
        flags="",
        epochs=1,
        reports=0 if failed else 1,
        created_at=NOON - timedelta(seconds=total_s + 1),
        started_at=NOON - timedelta(seconds=total_s),
        first_report_at=None if failed else NOON,
        ended_at=NOON,
        queued_s=1.0,
        first_report_s=None if failed else total_s - 5,
        total_s=total_s,
        cost_micro_usd=300,
        deep_research_micro_usd=100,
        ds_star_micro_usd=200,
        fusion_micro_usd=0,
    )


def slice_of(n: int, track: str, seq: int, seconds: float, *, retries: int = 0, error: str | None = None, wait_s: float = 0) -> SliceRow:
    return SliceRow(
        event_id=f"m_{n}:{track}:1:{seq}",
        happened_at=NOON,
        mission_id=f"m_{n}",
        track=track,
        attempt=1,
        seq=seq,
        epoch=1,
        seconds=seconds,
        wait_s=wait_s,
        outcome="FINAL",
        status="DONE",
        error=error,
        retries=retries,
    )


def model_call(ordinal: int, outcome: str = "answered", *, send: int = 1, cost: int = 100, tokens: int | None = 10) -> ModelCallRow:
    request = f"m_1:ds_star:1:0:planner:{ordinal}:{send}"
    return ModelCallRow(
        event_id=f"{request}:{outcome}",
        happened_at=NOON,
        request_id=request,
        mission_id="m_1",
        track="ds_star",
        attempt=1,
        seq=0,
        role="planner",
        ordinal=ordinal,
        send=send,
        model="google:some-model",
        tier="standard",
        prompt_id="p",
        outcome=outcome,
        input_tokens=tokens,
        output_tokens=tokens,
        cached_tokens=None,
        bound_micro_usd=500,
        cost_micro_usd=cost,
        overrun=False,
        seconds=1.5,
    )


def test_without_rows_every_view_is_empty(bench: Bench) -> None:
    assert [bench.shows(known.name) for known in views()] == [[] for _ in views()]


def test_what_is_told_twice_counts_once(bench: Bench) -> None:
    rows: list[Row] = [mission(1), slice_of(1, "ds_star", 0, 2.0), model_call(1)]
    for _ in range(2):
        bench.sink.write(rows)
        bench.sink.flush()
    assert [len(bench.shows(f"{table.table}_once")) for table in TABLES] == [1, 1, 1]


def test_cancelled_missions_count_neither_for_nor_against_success(bench: Bench) -> None:
    bench.sink.write([mission(1), mission(2), mission(3), mission(4, "FAILED"), mission(5, "CANCELLED")])
    shown = {"day": DAY, "missions": 5, "done": 3, "failed": 1, "cancelled": 1, "success_rate": 0.75}
    assert bench.shows("mission_success") == [shown]


def test_a_mission_that_was_upgraded_later_is_one_mission_as_it_ended_last(bench: Bench) -> None:
    bench.sink.write([mission(1, fusion="UPGRADED", after=timedelta(hours=1)), mission(1)])
    assert [row["fusion_status"] for row in bench.shows("missions_once")] == ["UPGRADED"]


def test_orchestration_is_what_neither_the_longer_track_nor_fusion_took(bench: Bench) -> None:
    bench.sink.write([mission(1, total_s=30.0), slice_of(1, "ds_star", 0, 10.0), slice_of(1, "ds_star", 1, 8.0, wait_s=2.0)])
    bench.sink.write([slice_of(1, "deep_research", 0, 15.0), slice_of(1, "fusion", 1, 4.0)])
    (shown,) = bench.shows("orchestration_latency")
    assert shown["p50_s"] == pytest.approx(6.0)


def test_the_first_report_is_timed_where_there_is_one(bench: Bench) -> None:
    bench.sink.write([mission(1, total_s=30.0), mission(2, "FAILED", total_s=99.0)])
    (shown,) = bench.shows("first_report")
    assert (shown["missions"], shown["p50_s"]) == (1, pytest.approx(25.0))


def test_a_rejected_answer_is_paid_once(bench: Bench) -> None:
    bench.sink.write([model_call(1), model_call(1, "rejected"), model_call(2), model_call(3, "failed", cost=0, tokens=None)])
    assert bench.shows("cost_per_day") == [
        {"day": DAY, "track": "ds_star", "model": "google:some-model", "requests": 3, "usd": pytest.approx(0.0002)}
    ]
    (tokens,) = bench.shows("tokens_per_role")
    assert (tokens["input_tokens"], tokens["rejected"]) == (20, 1)


def test_errors_are_counted_by_place_and_type(bench: Bench) -> None:
    bench.sink.write([mission(1, "FAILED"), slice_of(1, "ds_star", 0, 1.0, error="input_unreadable"), model_call(1, "unknown")])
    assert [(row["place"], row["type"], row["times"]) for row in bench.shows("errors")] == [
        ("ds_star", "input_unreadable", 1),
        ("mission", "internal", 1),
        ("model google:some-model", "unknown", 1),
    ]


def test_retries_are_slices_begun_again_and_requests_sent_again(bench: Bench) -> None:
    bench.sink.write([slice_of(1, "ds_star", 0, 1.0, retries=2), slice_of(1, "ds_star", 1, 1.0)])
    bench.sink.write([model_call(1, "failed"), model_call(1, send=2)])
    assert bench.shows("retries") == [{"day": DAY, "track": "ds_star", "slices": 2, "slice_retries": 2, "resent_requests": 1}]


class TestBigQuery:
    """What only the service has."""

    def test_the_event_id_is_what_the_service_forgets_duplicates_by(self, bigquery: BigQuery) -> None:
        sink = google(bigquery)
        sink.write([mission(1), model_call(1)])
        sink.close()
        assert [(one.dataset, one.table, one.insert_id) for one in bigquery.inserted] == [
            ("p.kimera", "missions", mission(1).event_id),
            ("p.kimera", "model_calls", model_call(1).event_id),
        ]

    def test_nothing_is_sent_before_the_flush(self, bigquery: BigQuery) -> None:
        google(bigquery).write([mission(1)])
        assert bigquery.requests == 0

    def test_a_failure_that_passes_is_tried_again(self, bigquery: BigQuery) -> None:
        sink = google(bigquery)
        bigquery.statuses += [503, 500]
        sink.write([mission(1)])
        sink.close()
        assert (len(bigquery.inserted), sink.lost) == (1, 0)

    def test_rows_wait_while_the_service_is_away_and_the_next_flush_takes_them(self, bigquery: BigQuery) -> None:
        sink = google(bigquery)
        bigquery.statuses += [503] * 4
        sink.write([mission(1)])
        sink.flush()
        assert bigquery.inserted == []
        sink.write([mission(2)])
        sink.close()
        assert (len(bigquery.inserted), sink.lost) == (2, 0)

    def test_a_row_that_the_table_refuses_is_lost_alone_and_counted(self, bigquery: BigQuery, caplog: pytest.LogCaptureFixture) -> None:
        sink = google(bigquery)
        sink.write([mission(1).model_copy(update={"status": None}), mission(2)])
        sink.close()
        assert ([one.row["mission_id"] for one in bigquery.inserted], sink.lost) == (["m_2"], 1)
        assert "1 rows of telemetry are lost" in caplog.text

    def test_more_rows_than_can_wait_push_the_oldest_out(self, bigquery: BigQuery) -> None:
        sink = google(bigquery)
        sink.write([mission(n) for n in range(MOST_WAITING + 2)])
        assert sink.lost == 2

    def test_a_service_that_cannot_be_reached_is_named_and_nothing_is_raised(
        self, bigquery: BigQuery, caplog: pytest.LogCaptureFixture
    ) -> None:
        bigquery.url = "http://127.0.0.1:9"
        sink = google(bigquery)
        sink.write([mission(1)])
        sink.flush()
        assert "BigQuery at http://127.0.0.1:9" in caplog.text


class TestJsonLines:
    def test_a_line_that_a_kill_broke_is_left_out(self, tmp_path: Path) -> None:
        JsonLines(tmp_path).write([mission(1)])
        with (tmp_path / "missions.jsonl").open("a") as file:
            file.write(mission(2).model_dump_json()[:50])
        assert [row["mission_id"] for row in ask(tmp_path, view("missions_once")).as_json()] == ["m_1"]

    def test_a_folder_that_cannot_be_written_loses_rows_and_nothing_else(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        (tmp_path / "file").write_text("")
        sink = JsonLines(tmp_path / "file")
        sink.write([mission(1), mission(2)])
        assert (sink.lost, "could not be written" in caplog.text) == (2, True)

    @pytest.mark.parametrize("take", [shutil.rmtree, lambda folder: folder.rename(folder.with_name("old"))], ids=["deleted", "moved"])
    def test_a_folder_that_is_taken_away_is_made_anew(self, tmp_path: Path, take: Callable[[Path], object]) -> None:
        sink = JsonLines(tmp_path / "telemetry")
        for number in (1, 2, 3):  # more than once
            sink.write([mission(number)])
            if number < 3:
                take(tmp_path / "telemetry")
                shutil.rmtree(tmp_path / "old", ignore_errors=True)
        sink.close()
        assert [row["mission_id"] for row in ask(tmp_path / "telemetry", view("missions_once")).as_json()] == ["m_3"]


@pytest.mark.parametrize("known", views(), ids=lambda known: known.name)
def test_a_view_is_bigquery_sql_over_tables_and_views_that_exist(known: View) -> None:
    (statement,) = sqlglot.parse(known.in_dataset("p.kimera"), read="bigquery")
    assert statement is not None
    local = {cte.alias for cte in statement.find_all(exp.CTE)}
    read = {table.name for table in statement.find_all(exp.Table)} - local
    assert read <= {table.table for table in TABLES} | {other.name for other in views()}
    assert all(table.db == "kimera" for table in statement.find_all(exp.Table) if table.name not in local)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.table)
def test_a_table_is_declared_with_the_columns_of_its_rows(table: type[Row]) -> None:
    schema = bigquery_schema(table)
    assert [column["name"] for column in schema] == list(table.model_fields) == [column.name for column in columns(table)]
    assert schema[0] == {"name": "event_id", "type": "STRING", "mode": "REQUIRED"}
    assert schema[1] == {"name": "happened_at", "type": "TIMESTAMP", "mode": "REQUIRED"}
