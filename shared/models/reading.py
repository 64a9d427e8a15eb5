"""Reading an answer as its type. Models that are asked in words put their JSON into fences, behind their thinking, or between sentences."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

OutputT = TypeVar("OutputT", bound=BaseModel)
_THOUGHT = "</think>"
"""Ends what reasoning models write before they answer; some servers leave out where it began."""


def read_answer(output: type[OutputT], text: str) -> OutputT:
    """``text`` as an ``output``: as it is, else the one JSON object in it. Raises pydantic's ``ValidationError``."""
    try:
        return output.model_validate_json(text)
    except ValidationError as error:
        inside = _object_in(text)
        if inside is None or not _is_no_json(error):
            raise
    return output.model_validate_json(inside)


def _object_in(text: str) -> str | None:
    """From the first brace to the last, behind any thinking; with two objects in it, or braces in the words, it is no JSON and no guess."""
    spoken = text.rpartition(_THOUGHT)[2]
    begin, end = spoken.find("{"), spoken.rfind("}")
    return spoken[begin : end + 1] if 0 <= begin < end else None


def _is_no_json(error: ValidationError) -> bool:
    return any(problem["type"] == "json_invalid" for problem in error.errors(include_url=False, include_input=False))
