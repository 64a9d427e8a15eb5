"""What a role asks a model for: its prompt, and the contract that the answer has to fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from shared.models.prompts import Prompt

OutputT = TypeVar("OutputT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ModelRole(Generic[OutputT]):
    """A role that a model plays. ``name`` stands in the journal, the costs and the telemetry.

    The output is a ``Contract``: short fields with limits, ids of what the prompt listed, never a figure that code could format.
    """

    name: str
    prompt: Prompt
    output: type[OutputT]
    max_output_tokens: int = 2_048
