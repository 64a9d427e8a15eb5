"""The way to models as the settings have it: a provider, a recording or a script behind the one chain."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from shared.artifacts import ArtifactStore
from shared.clock import Clock
from shared.documents import DocumentStore
from shared.errors import BadInput
from shared.models.access import Chooses, Installation, ModelAccess
from shared.models.remote import Remote
from shared.queue import TaskQueue
from shared.settings import Settings
from shared.telemetry.sink import TelemetrySink
from shared.telemetry.tracing import Tracing

if TYPE_CHECKING:
    from pathlib import Path

    from shared.adapters.gemini_research import GeminiResearchAgent
    from shared.ledger.ledger import Ledger
    from shared.models.calls import Sender
    from shared.models.cassettes import Cassette
    from shared.models.catalog import Catalog
    from shared.models.credentials import ModelEndpoints
    from shared.models.journal import Journal
    from shared.models.provider import ProviderLink
    from shared.models.turn import Turns


def model_access(
    settings: Settings,
    *,
    documents: DocumentStore,
    artifacts: ArtifactStore,
    clock: Clock,
    tracing: Tracing,
    ledger: Callable[[], Ledger],
    endpoints: Callable[[], ModelEndpoints],
    renewed: Callable[[], ModelEndpoints],
    instance: str,
    telemetry: TelemetrySink,
    queue: Callable[[], TaskQueue] | None = None,
    turns_in: tuple[Path, float] | None = None,
) -> ModelAccess:
    """The models that this installation's settings name. Nothing is loaded before a mission asks for one.

    ``turns_in``: the folder in which processes count their questions to an endpoint of one's own, and how long one may wait (seconds).
    """
    return ModelAccess(
        Installation(
            documents=documents,
            artifacts=artifacts,
            clock=clock,
            tracing=tracing,
            ledger=ledger,
            catalog=_catalog,
            innermost=_Innermost(settings, endpoints, renewed),
            uniform=random.Random().random,
            secrets=lambda: _secrets(endpoints()),
            instance=instance,
            telemetry=telemetry,
            queue=queue,
            remote=_remote(settings, endpoints),
            turns=_turns(settings, clock, *turns_in) if turns_in is not None else None,
            in_order=settings.model_cassette is not None and settings.model_cassette.startswith("script:"),
        )
    )


def _turns(settings: Settings, clock: Clock, folder: Path, patience_s: float) -> Turns:
    from shared.adapters.endpoint_places import EndpointPlaces
    from shared.models.turn import Turns

    return Turns(EndpointPlaces(folder, settings.endpoint_parallel), clock, random.Random().random, patience_s=patience_s)


class _Innermost:
    """Answers from the cassette that the settings name, else from the provider."""

    def __init__(self, settings: Settings, endpoints: Callable[[], ModelEndpoints], renewed: Callable[[], ModelEndpoints]) -> None:
        self._setting = settings.model_cassette
        self._answer_timeout_s = settings.answer_timeout_s
        self._endpoints = endpoints
        self._renewed = renewed

    def link(self, journal: Journal) -> Sender:
        if self._cassette is None:
            return self._provider
        return self._cassette.link(provider=lambda: self._provider, before=journal.answers_of_role)

    def close(self) -> None:
        if "_provider" in self.__dict__:
            self._provider.close()

    @cached_property
    def _cassette(self) -> Cassette | None:
        from shared.models.cassettes import Cassette

        return Cassette.parse(self._setting) if self._setting is not None else None

    @cached_property
    def _provider(self) -> ProviderLink:
        from shared.models.provider import ProviderLink

        return ProviderLink(self._endpoints(), renewed=self._renewed, own_timeout_s=self._answer_timeout_s)


def _remote(settings: Settings, endpoints: Callable[[], ModelEndpoints]) -> Remote:
    """The remote agent and the searches, made when they are first needed. Recordings and scripts hold none of their answers."""
    made: dict[str, GeminiResearchAgent] = {}

    def agent() -> GeminiResearchAgent:
        from shared.adapters.gemini_research import GeminiResearchAgent

        _require_network(settings)
        return made.setdefault("agent", GeminiResearchAgent(endpoints()))

    def search() -> Sender:
        from shared.adapters.web_searches import SearchLink

        _require_network(settings)
        return SearchLink(endpoints())

    def close() -> None:
        for known in made.values():
            known.close()

    return Remote(
        agent,
        search,
        lambda provider, day: _full_catalog().agent(provider, on=day),
        lambda provider, day: _full_catalog().search(provider, on=day),
        close,
    )


def _require_network(settings: Settings) -> None:
    if settings.asks_no_provider:
        raise BadInput(
            "A recording or a script answers for the models, and holds no answers of remote research.",
            remedy="Use --research builtin and --web none with KIMERA_MODEL_CASSETTE.",
        )


def _full_catalog() -> Catalog:
    from shared.models.catalog import load_catalog

    return load_catalog()


def _catalog() -> Chooses:
    from shared.models.catalog import load_catalog

    return load_catalog()


def _secrets(endpoints: ModelEndpoints) -> list[str]:
    """The keys of the providers: they have no business in a prompt."""
    keys = (endpoints.google_api_key, endpoints.openai_api_key, endpoints.brave_api_key)
    return [key.get_secret_value() for key in keys if key is not None]
