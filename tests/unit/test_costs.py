"""What missions and days cost, as the API and ``kimera costs`` tell it: totals from the ledger, shares from the journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from cli.main import main
from functions.lifecycle.ending import Ending
from functions.missions.deletion import delete_mission
from infra.local.functions import public_app
from schemas.lifecycle import CompensateRequest
from schemas.mission import Budget, MissionError, MissionRequest, MissionState, MissionStatus, Tier
from shared.documents import Json, Query, Ref
from shared.errors import BudgetRefused
from shared.ledger.accounts import Account
from shared.ledger.ledger import Payer, Reservation
from shared.ledger.records import LEDGERS, PURSES, ledger_ref
from shared.missions.records import MissionRecord
from shared.runtime import Runtime
from shared.settings import Settings
from tests.support.clock import START, FrozenClock
from tests.support.deletion import kept

USD = 1_000_000
TODAY = f"{START:%Y-%m-%d}"
REQUEST = MissionRequest(question="How many stations are there?", tier=Tier.STANDARD, budget=Budget(cap_usd=Decimal(2)))


class Spender:
    """A platform's stores, with missions that spend money and keep a journal as the model chain does."""

    def __init__(self, home: Path) -> None:
        self.clock = FrozenClock()
        self.runtime = Runtime(Settings(home=home, owners={}), clock=self.clock)
        self.calls = 0

    def mission(self, *, owner: str = "local") -> MissionRecord:
        mission, _ = self.runtime.missions.create(REQUEST, owner=owner, idempotency_key=None)
        return mission

    def send(self, mission: MissionRecord, bound: int, *, account: Account = "ds_star", role: str = "coder") -> tuple[Ref, Reservation]:
        self.calls += 1
        row = Ref("journal", f"{mission.mission_id}:{account}:1:0:{role}:{self.calls}:1")
        payer = _payer(mission, account)
        ledger = self.runtime.ledger
        reservation = self.runtime.documents.transact(lambda tx: ledger.reserve(tx, payer, bound))
        sent: dict[str, Json] = {
            "mission_id": mission.mission_id,
            "account": account,
            "role": role,
            "model": "openai:small",
            "state": "SENT",
            "bound_micro_usd": bound,
            "day": reservation.day,
            "sent_at": self.clock.now().isoformat(),
        }
        self.runtime.documents.create(row, sent)
        return row, reservation

    def end(
        self, mission: MissionRecord, sent: tuple[Ref, Reservation], cost: int, *, state: str = "ANSWERED", counted: bool = True
    ) -> None:
        row, reservation = sent
        before = self.runtime.documents.get(row)
        assert before is not None
        account: Account = "ds_star" if before.data["account"] == "ds_star" else "deep_research"
        payer, ledger = _payer(mission, account), self.runtime.ledger
        self.runtime.documents.transact(lambda tx: ledger.settle(tx, payer, reservation, cost))
        tokens = {"input_tokens": 1_000, "output_tokens": 50} if state == "ANSWERED" and counted else {}
        told: dict[str, Json] = {"error": "lost: 500: out of memory"} if state == "UNKNOWN" else {}
        self.runtime.documents.put(row, {**before.data, **tokens, **told, "state": state, "cost_micro_usd": cost})

    def buy(self, mission: MissionRecord, cost: int, *, account: Account = "ds_star", role: str = "coder") -> None:
        self.end(mission, self.send(mission, cost, account=account, role=role), cost)


def _payer(mission: MissionRecord, account: Account) -> Payer:
    return Payer(mission.mission_id, account, mission.request.budget.cap_micro_usd)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KIMERA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def spender(home: Path) -> Iterator[Spender]:
    made = Spender(home)
    yield made
    made.runtime.close()


@pytest.fixture
def client(spender: Spender) -> Iterator[httpx.Client]:
    with httpx.Client(transport=httpx.WSGITransport(app=public_app(spender.runtime)), base_url="http://localhost") as made:
        yield made


def test_a_mission_tells_what_it_has_spent_and_set_aside(spender: Spender, client: httpx.Client) -> None:
    mission = spender.mission()
    spender.buy(mission, 300_000)
    spender.send(mission, 100_000, account="deep_research", role="reader")
    read = MissionState.model_validate_json(client.get(f"/missions/{mission.mission_id}").content)
    (listed,) = client.get("/missions").json()["missions"]
    assert (read.cost_so_far.settled_micro_usd, read.cost_so_far.reserved_micro_usd) == (300_000, 100_000)
    assert listed["cost_so_far"] == {"settled_micro_usd": 300_000, "reserved_micro_usd": 100_000}


