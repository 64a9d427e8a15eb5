"""The CloudEvent of a finished upload, as Eventarc delivers it over HTTP, in binary or structured mode.

Source: the event type ``google.cloud.storage.object.v1.finalized`` and its ``StorageObjectData``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import BadInput
from shared.http import parse
from shared.inbox import InboxObject
from shared.validation import said

FINALIZED = "google.cloud.storage.object.v1.finalized"
MAX_BYTES = 1 << 20


class StorageObject(BaseModel):
    """What is used of ``StorageObjectData``; int64 fields are texts in its JSON."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    bucket: str = Field(min_length=1, max_length=222)
    name: str = Field(min_length=1, max_length=1024)
    generation: int = Field(ge=0)
    size: int = Field(default=0, ge=0)

    @property
    def found(self) -> InboxObject:
        """The object as the inbox knows it."""
        return InboxObject(self.name, self.generation, self.size)


class Message(BaseModel):
    """A notification as the dead letters keep it: what Pub/Sub had to deliver, its content decoded."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    data: StorageObject


class _Envelope(BaseModel):
    """The attributes that every CloudEvent has."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    source: str
    type: Literal["google.cloud.storage.object.v1.finalized"]


def read_event(headers: Mapping[str, str], body: bytes) -> StorageObject:
    """The uploaded object. Raises ``BadInput`` for anything that is no such event."""
    from cloudevents.exceptions import GenericException
    from cloudevents.http import from_http

    try:
        event = from_http({name.lower(): value for name, value in headers.items()}, body)
    except (GenericException, ValueError, RecursionError) as error:
        raise BadInput(f"This is no CloudEvent: {' '.join(str(error).split())[:200]}.") from error
    try:
        _Envelope.model_validate(dict(event.get_attributes()))
        return StorageObject.model_validate(event.get_data())
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'data'}: {said(e)}" for e in error.errors(include_url=False, include_input=False)
        )
        raise BadInput(
            f"This CloudEvent is not that of a finished upload: {wrong[:300]}.", remedy=f"Its type has to be {FINALIZED}."
        ) from error


def read_message(raw: bytes) -> StorageObject:
    """The uploaded object of a notification that is replayed. Raises ``BadInput`` for anything that is none."""
    return parse(Message, raw).data
