"""Answers as the providers send them, built from their SDKs' own types."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import JsonValue

_ABOVE = 10_000_000


@dataclass(frozen=True, slots=True)
class Reply:
    """A good answer: JSON, or the text as it is to come. Tokens are counted from bytes where they are not given."""

    answer: JsonValue
    input_tokens: int | None = None
    output_tokens: int | None = None

    @property
    def text(self) -> str:
        """The answer's text."""
        return self.answer if isinstance(self.answer, str) else json.dumps(self.answer, ensure_ascii=False)


def chat_completion(reply: Reply, *, model: str, asked_bytes: int, tool: str | None, usage: bool, above: bool) -> bytes:
    """A body of ``POST /chat/completions``."""
    from openai.types import CompletionUsage
    from openai.types.chat import ChatCompletion, ChatCompletionMessage
    from openai.types.chat.chat_completion import Choice
    from openai.types.chat.chat_completion_message_function_tool_call import ChatCompletionMessageFunctionToolCall, Function

    taken, given = tokens(reply, asked_bytes, above)
    called = (
        [ChatCompletionMessageFunctionToolCall(id="call_1", type="function", function=Function(name=tool, arguments=reply.text))]
        if tool
        else None
    )
    message = ChatCompletionMessage(role="assistant", content=None if called else reply.text, tool_calls=called)  # type: ignore[arg-type]  # a list of one of its kinds
    body = ChatCompletion(
        id="chatcmpl-1",
        object="chat.completion",
        created=1,
        model=model,
        choices=[Choice(index=0, finish_reason="tool_calls" if called else "stop", message=message, logprobs=None)],
        usage=CompletionUsage(prompt_tokens=taken, completion_tokens=given, total_tokens=taken + given) if usage else None,
    )
    return body.model_dump_json(exclude_none=True).encode()


def generate_content(reply: Reply, *, model: str, asked_bytes: int, tool: str | None, usage: bool, above: bool) -> bytes:
    """A body of ``POST /v1beta/models/NAME:generateContent``."""
    from google.genai import types

    taken, given = tokens(reply, asked_bytes, above)
    part = types.Part(function_call=types.FunctionCall(name=tool, args=json.loads(reply.text))) if tool else types.Part(text=reply.text)
    body = types.GenerateContentResponse(
        candidates=[types.Candidate(content=types.Content(role="model", parts=[part]), finish_reason=types.FinishReason.STOP, index=0)],
        model_version=model,
        response_id="response-1",
        usage_metadata=types.GenerateContentResponseUsageMetadata(
            prompt_token_count=taken, candidates_token_count=given, total_token_count=taken + given
        )
        if usage
        else None,
    )
    return body.model_dump_json(exclude_none=True, by_alias=True).encode()


def tokens(reply: Reply, asked_bytes: int, above: bool) -> tuple[int, int]:
    """Tokens taken and given."""
    if above:
        return _ABOVE, _ABOVE
    taken = reply.input_tokens if reply.input_tokens is not None else asked_bytes // 4
    given = reply.output_tokens if reply.output_tokens is not None else max(1, len(reply.text.encode()) // 4)
    return taken, given
