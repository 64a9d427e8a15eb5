"""What generated code came to, kept by its place in the mission.

A slice that is killed and run again must ask the models the same. So it sees what the first run saw, though the code might do otherwise a
second time: it draws numbers, it takes too long once, an error names an address in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel

from shared.artifacts import SCHEME
from shared.errors import AlreadyExists, NotFound
from shared.tracks import SliceContext

T = TypeVar("T", bound=BaseModel)


def once(context: SliceContext, place: str, kind: type[T], work: Callable[[], T]) -> T:
    """What ``work`` came to when it was first carried out at this place of the track. Errors: its own, and those of the store."""
    key = f"missions/{context.mission_id}/{context.track}/{context.attempt}/runs/{place}.json"
    try:
        return kind.model_validate_json(context.artifacts.get(SCHEME + key))
    except NotFound:  # this is the first time
        pass
    found = work()
    try:
        context.artifacts.put(key, found.model_dump_json().encode(), media_type="application/json")
    except AlreadyExists:  # the same slice in another process was first: what it saw holds
        return kind.model_validate_json(context.artifacts.get(SCHEME + key))
    return found
