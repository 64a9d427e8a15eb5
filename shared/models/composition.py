"""The way to models as the settings have it: a provider, a recording or a script behind the one chain."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from shared.artifacts import ArtifactStore
from shared.clock import Clock
from shared.documents import DocumentStore
from shared.models.access import Chooses, Installation, ModelAccess
from shared.settings import Settings
from shared.telemetry.sink import TelemetrySink
from shared.telemetry.tracing import Tracing

if TYPE_CHECKING:
    from shared.ledger.ledger import Ledger
    from shared.models.calls import Sender
    from shared.models.cassettes import Cassette
    from shared.models.credentials import ModelEndpoints
    from shared.models.journal import Journal
    from shared.models.provider import ProviderLink


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
) -> ModelAccess:
    """The models that this installation's settings name. Nothing is loaded before a mission asks for one."""
    return ModelAccess(
        Installation(
            documents=documents,
            artifacts=artifacts,
            clock=clock,
            tracing=tracing,
            ledger=ledger,
            catalog=_catalog,
            innermost=_Innermost(settings.model_cassette, endpoints, renewed),
            day_cap_micro_usd=settings.day_budget_micro_usd,
            uniform=random.Random().random,
            secrets=lambda: _secrets(endpoints()),
            instance=instance,
            telemetry=telemetry,
            in_order=settings.model_cassette is not None and settings.model_cassette.startswith("script:"),
        )
    )


class _Innermost:
    """Answers from the cassette that the settings name, else from the provider."""

    def __init__(self, cassette: str | None, endpoints: Callable[[], ModelEndpoints], renewed: Callable[[], ModelEndpoints]) -> None:
        self._setting = cassette
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

        return ProviderLink(self._endpoints(), renewed=self._renewed)


def _catalog() -> Chooses:
    from shared.models.catalog import load_catalog

    return load_catalog()


def _secrets(endpoints: ModelEndpoints) -> list[str]:
    """The keys of the providers: they have no business in a prompt."""
    return [key.get_secret_value() for key in (endpoints.google_api_key, endpoints.openai_api_key) if key is not None]
