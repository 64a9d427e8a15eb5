"""``WebSearch``: pages that may answer a query, from a search service. What it says of them is a pointer, never evidence."""

from __future__ import annotations

from typing import Protocol

from schemas.base import Contract


class SearchHit(Contract):
    """A page that was found. ``snippet`` and ``date`` are the service's word for it."""

    url: str
    title: str = ""
    snippet: str = ""
    date: str | None = None


class SearchHits(Contract):
    """What a search came to, as it is journaled."""

    hits: tuple[SearchHit, ...] = ()


class WebSearch(Protocol):
    """Searches on behalf of one slice; each search is paid, and journaled like a model's answer."""

    def search(self, query: str, limit: int) -> tuple[SearchHit, ...]:
        """At most ``limit`` pages, best first. A slice that is run again gets what was found before.

        Raises ``NoModelAnswer``: no money, no key, or a service that refuses, is down, or answers what cannot be read.
        """
        ...
