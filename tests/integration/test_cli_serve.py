"""``kimera serve`` and the commands that talk to it, in real processes; the inbox folder too."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.local.lock import DataFolderLock, Holder
from infra.local.platform import Platform
from infra.local.server import Address, serve
from shared.crash_points import POINTS
from shared.settings import Settings
from tests.support.command import Kimera, Running, eventually

pytestmark = [pytest.mark.bubblewrap, pytest.mark.timeout(240), pytest.mark.xdist_group("cli-serve")]
QUESTION = "What is the mean temp by city?"


@pytest.fixture(scope="module")
def kimera(bubblewrap: object, tmp_path_factory: pytest.TempPathFactory) -> Kimera:
    folder = tmp_path_factory.mktemp("served")
    folder.joinpath("a.csv").write_text("city,temp\nBern,12\nBern,13\nBasel,15\nBasel,14\n")
    return Kimera(folder, ahead=True)


@pytest.fixture(scope="module")
def served(kimera: Kimera) -> Iterator[tuple[Running, str]]:
    """The platform and its address."""
    with kimera.started("serve", "--port", "0", "--inbox", "inbox") as running:
        yield running, running.line_with("KIMERA is at").split()[3]


def test_run_uses_the_platform_that_holds_the_data_folder(kimera: Kimera, served: tuple[Running, str]) -> None:
    done = kimera("run", QUESTION, "--data", "a.csv", "--json")
    assert done.json["status"] == "DONE", done.err
    assert served[1] in done.err
    assert (Path(done.json["reports"]["html"]).parent / "scripts").is_dir()  # charts and scripts too, since the folder is this machine's


def test_a_platform_on_this_machine_is_reached_without_the_proxy_of_the_environment(kimera: Kimera, served: tuple[Running, str]) -> None:
    for proxies in ({"HTTP_PROXY": "http://127.0.0.1:9"}, {"all_proxy": "socks5://127.0.0.1:9", "NO_PROXY": "[::1],example.com"}):
        listed = kimera("list", "--endpoint", served[1], "--json", **proxies)
        assert listed.code == 0, listed.err
    wrong = kimera("list", "--endpoint", served[1], HTTPS_PROXY="socks4://127.0.0.1:9")
    assert wrong.code == 2 and "HTTPS_PROXY holds no address of a proxy" in wrong.err


def test_submit_watch_and_the_same_key_twice(kimera: Kimera, served: tuple[Running, str]) -> None:
    first, second = (kimera("submit", QUESTION, "--data", "a.csv", "--idempotency-key", "k1", "--json").json for _ in range(2))
    assert (first["created"], second["created"]) == (True, False)
    told = kimera("submit", QUESTION, "--data", "a.csv", "--idempotency-key", "k1", "--endpoint", served[1]).err
    assert f"`kimera watch {first['mission_id']} --endpoint {served[1]}`" in told
    watched = kimera("watch", first["mission_id"], "--endpoint", served[1])
    assert (watched.code, "14.5" in watched.out) == (0, True), watched.err
    other = kimera("submit", "How many rows are there?", "--data", "a.csv", "--idempotency-key", "k1")
    assert other.code == 2
    assert "idempotency key" in other.err


def test_a_second_platform_on_the_folder_or_the_port_is_refused(kimera: Kimera, served: tuple[Running, str], tmp_path: Path) -> None:
    again = kimera("serve", "--port", "0")
    assert again.code == 3
    assert "already running" in again.err
    assert served[1] in again.err
    port = kimera("serve", "--port", served[1].rpartition(":")[2], KIMERA_HOME=str(tmp_path / "other"))
    assert port.code == 3
    assert "--port" in port.err


def test_unused_inputs_are_not_looked_for_while_a_platform_may_be_taking_some_in(kimera: Kimera, served: tuple[Running, str]) -> None:
    stored = httpx.put(served[1] + "/inputs/not-yet-submitted.csv", content=b"a,b\n1,2\n").json()
    refused = kimera("delete", "--unused-inputs")
    assert refused.code == 3
    assert served[1] in refused.err
    body = {"question": "How many rows are there?", "inputs": [{"uri": stored["uri"], "kind": "data", "name": "a.csv"}]}
    assert httpx.post(served[1] + "/missions", json=body).status_code == 202


def test_what_is_put_into_the_inbox_becomes_a_mission_once(kimera: Kimera, served: tuple[Running, str]) -> None:
    inbox, outbox = kimera.folder / "inbox", kimera.folder / "outbox"
    (inbox / "trip").mkdir(parents=True)
    manifest = {"question": QUESTION, "data": ["late.csv"], "session_id": "inbox"}
    (inbox / "trip" / "mission.json").write_text(json.dumps(manifest))
    eventually(lambda: (outbox / "trip" / "waiting.txt").exists(), "it says what it waits for")
    (inbox / "trip" / "late.csv").write_bytes((kimera.folder / "a.csv").read_bytes())
    eventually(lambda: _status(outbox / "trip") == "DONE", "the report is laid out")
    assert "14.5" in (outbox / "trip" / "report.md").read_text()
    assert not (outbox / "trip" / "waiting.txt").exists()
    listed = kimera("list", "--json").json["missions"]
    assert sum(mission["session_id"] == "inbox" for mission in listed) == 1


def test_an_invalid_manifest_is_answered_with_a_readable_error(kimera: Kimera, served: tuple[Running, str]) -> None:
    folder = kimera.folder / "inbox" / "bad"
    folder.mkdir(parents=True)
    (folder / "mission.yaml").write_text("question: How many?\nbudget: {cap_usd: -1}\nunknown: 1\n")
    answer = kimera.folder / "outbox" / "bad" / "error.txt"
    eventually(answer.exists, "the error is written")
    error = answer.read_text()
    assert "budget.cap_usd" in error
    assert "unknown" in error


def _status(folder: Path) -> str | None:
    path = folder / "status.json"
    return str(json.loads(path.read_text())["status"]) if path.exists() else None


def test_a_page_elsewhere_reaches_nothing(served: tuple[Running, str]) -> None:
    answers = [
        httpx.get(served[1] + "/missions", headers=h).status_code for h in ({"Host": "evil.example"}, {"Origin": "http://evil.example"})
    ]
    assert answers == [403, 403]


def test_the_platform_stops_when_it_is_asked_to(kimera: Kimera, tmp_path: Path) -> None:
    with kimera.started("serve", "--port", "0", KIMERA_HOME=str(tmp_path / "home")) as running:
        running.line_with("KIMERA is at")
        running.process.send_signal(signal.SIGTERM)
        ended = running.ended()
    assert ended.code == 0
    assert "Stopped" in ended.err


def test_a_run_whose_platform_was_killed_names_the_command_that_goes_on_without_it(kimera: Kimera, tmp_path: Path) -> None:
    home = {"KIMERA_HOME": str(tmp_path / "home")}
    with kimera.started("serve", "--port", "0", KIMERA_CRASH_AT="slice.worked:2", **home) as platform:
        platform.line_with("KIMERA is at")
        left = kimera("run", QUESTION, "--data", "a.csv", **home)
    assert left.code == 3
    command = left.err.strip().partition("Go on with: KIMERA_HOME=")[2].rstrip(")").split()
    assert command[1:4] == ["kimera", "run", "--resume"], left.err
    resumed = kimera(*command[2:], "--json", **home)
    assert resumed.json["status"] == "DONE", resumed.err


@pytest.mark.parametrize("replaced", [False, True])
def test_a_platform_whose_data_folder_is_taken_away_stops_and_accepts_nothing_more(kimera: Kimera, tmp_path: Path, replaced: bool) -> None:
    """It would go on with files that nobody finds again, beside a second platform that takes the folder's name."""
    home, away = tmp_path / "home", tmp_path / "away"
    with kimera.started("serve", "--port", "0", KIMERA_HOME=str(home)) as running:
        url = running.line_with("KIMERA is at").split()[3]
        submitted = kimera("submit", QUESTION, "--data", "a.csv", "--endpoint", url, "--json").json["mission_id"]
        home.rename(away)
        if replaced:
            home.mkdir()
            (home / "platform.lock").touch()
        ended = running.ended()
    assert ended.code == 3
    assert f"The data folder {home} was removed or replaced" in ended.err and "Put the folder back" in ended.err
    assert [m["mission_id"] for m in kimera("list", "--json", KIMERA_HOME=str(away)).json["missions"]] == [submitted]


