"""A mission: what is asked (``MissionRequest``) and where it stands (``MissionState``)."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StringConstraints, field_validator, model_validator

from schemas.base import Contract, MicroUsd, Sha256, Slug, Timestamp, as_written

MAX_QUESTION_CHARS = 4_000
MAX_INPUTS = 200


class MissionStatus(StrEnum):
    """``PENDING -> RUNNING -> FUSION -> DONE``; FAILED and CANCELLED from the first three; the last three are terminal."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    FUSION = "FUSION"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def terminal(self) -> bool:
        """Whether nothing follows."""
        return self in (MissionStatus.DONE, MissionStatus.FAILED, MissionStatus.CANCELLED)


class TrackStatus(StrEnum):
    """Where one track of a mission stands."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    DELAYED = "DELAYED"
    DONE = "DONE"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"

    @property
    def final(self) -> bool:
        """Whether the track does no more work."""
        return self in (TrackStatus.DONE, TrackStatus.FAILED, TrackStatus.SKIPPED, TrackStatus.CANCELLED)


class FusionStatus(StrEnum):
    """Which report exists."""

    PENDING = "PENDING"
    PARTIAL = "PARTIAL"
    FINAL = "FINAL"
    UPGRADED = "UPGRADED"
    FAILED = "FAILED"


FusionMode = Literal["partial", "final", "upgrade"]
"""Which report is asked for, or was published."""


class Track(StrEnum):
    """The two agent tracks."""

    DEEP_RESEARCH = "deep_research"
    DS_STAR = "ds_star"


class Tier(StrEnum):
    """How strong, and how dear, the models of a mission are. ``EXTRACTIVE`` calls none."""

    PREMIUM = "premium"
    STANDARD = "standard"
    ECONOMY = "economy"
    EXTRACTIVE = "extractive"


InputKind = Literal["data", "document"]


class MissionInput(Contract):
    """One file of a mission. ``uri`` is ``artifact:...`` or ``gs://...``; ``name`` is what the reader calls it."""

    uri: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
    kind: InputKind
    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    sha256: Sha256 | None = None
    size: StrictInt | None = Field(default=None, ge=0)

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in name) or name.startswith("/") or ".." in name.split("/"):
            raise ValueError("a file name without control characters or others that cannot be seen, leading '/' or '..' parts, please")
        return name


class TrackOptions(Contract):
    """How one track runs."""

    enabled: StrictBool = True
    provider: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,40}$")] = "builtin"
    max_rounds: StrictInt = Field(default=10, ge=1, le=20)


RESEARCH_PROVIDERS = ("builtin", "gemini", "gemini-max")
"""Who researches: our own loop, or the Gemini Deep Research agent, whose citations the loop then reads and quotes."""
WebProvider = Literal["none", "gemini", "brave"]


class ResearchOptions(TrackOptions):
    """How research runs. ``web``: where the loop searches the web; ``none``: it reads nothing from the network."""

    web: WebProvider = "none"

    @property
    def remote(self) -> bool:
        """Whether the track asks something beyond this platform and its models."""
        return self.enabled and (self.provider != "builtin" or self.web != "none")


class Tracks(Contract):
    """Both tracks' options; at least one runs."""

    deep_research: ResearchOptions = ResearchOptions.model_construct()
    ds_star: TrackOptions = TrackOptions.model_construct()

    @model_validator(mode="after")
    def _one_runs(self) -> Tracks:
        if not (self.deep_research.enabled or self.ds_star.enabled):
            raise ValueError("at least one track has to be enabled")
        return self

    def options(self, track: Track) -> TrackOptions:
        """The options of ``track``."""
        return self.deep_research if track is Track.DEEP_RESEARCH else self.ds_star


class Budget(Contract):
    """What a mission may spend, in US dollars. At each threshold (a share of the cap) the mission goes down one tier."""

    cap_usd: Decimal = Field(default=Decimal(1), ge=0, le=1_000, decimal_places=6)
    thresholds: tuple[Annotated[StrictFloat, Field(gt=0, lt=1)], ...] = (0.6, 0.85)

    _as_written = field_validator("cap_usd", mode="before")(as_written)

    @field_validator("thresholds")
    @classmethod
    def _rising(cls, thresholds: tuple[float, ...]) -> tuple[float, ...]:
        if list(thresholds) != sorted(set(thresholds)):
            raise ValueError("thresholds have to rise, for instance [0.6, 0.85]")
        return thresholds

    @property
    def cap_micro_usd(self) -> int:
        """The cap in micro-dollars."""
        return int(self.cap_usd * 1_000_000)


