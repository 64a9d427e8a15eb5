"""What research may ask beyond the models: a remote research agent, and web searches. Each is paid through the one chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from shared.models.calls import ModelSpec, Sender
from shared.web.agent import ResearchAgent


@dataclass(frozen=True, slots=True)
class Remote:
    """How an installation reaches them; nothing is made before it is first needed.

    ``search`` answers a call with ``SearchHits`` as JSON. ``agent_spec`` and ``search_spec`` give what a provider costs on a day, and
    raise ``BadInput`` for one that is not known.
    """

    agent: Callable[[], ResearchAgent]
    search: Callable[[], Sender]
    agent_spec: Callable[[str, date], ModelSpec]
    search_spec: Callable[[str, date], ModelSpec]
    close: Callable[[], None] = lambda: None
