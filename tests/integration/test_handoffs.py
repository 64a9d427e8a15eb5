"""Handoffs between tracks while both run: frozen with the slice that heard them, through ``kill -9``, and all the way to the report."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from cli.main import main
from functions.lifecycle.dispatch import claim
from functions.lifecycle.reconcile import raise_epoch
from infra.local.platform import Platform
from schemas.events import AuditEvent
from schemas.handoff import Offer, TrackOffers
from schemas.lifecycle import ClaimRequest
from schemas.mission import MissionInput, MissionRequest, Track, TrackStatus
from schemas.outcome import MissionOutcomePackage
from schemas.steps import StepRequest
from shared.handoffs import all_offers, heard, offer_of
from shared.inputs import store_input
from shared.runtime import Runtime
from shared.settings import Settings
from shared.tracks import SliceContext, SliceOutcome
from tests.support.forked import CONTEXT
from tests.support.house import REQUEST, Count, CountingTrack
from tests.support.waiting import until_ended


def offering(*texts: str) -> TrackOffers:
    return all_offers((offer_of("hypothesis", text) for text in texts), complete=False)


class Speaking(CountingTrack):
    """A track that offers so many hypotheses as it has done slices, one in each call."""

    def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
        outcome = super().step(context, state)
        return SliceOutcome(outcome.state, offers=offering(*(f"thing {n} grows" for n in range(outcome.state.done))), wait_s=1)


class Hearing(CountingTrack):
    """A track that keeps what it heard in each slice, one in each call; ``dies`` kills its process when the work of a slice is done."""

    def __init__(self, *, dies: bool = False) -> None:
        super().__init__(slices=9)
        self.heard: list[tuple[int, list[str]]] = []
        self._dies = dies

    def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
        offers = heard(context)
        self.heard.append((context.seq, [offer.text for offer in offers.offers] if offers else []))
        if self._dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(super().step(context, state), wait_s=1)


def step(mission_id: str, track: Track, seq: int, epoch: int = 1) -> StepRequest:
    return StepRequest(mission_id=mission_id, track=track, attempt=1, epoch=epoch, seq=seq)


def _dies_in_a_slice(home: str, mission_id: str, seq: int) -> None:
    runtime = Runtime(Settings(home=Path(home)))
    runtime.slices.run(Hearing(dies=True), step(mission_id, Track.DS_STAR, seq))


def test_a_slice_that_was_killed_hears_the_same_again_though_the_other_track_went_on(tmp_path: Path) -> None:
    runtime = Runtime(Settings(home=tmp_path / "home"))
    mission, _ = runtime.missions.create(REQUEST, owner="local", idempotency_key=None)
    own = mission.mission_id
    claim(runtime.missions, runtime.clock, ClaimRequest(mission_id=own, epoch=1, execution="x1"))
    speaking, hearing = Speaking(), Hearing()
    runtime.slices.run(hearing, step(own, Track.DS_STAR, 0))
    runtime.slices.run(speaking, step(own, Track.DEEP_RESEARCH, 0))

    killed = CONTEXT.Process(target=_dies_in_a_slice, args=(str(tmp_path / "home"), own, 1))
    killed.start()
    killed.join(120)
    assert killed.exitcode == -signal.SIGKILL

    runtime.slices.run(speaking, step(own, Track.DEEP_RESEARCH, 1))
    raised = raise_epoch(runtime.missions, runtime.missions.get(own))
    claim(runtime.missions, runtime.clock, ClaimRequest(mission_id=own, epoch=raised.epoch, execution="x2"))
    for seq in (1, 2):
        runtime.slices.run(hearing, step(own, Track.DS_STAR, seq, raised.epoch))
    runtime.close()
    assert hearing.heard == [(0, []), (1, ["thing 0 grows"]), (2, ["thing 0 grows", "thing 1 grows"])]


def test_what_cannot_be_read_as_offers_is_as_good_as_none(tmp_path: Path) -> None:
    class Older(Hearing):
        def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
            uri = context.put_artifact("handoff.json", b'{"question": "of the version before"}', media_type="application/json").uri
            return super().step(replace(context, other_handoff_uri=uri), state)

    runtime = Runtime(Settings(home=tmp_path / "home"))
    mission, _ = runtime.missions.create(REQUEST, owner="local", idempotency_key=None)
    claim(runtime.missions, runtime.clock, ClaimRequest(mission_id=mission.mission_id, epoch=1, execution="x1"))
    track = Older()
    runtime.slices.run(track, step(mission.mission_id, Track.DS_STAR, 0))
    runtime.close()
    assert track.heard == [(0, [])]


YIELDS = "plot,treatment,soil,yield_kg\n" + "".join(
    f"p{n},{'mulched' if n % 2 else 'bare'},{('clay', 'sand', 'loam')[n % 3]},{(52 if n % 2 else 44) + (n * 7 % 10) / 2}\n"
    for n in range(60)
)
TRIAL = (
    "# The field trial\n\nThe plots were watered by hand every second day in the summer.\n\n"
    "The yield is higher in mulched plots than in bare plots, as farmers of the region told us.\n"
)
QUESTION = "What is the mean yield by soil? What do farmers say of the yield?"


@pytest.mark.bubblewrap
@pytest.mark.timeout(400)
def test_what_a_document_suggests_is_put_to_the_data_and_the_report_says_who_suggested_it(tmp_path: Path, bubblewrap: Path) -> None:
    (tmp_path / "plots.csv").write_text(YIELDS)
    (tmp_path / "trial.md").write_text(TRIAL)
    with Platform(Settings(home=tmp_path / "home"), command="test") as platform:
        runtime = platform.runtime
        kinds = {"plots.csv": "data", "trial.md": "document"}
        inputs = tuple(
            MissionInput.model_validate(
                {"uri": store_input(runtime.artifacts, owner="local", name=n, source=tmp_path / n).uri, "kind": k, "name": n}
            )
            for n, k in kinds.items()
        )
        mission_id = _submitted(platform, MissionRequest(question=QUESTION, inputs=inputs))
        ended = until_ended(platform, mission_id, seconds=300)
        tracks = runtime.missions.tracks(ended)
        events = runtime.audit.events(mission_id)
        report = ended.reports[-1]
        outcome = MissionOutcomePackage.model_validate_json(runtime.artifacts.get(report.outcome_uri))
        markdown = runtime.artifacts.get(report.markdown_uri).decode()
        page = runtime.artifacts.get(report.html_uri).decode()

    assert {track.status for track in tracks.values()} == {TrackStatus.DONE}
    (handed,) = [one for one in outcome.handoffs if one.by == "documents"]
    assert (handed.status, handed.source) == ("answered", "The field trial")
    section = outcome.sections[-1]
    assert (section.asked, section.handed_over) == (False, (handed,))
    assert any("mulched" in finding.text and finding.test is not None for finding in section.findings)
    assert not any("bare" in line for line in outcome.answer if "farmers" not in line), "the answer is about what was asked"
    assert "Suggested by the documents" in markdown and "Suggested by the documents" in page
    kinds_told = [event.kind for event in events]
    assert kinds_told.count("hypotheses.offered") == kinds_told.count("hypotheses.taken_up") == 1
    assert all(offer.key not in page for offer in _offers(events, tmp_path)), "the reader meets no internal id"


CUSTOMERS = "customer_id,region,orders\n" + "".join(f"c{n},{('north', 'south')[n % 2]},{n % 9}\n" for n in range(60))
HANDBOOK = (
    "# Handbook\n\nActive customers were called by phone in May.\n\nAn active customer is one who has placed three orders within a year.\n"
)


@pytest.mark.bubblewrap
@pytest.mark.timeout(400)
def test_what_the_data_lack_is_found_in_a_document_and_report_and_inspect_say_who_asked_for_it(
    tmp_path: Path, bubblewrap: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "customers.csv").write_text(CUSTOMERS)
    (tmp_path / "handbook.md").write_text(HANDBOOK)
    monkeypatch.setenv("KIMERA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    asked = "How many active customers are there by region?"
    assert main(["run", asked, "--data", "customers.csv", "--docs", "handbook.md", "--out", "out", "--json"]) == 0
    mission_id = json.loads(capsys.readouterr().out)["mission_id"]
    outcome = MissionOutcomePackage.model_validate_json((tmp_path / "out" / "report.json").read_bytes())

    (handed,) = outcome.handoffs
    assert (handed.by, handed.text, handed.status) == ("analysis", 'the definition of "active customers"', "answered")
    section = outcome.sections[-1]
    assert (section.asked, section.handed_over) == (False, (handed,))
    assert [passage.text for passage in section.passages] == ["An active customer is one who has placed three orders within a year."]
    assert '("active" matches no column' in (tmp_path / "out" / "report.md").read_text()

    assert main(["inspect", mission_id]) == 0
    told = capsys.readouterr().out
    assert 'the analysis asks for: the definition of "active customers" ("active" matches no column' in told
    assert told.count("requests.taken_up") == told.count("evidence.requested") == 1


def _submitted(platform: Platform, request: MissionRequest) -> str:
    with httpx.Client(transport=httpx.WSGITransport(app=platform.public), base_url="http://localhost") as client:
        answer = client.post("/missions", content=request.model_dump_json(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["mission_id"])


def _offers(events: Sequence[AuditEvent], folder: Path) -> list[Offer]:
    (uri,) = [str(event.detail["offers"]) for event in events if event.kind == "hypotheses.taken_up"]
    runtime = Runtime(Settings(home=folder / "home"))
    try:
        return list(TrackOffers.model_validate(json.loads(runtime.artifacts.get(uri))).offers)
    finally:
        runtime.close()