class Deadlines(Contract):
    """Seconds after the mission began to run.

    ``soft_s``: a track that is later than this no longer delays a partial report. ``hard_s``: the track hands off what it has, and
    the mission ends. ``late_s``: until then it goes on behind the ended mission, and what it then finds upgrades the report. Equal
    to ``hard_s``: nothing goes on.
    """

    soft_s: StrictInt = Field(default=300, ge=1, le=86_400)
    hard_s: StrictInt = Field(default=1_800, ge=1, le=86_400)
    late_s: StrictInt = Field(default=7_200, ge=1, le=172_800)

    @model_validator(mode="after")
    def _in_order(self) -> Deadlines:
        if not self.soft_s <= self.hard_s <= self.late_s:
            raise ValueError("deadlines have to be in order: soft_s <= hard_s <= late_s")
        return self


class ReadingHints(Contract):
    """The user's word on how the question is to be read; it beats every guess. Each names a column as the file has it."""

    measure: str | None = Field(default=None, max_length=200)
    by: tuple[Annotated[str, StringConstraints(max_length=200)], ...] = ()
    time: str | None = Field(default=None, max_length=200)


class ModelChoice(Contract):
    """One model for every role, instead of the tier's own. ``name`` is ``google:NAME`` or ``openai:NAME``.

    Prices are US dollars for a million tokens; both are needed for a model that the catalogue does not price.
    """

    name: Annotated[str, StringConstraints(pattern=r"^(google|openai):[^\s:][^\s]{0,199}$")]
    input_usd: Decimal | None = Field(default=None, ge=0, le=10_000)
    output_usd: Decimal | None = Field(default=None, ge=0, le=10_000)

    _as_written = field_validator("input_usd", "output_usd", mode="before")(as_written)

    @model_validator(mode="after")
    def _both_prices(self) -> ModelChoice:
        if (self.input_usd is None) != (self.output_usd is None):
            raise ValueError("a price needs both parts: input_usd and output_usd")
        return self


class MissionRequest(Contract):
    """What is asked. The API and the inbox accept exactly this."""

    question: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_QUESTION_CHARS)]
    knowledge_space: Slug = "default"
    session_id: Slug | None = None
    inputs: tuple[MissionInput, ...] = Field(default=(), max_length=MAX_INPUTS)
    output_guidelines: str = Field(default="", max_length=2_000)
    hints: ReadingHints = ReadingHints.model_construct()
    tier: Tier = Tier.EXTRACTIVE
    model: ModelChoice | None = None
    tracks: Tracks = Tracks.model_construct()
    budget: Budget = Budget.model_construct()
    deadlines: Deadlines = Deadlines.model_construct()
    mode: Literal["standard", "benchmark"] = "standard"

    @property
    def asks_models(self) -> bool:
        """Whether models play the tracks' roles, as long as there is money and one answers."""
        return self.tier is not Tier.EXTRACTIVE or self.model is not None

    @property
    def may_buy(self) -> bool:
        """Whether the mission may buy anything at all: one that may not has no ledger, and none is looked for."""
        return self.asks_models or self.tracks.deep_research.remote

    @field_validator("inputs")
    @classmethod
    def _distinct_names(cls, inputs: tuple[MissionInput, ...]) -> tuple[MissionInput, ...]:
        seen: set[str] = set()
        for item in inputs:
            if item.name in seen:
                raise ValueError(f"two inputs are called {item.name!r}; give them different names")
            seen.add(item.name)
        return inputs


class Cost(Contract):
    """Money spent and money set aside, in micro-dollars."""

    settled_micro_usd: MicroUsd = 0
    reserved_micro_usd: MicroUsd = 0

    @property
    def usd(self) -> Decimal:
        """What was spent, in US dollars."""
        return Decimal(self.settled_micro_usd) / 1_000_000


class ReportVersion(Contract):
    """One published report. The reports' own bytes lie in the artifact store."""

    version: int = Field(ge=1)
    kind: FusionMode
    outcome_uri: str
    markdown_uri: str
    html_uri: str
    created_at: Timestamp


class MissionError(Contract):
    """Why a mission or a track did not end as it should."""

    code: str
    message: str
    remedy: str = ""


class TrackState(Contract):
    """Where one track stands; computed from the track's own document."""

    status: TrackStatus
    attempt: int
    next_seq: int
    waiting_for: str | None = None
    progress: str = ""
    handoff_uri: str | None = None
    error: MissionError | None = None


class MissionState(Contract):
    """Where a mission stands. ``track_status`` and ``cost_so_far`` are computed when it is read, from their own documents."""

    mission_id: str
    session_id: str | None
    owner: str
    knowledge_space: str
    question: str
    status: MissionStatus
    track_status: dict[Track, TrackState]
    fusion_status: FusionStatus
    cost_so_far: Cost
    tier: Tier
    epoch: int
    execution: str | None
    flags: tuple[str, ...] = ()
    reports: tuple[ReportVersion, ...] = ()
    cancel_requested: bool = False
    late_until: Timestamp | None = None
    """Set while a track goes on behind the ended mission: until then its findings may still upgrade the report."""
    error: MissionError | None = None
    created_at: Timestamp
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    updated_at: Timestamp

    @property
    def over(self) -> bool:
        """Whether nothing of the mission goes on any more, not even a late track."""
        return self.status.terminal and self.late_until is None
