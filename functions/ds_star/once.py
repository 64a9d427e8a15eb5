"""What generated code came to, kept by its place in the mission.

A slice that is killed and run again must ask the models the same. So it sees what the first run saw, though the code might do otherwise a
second time: it draws numbers, it takes too long once, an error names an address in memory.

This is no cache: what a second run gives may be something else, and then the models would be asked something else. So where what is kept
is damaged, a second run stands in for it only if it gives, to the byte, what the store recorded of the first.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel

from shared.artifacts import SCHEME
from shared.errors import AlreadyExists, Corrupt, NotFound
from shared.tracks import SliceContext

T = TypeVar("T", bound=BaseModel)
_log = logging.getLogger(__name__)


def once(context: SliceContext, place: str, kind: type[T], work: Callable[[], T]) -> T:
    """What ``work`` came to when it was first carried out at this place of the track. Errors: its own, and those of the store."""
    folder = f"missions/{context.mission_id}/{context.track}/{context.attempt}/runs"
    key = f"{folder}/{place}.json"
    try:
        return _known(context, key, kind)
    except NotFound:  # this is the first time
        pass
    except Corrupt as damaged:
        return _again(context, key, f"{folder}/{place}.again.json", kind, work, damaged)
    found = work()
    try:
        context.keep(context.artifacts.put(key, found.model_dump_json().encode(), media_type="application/json"))
    except AlreadyExists:  # the same slice in another process was first: what it saw holds
        return _known(context, key, kind)
    return found


def _known(context: SliceContext, key: str, kind: type[T]) -> T:
    """What is kept at ``key``: the event of a slice that is run again names it, too."""
    data = context.artifacts.get(SCHEME + key)
    context.stored[SCHEME + key] = hashlib.sha256(data).hexdigest()
    return kind.model_validate_json(data)


def _again(context: SliceContext, key: str, beside: str, kind: type[T], work: Callable[[], T], damaged: Corrupt) -> T:
    """What was kept at ``key`` before it was damaged, kept ``beside`` it from now on. Raises ``damaged`` where that cannot be had again."""
    try:
        return _known(context, beside, kind)
    except NotFound:
        pass
    found = work()
    data = found.model_dump_json().encode()
    if hashlib.sha256(data).hexdigest() != context.artifacts.stat(SCHEME + key).sha256:
        raise damaged
    _log.warning("What a run came to is damaged, and the same was made anew: %s", damaged.place or damaged.message)
    context.keep(context.artifacts.put(beside, data, media_type="application/json"))
    return found