@pytest.mark.parametrize(
    ("by", "shares"),
    [
        ("track", [("ds_star", 3, 450_000, 0), ("deep_research", 1, 200_000, 0)]),
        ("role", [("coder", 2, 300_000, 0), ("reader", 1, 200_000, 0), ("planner", 1, 150_000, 0)]),
        ("model", [("openai:small", 4, 650_000, 0)]),
        ("tool", [("no tool", 4, 650_000, 0)]),
        ("mission", [("the mission", 4, 650_000, 0)]),
    ],
)
def test_the_shares_sum_up_to_what_the_ledger_holds(spender: Spender, client: httpx.Client, by: str, shares: list[object]) -> None:
    mission = spender.mission()
    spender.buy(mission, 200_000)
    spender.buy(mission, 100_000)
    spender.buy(mission, 150_000, role="planner")
    spender.buy(mission, 200_000, account="deep_research", role="reader")
    for told in (client.get(f"/missions/{mission.mission_id}/costs?by={by}").json(), client.get(f"/costs?by={by}").json()):
        names = [s["name"].replace(mission.mission_id, "the mission") for s in told["shares"]]
        figures = [(s["calls"], s["settled_micro_usd"], s["reserved_micro_usd"]) for s in told["shares"]]
        assert [(name, *of) for name, of in zip(names, figures, strict=True)] == shares
        assert (told["whole"]["settled_micro_usd"], told["unattributed_micro_usd"]) == (650_000, 0)


def test_a_request_without_an_answer_is_listed_with_its_bound(spender: Spender, client: httpx.Client) -> None:
    mission = spender.mission()
    spender.end(mission, spender.send(mission, 70_000), 70_000, state="UNKNOWN")
    spender.end(mission, spender.send(mission, 90_000), 0, state="FAILED")
    told = client.get(f"/missions/{mission.mission_id}/costs").json()
    assert [(c["role"], c["charged_micro_usd"], c["why"]) for c in told["unknown"]] == [("coder", 70_000, "lost: 500: out of memory")]
    assert told["whole"] == {
        "cap_micro_usd": 2 * USD,
        "settled_micro_usd": 70_000,
        "reserved_micro_usd": 0,
        "left_micro_usd": 2 * USD - 70_000,
    }