def test_a_platform_whose_terminal_or_pipe_is_gone_runs_on_and_stops_well(kimera: Kimera, tmp_path: Path) -> None:
    with kimera.started("serve", "--port", "0", KIMERA_HOME=str(tmp_path / "home")) as running:
        url = running.line_with("KIMERA is at").split()[3]
        assert running.process.stderr is not None
        running.process.stderr.close()
        assert httpx.get(f"{url}/missions").status_code == 200
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0


def test_ctrl_c_ends_a_platform_that_still_starts_by_the_signal_itself(kimera: Kimera, tmp_path: Path) -> None:
    """As an exception it was taken for a defect of the library that it came up in, or got lost there."""
    lock = DataFolderLock(tmp_path / "home")
    lock.acquire(Holder(pid=_a_dead_process(), command="kimera serve"))  # so it waits, in the middle of its start
    with kimera.started("serve", "--port", "0", KIMERA_HOME=str(tmp_path / "home"), KIMERA_COLOUR="red") as running:
        running.line_with("KIMERA_COLOUR")  # it reads its settings, and tells which are none
        running.interrupt()
        ended = running.ended()
    lock.release()
    assert ended.code == -signal.SIGINT
    assert len(ended.err.splitlines()) == 1


def _a_dead_process() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_a_signal_interrupts_nothing_that_the_platform_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread whose start was interrupted could not be waited for."""
    prepared: list[Platform] = []
    prepare = Platform.prepare

    def asked_meanwhile(platform: Platform) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        prepare(platform)
        prepared.append(platform)

    monkeypatch.setattr(Platform, "prepare", asked_meanwhile)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        serve(Settings(home=tmp_path / "home"), Address("127.0.0.1", 0), started=lambda url: None)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert prepared


def test_others_may_only_reach_it_with_owners(kimera: Kimera, tmp_path: Path) -> None:
    refused = kimera("serve", "--host", "0.0.0.0", "--port", "0", KIMERA_HOME=str(tmp_path / "home"))
    assert refused.code == 2
    assert "owners" in refused.err


@pytest.mark.parametrize(
    ("more", "said"),
    [((), "there is no inbox. (Give its folder, too: --inbox DIR.)"), (("--profile", "emulated"), "laid out in the bucket")],
    ids=["embedded", "emulated"],
)
def test_an_outbox_without_an_inbox_is_refused(kimera: Kimera, tmp_path: Path, more: tuple[str, ...], said: str) -> None:
    refused = kimera("serve", "--outbox", "reports", "--port", "0", *more, KIMERA_HOME=str(tmp_path / "home"))
    assert (refused.code, said in refused.err) == (2, True), refused.err
    assert not (kimera.folder / "reports").exists()


def test_an_outbox_of_ones_own_goes_with_an_inbox_of_the_settings(kimera: Kimera, tmp_path: Path) -> None:
    places = {"KIMERA_HOME": str(tmp_path / "home"), "KIMERA_INBOX": str(tmp_path / "in"), "KIMERA_OUTBOX": str(tmp_path / "unused")}
    folder = tmp_path / "in" / "bad"
    folder.mkdir(parents=True)
    folder.joinpath("mission.yaml").write_text("question: What?\nquestion: How?\n")
    with kimera.started("serve", "--port", "0", "--outbox", str(tmp_path / "out"), **places) as running:
        running.line_with("KIMERA is at")
        eventually((tmp_path / "out" / "bad" / "error.txt").exists, "the answer lies in the outbox of the command")


@pytest.mark.parametrize("point", sorted(point for point in POINTS if point.startswith("intake.")))
def test_a_platform_killed_while_it_takes_in_a_folder_makes_one_mission_of_it(kimera: Kimera, tmp_path: Path, point: str) -> None:
    inbox, outbox = tmp_path / "inbox", tmp_path / "outbox"
    (inbox / "trip").mkdir(parents=True)
    (inbox / "trip" / "mission.json").write_text(json.dumps({"question": QUESTION, "data": ["a.csv"]}))
    (inbox / "trip" / "a.csv").write_bytes((kimera.folder / "a.csv").read_bytes())
    home = str(tmp_path / "home")
    with kimera.started("serve", "--port", "0", "--inbox", str(inbox), KIMERA_HOME=home, KIMERA_CRASH_AT=point) as dying:
        assert dying.ended().code == -signal.SIGKILL
    with kimera.started("serve", "--port", "0", "--inbox", str(inbox), KIMERA_HOME=home):
        eventually(lambda: _status(outbox / "trip") == "DONE", "the report is laid out")
        assert len(kimera("list", "--json", KIMERA_HOME=home).json["missions"]) == 1
