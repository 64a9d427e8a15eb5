"""The research track on the whole control plane, with a stand-in for the remote agent and the searches, and a small web for the pages."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from pydantic import SecretStr

from functions.deep_research.track import DeepResearchTrack
from infra.local.drills.standin.remote import KEY, Cites, Look, RemoteStandIn
from schemas.evidence import ResearchEvidencePackage
from schemas.mission import Budget, Deadlines, MissionRequest, ResearchOptions, Tier, Track, Tracks
from schemas.steps import StepResult
from shared.adapters.gemini_research import GeminiResearchAgent
from shared.adapters.sqlite_knowledge import SqliteKnowledge
from shared.adapters.web_searches import SearchLink
from shared.missions.records import TrackRecord
from shared.models.catalog import load_catalog
from shared.models.credentials import ModelEndpoints
from shared.models.remote import Remote
from shared.models.rows import JournalRow
from shared.sandbox import CodeSandbox
from tests.support.chain import ChainHouse
from tests.support.house import step
from tests.support.pages import SmallWeb, article

QUESTION = "How many passengers did the bay ferries carry in 2023? Why did the number rise?"
FIGURE = "In 2023 the bay ferries carried 412,000 passengers, the highest figure since records began."
REASON = "The number of passengers rose because of a new timetable with a boat every twenty minutes."
INVENTED = "Analysts expect the operator to order eleven electric ferries next year."


def endpoints(url: str) -> ModelEndpoints:
    """Everything at the stand-in."""
    key = SecretStr(KEY)
    return ModelEndpoints(_env_file=None, google_api_key=key, google_base_url=url, brave_api_key=key, brave_base_url=url)


def remote_links(url: str) -> Remote:
    """The real adapters, called at the stand-in."""
    agent = GeminiResearchAgent(endpoints(url), timeout_s=5)
    return Remote(
        lambda: agent,
        lambda: SearchLink(endpoints(url), timeout_s=5),
        lambda provider, day: load_catalog().agent(provider, on=day),
        lambda provider, day: load_catalog().search(provider, on=day),
        agent.close,
    )


def asked(
    *, provider: str = "gemini", web: str = "none", cap: str = "6", question: str = QUESTION, deadlines: Deadlines | None = None
) -> MissionRequest:
    """A mission without files and without a model."""
    research = ResearchOptions.model_validate({"provider": provider, "web": web})
    return MissionRequest(
        question=question,
        tier=Tier.EXTRACTIVE,
        tracks=Tracks(deep_research=research),
        budget=Budget(cap_usd=Decimal(cap)),
        deadlines=deadlines or Deadlines(),
    )


def site(web: SmallWeb) -> tuple[str, str]:
    """Two pages: one with the figure, one with the reason."""
    filler = "The harbour office publishes its yearly report in spring, and the town council reads it in the same week as always."
    first = web.serve("/figures", article("Ferry figures", filler, f"{FIGURE} {filler}", filler))
    second = web.serve("/timetable", article("A new timetable", filler, REASON, filler))
    return first, second


def report(first: str, second: str, *others: Cites, status: str = "completed") -> Look:
    """A report of the agent: two statements that stand in their pages, one that does not, and one of a page that cannot be had."""
    text = f'# Findings\n\n{FIGURE} The operator says: "{REASON}" {INVENTED} Fares are said to double soon in the whole region.'
    cites = [
        Cites(FIGURE, first, "Ferry figures"),
        Cites(REASON, second, "A new timetable"),
        Cites(INVENTED, first, "Ferry figures"),
        Cites("Fares are said to double soon in the whole region.", "http://gone.example/fares", "Fares"),
        *others,
    ]
    return Look(status, text, cites, (100_000, 10_000), searches=20)


PRICE_MICRO_USD = 100_000 * 2 + 10_000 * 12 + 20 * 14_000
"""What a ``report`` costs."""


class RemoteHouse(ChainHouse):
    """Runs one mission's research slice by slice; a WAIT lets the clock go on."""

    def __init__(self, folder: Path, remote: RemoteStandIn, web: SmallWeb, sandbox: CodeSandbox) -> None:
        self.remote = remote_links(remote.url)
        super().__init__(folder)
        self.graph = SqliteKnowledge(folder / "knowledge.sqlite3")
        self.track = DeepResearchTrack(sandbox, self.graph, web.fetch())
        self.seq = 0
        self.waited: list[str] = []

    def submit(self, request: MissionRequest) -> str:
        """The mission, claimed."""
        self.mission_id, _ = self.claimed(request)
        return self.mission_id

    def slice(self, close: str | None = None, *, epoch: int = 1, execution: str = "x1") -> StepResult:
        """The next slice."""
        order = step(self.mission_id, self.seq, close=close, track=Track.DEEP_RESEARCH, epoch=epoch, execution=execution)
        result = self.slices.run(self.track, order)
        self.seq = result.next_seq
        waiting = self.research().waiting_for
        if waiting:
            self.waited.append(waiting)
        self.clock.advance(result.retry_after_s)
        return result

    def to_the_end(self, *, most: int = 400) -> ResearchEvidencePackage:
        """All slices to the handoff."""
        for _ in range(most):
            if self.slice().outcome == "FINAL":
                return self.package()
        raise AssertionError(f"the track does not end: {self.waited[-3:]}")

    def research(self) -> TrackRecord:
        """The track as it is stored."""
        return self.missions.tracks(self.missions.get(self.mission_id))[Track.DEEP_RESEARCH]

    def package(self) -> ResearchEvidencePackage:
        """The handoff."""
        uri = self.research().handoff_uri
        assert uri is not None
        return ResearchEvidencePackage.model_validate_json(self.artifacts.get(uri))

    def job(self) -> JournalRow:
        """The journal row of the only job."""
        (row,) = [row for row in self.rows() if row.role == "research_agent"]
        return row