def test_an_answer_that_does_not_say_what_it_used_is_listed_with_its_bound(
    spender: Spender, client: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    mission = spender.mission()
    spender.buy(mission, 5_000)
    spender.end(mission, spender.send(mission, 70_000), 70_000, counted=False)
    spender.end(mission, spender.send(mission, 60_000), 60_000, state="REJECTED", counted=False)
    spender.end(mission, spender.send(mission, 0), 0, counted=False)
    told = client.get(f"/missions/{mission.mission_id}/costs").json()
    why = "its answer does not say how many tokens it took"
    assert [(call["charged_micro_usd"], call["why"]) for call in told["unknown"]] == [(70_000, why), (60_000, why)]
    assert main(["costs", mission.mission_id]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("Charged at their bound, since no answer says what they cost (2):")
    assert lines[at + 1] == f"- {why}", "each reason is told once"
    assert lines[at + 2] == f"  {START:%Y-%m-%d %H:%M:%S} UTC  {mission.mission_id}  ds_star  coder  openai:small  $0.07"


def test_an_overrun_is_named_and_flags_the_mission(spender: Spender, client: httpx.Client) -> None:
    mission = spender.mission()
    spender.end(mission, spender.send(mission, 10_000), 25_000)
    assert client.get(f"/missions/{mission.mission_id}").json()["flags"] == ["budget_overrun"]
    for told in (client.get(f"/missions/{mission.mission_id}/costs").json(), client.get("/costs").json()):
        (overrun,) = told["overruns"]
        assert (overrun["track"], overrun["reserved_micro_usd"], overrun["cost_micro_usd"]) == ("ds_star", 10_000, 25_000)
    kinds = [event["kind"] for event in client.get(f"/missions/{mission.mission_id}/events").json()["events"]]
    assert "budget.overrun" in kinds


def test_somebody_elses_mission_is_in_the_days_sum_and_nowhere_else(spender: Spender, client: httpx.Client) -> None:
    own, other = spender.mission(), spender.mission(owner="bob")
    spender.buy(own, 100_000)
    spender.end(other, spender.send(other, 400_000), 400_000, state="UNKNOWN")
    told = client.get("/costs").json()
    assert told["whole"]["settled_micro_usd"] == 500_000
    assert [share["settled_micro_usd"] for share in told["shares"]] == [100_000]
    assert (told["unattributed_micro_usd"], told["unknown"]) == (400_000, [])
    assert other.mission_id not in json.dumps(told)
    assert client.get(f"/missions/{other.mission_id}/costs").status_code == 404


def test_a_day_has_its_own_costs(spender: Spender, client: httpx.Client) -> None:
    mission = spender.mission()
    late = spender.send(mission, 80_000)
    spender.clock.advance(86_400)
    spender.end(mission, late, 50_000)
    spender.buy(mission, 30_000)
    before, now = client.get(f"/costs?day={TODAY}").json(), client.get("/costs").json()
    assert (before["day"], before["whole"]["settled_micro_usd"]) == (TODAY, 50_000)
    assert (now["whole"]["settled_micro_usd"], before["today_whole"]) == (30_000, now["whole"])
    assert before["today"] == now["day"] != TODAY


def test_rows_of_another_version_count_as_far_as_they_can_be_read(spender: Spender, client: httpx.Client) -> None:
    mission = spender.mission()
    spender.buy(mission, 100_000)
    spender.runtime.documents.create(Ref("journal", "x"), {"mission_id": mission.mission_id, "cost_micro_usd": "many"})
    told = client.get(f"/missions/{mission.mission_id}/costs?by=role").json()
    assert [(share["name"], share["settled_micro_usd"]) for share in told["shares"]] == [("coder", 100_000), ("unknown", 0)]


@pytest.mark.parametrize("query", ["day=yesterday", "day=20260314", "by=colour"])
def test_a_wrong_question_is_said_to_be_wrong(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/costs?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_input")


def test_a_mission_that_ends_gives_its_money_up_in_the_same_commit(spender: Spender) -> None:
    mission, runtime = spender.mission(), spender.runtime
    spender.buy(mission, 100_000)
    ending = Ending(runtime.missions, runtime.audit, spender.clock)
    ending.compensate(
        CompensateRequest(mission_id=mission.mission_id, epoch=1, execution="", error=MissionError(code="x", message="it broke"))
    )
    assert runtime.missions.get(mission.mission_id).status is MissionStatus.FAILED
    (released,) = [event for event in runtime.audit.events(mission.mission_id) if event.kind == "budget.released"]
    assert released.detail == {"settled": 100_000, "reserved": 0, "unused": 1_900_000}
    assert runtime.audit.verify(mission.mission_id).breaks == ()
    (purse,) = runtime.documents.query(Query(PURSES))
    runtime.documents.put(purse.ref, {**purse.data, "settled": 99_999})
    (forged,) = runtime.audit.verify(mission.mission_id).breaks
    assert forged.what == "the mission's purses have $0.099999 spent; it ended with $0.10 spent"
    runtime.documents.put(purse.ref, dict(purse.data))
    runtime.documents.delete(ledger_ref(mission.mission_id))
    assert [b.writer for b in runtime.audit.verify(mission.mission_id).breaks] == ["ledger"], "the end anchors this chain too"


def test_a_deleted_mission_leaves_what_the_day_has_spent(spender: Spender, client: httpx.Client) -> None:
    mission, runtime = spender.mission(), spender.runtime
    spender.buy(mission, 100_000)
    Ending(runtime.missions, runtime.audit, spender.clock).give_up(mission.mission_id, MissionError(code="x", message="it broke"))
    delete_mission(mission.mission_id, kept(runtime, runtime.knowledge), owner="local")
    assert [runtime.documents.query(Query(collection)) for collection in (PURSES, LEDGERS)] == [[], []]
    told = client.get("/costs").json()
    assert (told["whole"]["settled_micro_usd"], told["unattributed_micro_usd"], told["shares"]) == (100_000, 100_000, [])


def test_an_extractive_mission_has_no_ledger_to_look_for(spender: Spender) -> None:
    free, _ = spender.runtime.missions.create(MissionRequest(question="How many stations are there?"), owner="local", idempotency_key=None)
    spender.runtime.documents.put(ledger_ref(free.mission_id), {"this": "is no ledger"})
    assert spender.runtime.missions.state(free).cost_so_far.settled_micro_usd == 0


def test_the_command_prints_a_table_for_a_person(spender: Spender, capsys: pytest.CaptureFixture[str]) -> None:
    mission = spender.mission()
    spender.buy(mission, 1_234_567)
    spender.end(mission, spender.send(mission, 70_000, account="deep_research", role="reader"), 70_000, state="UNKNOWN")
    spender.send(mission, 5)
    assert main(["costs", "--mission", mission.mission_id, "--by", "role"]) == 0
    told = capsys.readouterr().out
    assert told.splitlines()[:5] == [
        f"mission {mission.mission_id}: $1.304567 spent, $0.000005 set aside for calls under way; $0.695428 left of $2.00",
        "",
        "by role  track          calls  tokens in  tokens out       cost  under way",
        "coder    ds_star            2      1,000          50  $1.234567  $0.000005",
        "reader   deep_research      1          0           0      $0.07      $0.00",
    ]
    assert "Charged at their bound, since no answer says what they cost (1):" in told
    assert "(UTC): $0.00 spent; $10.00 left of $10.00" in told, "the command's clock is the machine's"


def test_the_command_says_that_the_time_of_an_overrun_is_utc(spender: Spender, capsys: pytest.CaptureFixture[str]) -> None:
    mission = spender.mission()
    spender.end(mission, spender.send(mission, 10_000), 25_000)
    assert main(["costs", mission.mission_id]) == 0
    assert f" UTC  {mission.mission_id}  ds_star  $0.025 of $0.01" in capsys.readouterr().out


def test_a_mission_can_be_named_without_an_option(spender: Spender, capsys: pytest.CaptureFixture[str]) -> None:
    mission = spender.mission()
    spender.buy(mission, 5)
    assert main(["costs", mission.mission_id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mission_id"] == mission.mission_id
    assert main(["costs", mission.mission_id, "--mission", mission.mission_id]) == 0
    assert main(["costs", mission.mission_id, "--mission", "m_other"]) == 2
    assert "Two missions" in capsys.readouterr().err
    assert main(["costs", mission.mission_id, "--day", TODAY]) == 2


def test_roles_of_the_same_name_are_told_apart_by_their_track(spender: Spender, client: httpx.Client) -> None:
    mission = spender.mission()
    spender.buy(mission, 300_000, role="planner")
    spender.buy(mission, 200_000, account="deep_research", role="planner")
    told = client.get("/costs?by=role").json()
    assert [(s["name"], s["track"], s["settled_micro_usd"]) for s in told["shares"]] == [
        ("planner", "ds_star", 300_000),
        ("planner", "deep_research", 200_000),
    ]


@pytest.mark.parametrize(
    ("options", "by"), [([], "track"), (["--track"], "track"), (["--model"], "model"), (["--by", "model", "--model"], "model")]
)
def test_what_the_shares_are_of_has_short_options(
    spender: Spender, capsys: pytest.CaptureFixture[str], options: list[str], by: str
) -> None:
    spender.buy(spender.mission(), 1)
    assert main(["costs", *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["by"] == by


def test_two_things_at_once_are_not_what_the_shares_are_of(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["costs", "--track", "--by", "role"]) == 2
    assert "Say one of --by, --track, --model." in capsys.readouterr().err


def test_the_command_prints_one_object_for_a_program(spender: Spender, capsys: pytest.CaptureFixture[str]) -> None:
    mission = spender.mission()
    spender.buy(mission, 250_000)
    assert main(["costs", "--day", TODAY, "--by", "model", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["day"], told["whole"]["settled_micro_usd"], told["shares"][0]["name"]) == (TODAY, 250_000, "openai:small")


def test_where_nothing_ran_nothing_was_spent(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KIMERA_DAY_BUDGET_USD", "2.5")
    assert main(["costs"]) == 0
    assert "$0.00 spent; $2.50 left of $2.50" in capsys.readouterr().out
    assert main(["costs", "--mission", "m_1"]) == 2
    assert not home.exists()


def test_a_day_and_a_mission_exclude_each_other(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["costs", "--day", TODAY, "--mission", "m_1"]) == 2
    assert "exclude each other" in capsys.readouterr().err
    assert main(["costs", "--day", "soon"]) == 2


def test_the_days_cap_of_the_settings_is_the_ledgers(home: Path) -> None:
    runtime = Runtime(Settings(home=home, owners={}, day_budget_usd=Decimal("0.000002")))
    payer = Payer("m_1", "ds_star", USD)
    try:
        runtime.documents.transact(lambda tx: runtime.ledger.reserve(tx, payer, 2))
        with pytest.raises(BudgetRefused, match=r"the day's cap of \$0.000002"):
            runtime.documents.transact(lambda tx: runtime.ledger.reserve(tx, payer, 1))
    finally:
        runtime.close()
