"""``PageFetcher``: one URL to the bytes behind it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """A page as it came. ``url`` is where it was found in the end, ``asked`` what was asked for."""

    asked: str
    url: str
    media_type: str
    data: bytes

    @property
    def sha256(self) -> str:
        """The digest of the bytes."""
        return hashlib.sha256(self.data).hexdigest()


class PageFetcher(Protocol):
    """Fetches pages."""

    def fetch(self, url: str) -> FetchedPage:
        """The page. Raises ``PageNotFetched``."""
        ...
