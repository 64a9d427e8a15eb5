"""Entry point of ``dead_letter``: keeps what Pub/Sub could not deliver, so that it can be looked at and sent again."""

from __future__ import annotations

import base64
import binascii
import json

import functions_framework
from flask import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from schemas.letters import Kept
from shared.callers import Part
from shared.dead_letters import keep
from shared.documents import Json
from shared.http import Api, Call

_ROUTE = "intake/"
"""What Eventarc delivers; the tasks of the queue leave their letters themselves."""
_SUBSCRIPTION = "CloudPubSubDeadLetterSourceSubscription"
_COUNT = "CloudPubSubDeadLetterSourceDeliveryCount"

api = Api("dead_letter")


class PubSubMessage(BaseModel):
    """``PubsubMessage`` as a push delivery has it. Source: "Receive messages with push", Pub/Sub documentation."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    data: str = ""
    attributes: dict[str, str] = {}
    message_id: str = Field(alias="messageId", min_length=1, max_length=200)


class Push(BaseModel):
    """The body of a push delivery."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    message: PubSubMessage


@api.route("POST", "/", caller=Part.DEAD_LETTERS)
def kept(call: Call) -> Kept:
    """Keep a message (target of the dead letters' subscription). A repeat keeps the same."""
    message = call.body(Push).message
    name = f"pubsub-{message.message_id}"
    count = message.attributes.get(_COUNT, "")
    source = message.attributes.get(_SUBSCRIPTION, "a subscription")
    keep(
        call.runtime.documents,
        name,
        route=_ROUTE,
        payload={"data": _content(message.data), "attributes": dict(message.attributes)},
        error=f"{source} could not deliver it: the function intake did not take it, and its traces say why.",
        deliveries=int(count) if count.isdecimal() else 0,
        at=call.runtime.clock.now(),
    )
    return Kept(name=name)


def _content(data: str) -> Json:
    """The message's data: the JSON it is, else the text, else as it came."""
    try:
        text = base64.b64decode(data, validate=True).decode()
    except (ValueError, binascii.Error):
        return data
    try:
        found: Json = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found


@functions_framework.http
def dead_letter(request: Request) -> Response:
    """The function."""
    return api.answer(request)
