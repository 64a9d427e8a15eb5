"""What a request asks for, read in either protocol; a request that the real service would refuse is a ``ValueError``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

Protocol = Literal["chat", "gemini"]
_GEMINI = re.compile(r"^/v1(?:beta\d*)?/(?:.*/)?models/(?P<model>[^:/]+):generateContent$")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. ``answer_type`` is the title of the JSON schema that the answer has to fit."""

    protocol: Protocol
    model: str
    system: str
    user: str
    turns: int
    answer_type: str
    mode: Literal["native", "tool", "prompted"]
    tool: str | None
    max_output_tokens: int
    key: str


def read(path: str, headers: dict[str, str], body: dict[str, Any]) -> Asked:
    """The request behind ``POST path``."""
    if path.endswith("/chat/completions"):
        return _chat(headers, body)
    if match := _GEMINI.match(path):
        return _gemini(match["model"], headers, body)
    raise ValueError(f"no such path: {path}")


def _chat(headers: dict[str, str], body: dict[str, Any]) -> Asked:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    _need(scheme == "Bearer" and key, "an Authorization header")
    _need(isinstance(body.get("model"), str), "a model")
    messages = body.get("messages")
    _need(isinstance(messages, list) and messages, "messages")
    assert isinstance(messages, list)
    _need(all(m.get("role") in ("system", "developer", "user", "assistant", "tool") for m in messages), "known roles")
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    _need(isinstance(limit, int) and limit > 0, "a limit on the answer's tokens")
    schema, mode, tool = _asked_of_chat(body)
    return Asked(
        "chat",
        body["model"],
        "\n".join(_text(m["content"]) for m in messages if m["role"] in ("system", "developer")),
        next(_text(m["content"]) for m in messages if m["role"] == "user"),
        sum(m["role"] == "user" for m in messages),
        str(schema.get("title", "")) or _title_in(messages),
        mode,
        tool,
        int(limit or 0),
        key,
    )


def _asked_of_chat(body: dict[str, Any]) -> tuple[dict[str, Any], Literal["native", "tool", "prompted"], str | None]:
    if tools := body.get("tools"):
        function = tools[0]["function"]
        return (
            {"title": function.get("description", "").removeprefix("The ").rstrip("."), **function["parameters"]},
            "tool",
            function["name"],
        )
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        _need("schema" in form.get("json_schema", {}), "a schema in response_format")
        return {"title": form["json_schema"]["name"], **form["json_schema"]["schema"]}, "native", None
    return {}, "prompted", None


def _gemini(model: str, headers: dict[str, str], body: dict[str, Any]) -> Asked:
    key = headers.get("x-goog-api-key", "")
    _need(key, "an x-goog-api-key header")
    contents = body.get("contents")
    _need(isinstance(contents, list) and contents, "contents")
    assert isinstance(contents, list)
    config = body.get("generationConfig", {})
    limit = config.get("maxOutputTokens")
    _need(isinstance(limit, int) and limit > 0, "generationConfig.maxOutputTokens")
    system = "\n".join(part.get("text", "") for part in body.get("systemInstruction", {}).get("parts", []))
    schema = config.get("responseJsonSchema") or config.get("responseSchema") or {}
    tool: str | None = None
    mode: Literal["native", "tool", "prompted"] = "native" if schema else "prompted"
    if tools := body.get("tools"):
        declared = tools[0]["functionDeclarations"][0]
        tool, mode = declared["name"], "tool"
        schema = {"title": declared.get("description", "").removeprefix("The ").rstrip(".")}
    texts = [part.get("text", "") for turn in contents if turn.get("role") == "user" for part in turn["parts"]]
    title = str(schema.get("title", "")) or _title_in([{"content": system}])
    return Asked("gemini", model, system, texts[0], len(texts), title, mode, tool, limit, key)


def _text(content: str | list[dict[str, str]] | None) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content or [])


def _title_in(messages: list[dict[str, Any]]) -> str:
    """The title of a schema that is written out in words."""
    found = re.findall(r'"title":\s*"(\w+)"', "\n".join(_text(m.get("content")) for m in messages))
    return found[-1] if found else ""


def _need(there: object, what: str) -> None:
    if not there:
        raise ValueError(f"the request lacks {what}")
