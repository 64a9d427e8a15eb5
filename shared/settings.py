"""Typed settings. Precedence: what a command was told, the environment (``KIMERA_...``), ``./kimera.toml``, the user's own file."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from schemas.base import Sha256, as_written
from schemas.mission import Tier
from shared.times import ANSWER_S, LONGEST_ANSWER_S


def setting_files() -> list[Path]:
    """The files that may hold settings, the stronger last. A user who has no home folder, as a service's, has no file of their own."""
    here = Path("kimera.toml")
    try:
        return [Path.home() / ".config" / "kimera" / "kimera.toml", here]
    except RuntimeError:
        return [here]


class Settings(BaseSettings):
    """How this installation runs. Every field is also an environment variable: ``home`` is ``KIMERA_HOME``."""

    model_config = SettingsConfigDict(
        env_prefix="KIMERA_",
        env_file=".env",
        env_ignore_empty=True,
        toml_file=setting_files(),
        extra="ignore",
        frozen=True,
    )

    profile: Literal["embedded", "cloud"] = "embedded"
    home: Path = Path(".kimera")
    """Where the embedded profile keeps its data."""
    sandbox_python: Path | None = None
    """The interpreter of the sandbox's dependency set; found beside the checkout where it is not given."""
    sandbox_url: str | None = Field(default=None, pattern=r"^https?://[^/?#\s@]+/?$")
    """The root address of the sandbox service; the cloud profile runs code nowhere else."""
    tier: Tier | None = None
    """What missions run on; where nobody says: standard with a key for its models, else extractive."""
    model: str | None = None
    """``google:NAME`` or ``openai:NAME``: one model for every role, instead of the tier's own."""
    price: str | None = None
    """``INPUT/OUTPUT``: US dollars for a million tokens of ``model``, where the catalogue has no price."""
    answer_timeout_s: int = Field(default=ANSWER_S, ge=1, le=LONGEST_ANSWER_S)
    """Seconds that an answer of an endpoint of one's own may take; longer than usual on the embedded profile only."""
    endpoint_parallel: int = Field(default=1, ge=1, le=64, validate_default=False)
    """Questions that an endpoint of one's own is asked at the same time, by all processes of the data folder; the embedded profile only."""
    model_cassette: str | None = Field(default=None, pattern=r"^(record|replay|script):.+$")
    """``record:DIR``, ``replay:DIR`` or ``script:FILE``: see ``shared/models/cassettes.py``."""
    research: Literal["builtin", "gemini", "gemini-max"] = "builtin"
    """Who researches: our own loop, or the Gemini Deep Research agent."""
    web_search: Literal["none", "gemini", "brave"] = "none"
    """Where the loop searches the web; ``none``: missions read nothing from the network."""
    budget_usd: Decimal = Field(default=Decimal(1), ge=0, le=1_000, decimal_places=6)
    """What a mission may spend on models, as ``Budget.cap_usd`` can hold it: what no mission can have is told at the start."""
    day_budget_usd: Decimal = Field(default=Decimal(10), ge=0, le=1_000_000, decimal_places=6)
    """What all missions together may spend on a day (UTC)."""
    day_shards: int = Field(default=8, ge=1, le=1_000)
    """On how many documents the day's cap is divided, so that missions seldom write the same one."""
    max_running: int = Field(default=8, ge=1, le=10_000)
    """Missions that run at the same time; the others wait for their turn."""
    workers: int = Field(default=1, ge=1, le=256)
    """Processes in which `kimera serve` runs missions; 1: in its own, which uses little more than one core."""
    sandboxes_ahead: int | None = Field(default=None, ge=0, le=256)
    """Sandboxes that wait for a job with the libraries of data analysis in memory; without it, as many as this process has cores."""
    clock_offset: Path | None = None
    """A file with a number of seconds that the time of day is off by, read at each look at the clock: for drills alone."""
    port: int = Field(default=8700, ge=0, le=65_535)
    owners: dict[str, Sha256] = {}
    """Who may call a served platform: a name and the SHA-256 of its bearer token. Nobody named: one local owner, no token."""
    google_project: str | None = None
    google_location: str | None = None
    """The region that the workflow and the queue are deployed in."""
    workflow: str = "mission"
    """The name the mission workflow is deployed under."""
    workflows_endpoint: str | None = None
    """Another executions API than Google's own: ``host:port`` or ``unix:PATH``, as ``kimera workflows serve`` prints it."""
    tasks_queue: str = "missions"
    """The Cloud Tasks queue of the dispatches."""
    tasks_endpoint: str | None = None
    """Another Cloud Tasks API than Google's own: ``host:port``."""
    lifecycle_url: str | None = None
    """The root address of the function ``lifecycle``, which the queue posts to."""
    intake_url: str | None = None
    """That of ``intake``, likewise."""
    deep_research_url: str | None = None
    """That of ``deep_research``, likewise: it has the provider's key, and so stops the research jobs that a process without one leaves."""
    secrets: dict[str, str] = {}
    """What this process reads from Secret Manager: our name of a secret and its id there, or ``ID/versions/N``. None: the environment."""
    secrets_endpoint: str | None = None
    """Another Secret Manager API than Google's own: ``host:port``."""
    telemetry_dataset: str | None = None
    """The BigQuery dataset of the telemetry tables; where none is named, rows are JSON lines in the data folder."""
    telemetry_endpoint: str | None = None
    """Another BigQuery API than Google's own: a URL."""
    traces: Literal["gcp", "otlp", "file"] | None = None
    """Where spans go; where nobody says: Cloud Trace on the cloud profile, else a file in the data folder."""
    otlp_endpoint: str | None = None
    """The root address of an OpenTelemetry collector, for ``traces = otlp``: ``http://127.0.0.1:4318``."""
    firestore_database: str = "(default)"
    artifacts_bucket: str | None = None
    """The Cloud Storage bucket of packages, reports and inputs."""
    anchors_bucket: str | None = None
    """The Cloud Storage bucket, with a locked retention, of what the audit chains are checked against."""
    neo4j_uri: str | None = None
    """Where the cloud profile's knowledge graph is: ``neo4j+s://HOST:PORT``, or ``bolt://127.0.0.1:PORT`` on this machine."""
    neo4j_user: str = "neo4j"
    neo4j_database: str = "neo4j"
    identity: Literal["tokens", "iam"] | None = None
    """Who a caller is: whose bearer token of ``owners`` it has, or whom IAM let through. By itself: ``iam`` on the cloud."""
    workflow_account: str | None = None
    """The addresses of the service accounts of the parts that call internal functions; needed on the cloud."""
    queue_account: str | None = None
    scheduler_account: str | None = None
    events_account: str | None = None
    dead_letters_account: str | None = None
    inbox: str | None = None
    """Where a folder with a manifest and its files starts a mission: a folder, or on the cloud a bucket."""
    outbox: str | None = None
    """Where the reports of such missions are laid out."""
    inbox_owner: str | None = None
    """Whose missions they are; the one local owner where no owners are configured."""

    _as_written = field_validator("budget_usd", "day_budget_usd", mode="before")(as_written)

    @field_validator("answer_timeout_s")
    @classmethod
    def _ends_in_time(cls, answer_timeout_s: int, info: ValidationInfo) -> int:
        """A function on the cloud is ended, and an answer that it waits for is lost and paid."""
        if info.data.get("profile") == "cloud" and answer_timeout_s > ANSWER_S:
            raise ValueError(f"on the profile cloud it is {ANSWER_S} seconds at the most: a function is ended there that waits for longer")
        return answer_timeout_s

    @field_validator("endpoint_parallel")
    @classmethod
    def _is_counted(cls, endpoint_parallel: int, info: ValidationInfo) -> int:
        """Functions on the cloud share nothing that could count, and none of them may wait for long."""
        if info.data.get("profile") == "cloud":
            raise ValueError(
                "the profile cloud has no such limit, since its functions share nothing to count questions in: let the endpoint, or what "
                "stands before it, have one"
            )
        return endpoint_parallel

    @property
    def asks_no_provider(self) -> bool:
        """Whether all answers come from a recording or a script."""
        return self.model_cassette is not None and not self.model_cassette.startswith("record:")

    @property
    def day_budget_micro_usd(self) -> int:
        """The day's cap in micro-dollars."""
        return int(self.day_budget_usd * 1_000_000)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The precedence of the module's first line."""
        return init_settings, env_settings, dotenv_settings, TomlConfigSettingsSource(settings_cls)
