"""Chat completions as servers of one's own send them: with the answer in place, and not always with all that stands around it.

Loaded by the provider link alone, when an endpoint of one's own is first asked.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from pydantic import BaseModel

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.models.openai._chat_completions import LenientChatCompletion


@cache
def own_endpoint_model() -> type[OpenAIChatModel]:
    """The library's model for such servers: a class made when it is first asked for, since not every function has the library."""
    from pydantic_ai.exceptions import UnexpectedModelBehavior
    from pydantic_ai.models.openai import OpenAIChatModel

    class OwnEndpointModel(OpenAIChatModel):
        """Reads what a server leaves out as the one thing that it can be. What was said is never filled in: neither words, nor counts."""

        def _validate_completion(self, response: ChatCompletion) -> LenientChatCompletion:
            """The library's hook for what differs from the protocol. The SDK did not check the answer: ``None`` is what did not come."""
            _fill(response, id="", model="")
            response.object = "chat.completion"  # whatever the server calls it
            for at, choice in enumerate(_listed(response, "choices")):
                _from_text(choice)
                message = getattr(choice, "message", None)
                _as_text(message, "content")
                _fill(choice, index=at)
                _fill(message, role="assistant")
                for number, called in enumerate(_listed(message, "tool_calls")):
                    _fill(called, id=f"call-{number}", type="function")
                    _as_text(getattr(called, "function", None), "arguments")
            counts = [getattr(response.usage, name, None) for name in ("prompt_tokens", "completion_tokens")]
            known = [count for count in counts if isinstance(count, int) and count >= 0]
            if len(known) == len(counts):
                _fill(response.usage, total_tokens=sum(known))
                _without_wrong_details(response.usage)
            else:
                response.usage = None  # half a count bounds no cost: it is unknown, as where none came
            return super()._validate_completion(response)

        def _process_response(
            self, response: ChatCompletion | str, *, include_raw_annotations: bool = False, include_unmapped_response_data: bool = False
        ) -> ModelResponse:
            """The library looks into the choices before it checks that they are any. A text is a body that is no JSON."""
            if isinstance(response, str):
                raise UnexpectedModelBehavior("it is no JSON", body=response)
            if isinstance(response, BaseModel):
                choices = getattr(response, "choices", None)
                if not isinstance(choices, list) or not all(isinstance(choice, BaseModel) for choice in choices):
                    raise UnexpectedModelBehavior(f"it has no choices: {response.model_dump_json(exclude_none=True, warnings=False)}")
            return super()._process_response(
                response,
                include_raw_annotations=include_raw_annotations,
                include_unmapped_response_data=include_unmapped_response_data,
            )

    return OwnEndpointModel


def _without_wrong_details(usage: object) -> None:
    """Drop the parts of a count where one is no count: the whole, which is one, is paid at its full price then."""
    for name in ("prompt_tokens_details", "completion_tokens_details"):
        parts = getattr(usage, name, None)
        counts = parts.model_dump(exclude_none=True, warnings=False).values() if isinstance(parts, BaseModel) else ()
        if isinstance(usage, BaseModel) and not all(isinstance(count, int) and count >= 0 for count in counts):
            setattr(usage, name, None)


def _listed(owner: object, name: str) -> list[object]:
    found = getattr(owner, name, None)
    return found if isinstance(found, list) else []


def _from_text(choice: object) -> None:
    """The older protocol's answer, ``text`` of a choice, where a choice has no message."""
    from openai.types.chat import ChatCompletionMessage

    text = getattr(choice, "text", None)
    if isinstance(text, str):
        _fill(choice, message=ChatCompletionMessage.model_construct(role="assistant", content=text))


def _as_text(owner: object, name: str) -> None:
    """A text that came as an object: one part of a text, which the library reads in a list, or JSON that was not written out."""
    value = getattr(owner, name, None)
    if isinstance(owner, BaseModel) and isinstance(value, dict):
        is_part = value.keys() == {"type", "text"} and value["type"] == "text"
        setattr(owner, name, [value] if is_part else json.dumps(value, ensure_ascii=False))


def _fill(target: object, **fields: object) -> None:
    """Set the fields that did not come. What is no object of the SDK is none of the protocol, and is left for the library to refuse."""
    for name, value in fields.items():
        if isinstance(target, BaseModel) and getattr(target, name, None) is None:
            setattr(target, name, value)
