"""What the parts of a platform said to each other, as an open host wrote it down: one message a line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from shared.documents import JsonMap

How = Literal["first", "twin", "late"]
"""The delivery that was meant; the same message at the same moment; an older message once more."""


@dataclass(frozen=True, slots=True)
class Message:
    """A call of an internal function and its answer. ``event`` holds the attributes of a CloudEvent."""

    how: How
    path: str
    event: dict[str, str]
    body: str
    status: int
    answer: str

    @property
    def same(self) -> tuple[str, str, str]:
        """Equal for deliveries of the same message."""
        return (self.path, json.dumps(self.event, sort_keys=True), self.body)

    @property
    def payload(self) -> JsonMap:
        """The body."""
        return _object(self.body)

    @property
    def result(self) -> JsonMap:
        """The answer."""
        return _object(self.answer)

    def line(self) -> str:
        """The message as it is written down."""
        return json.dumps(asdict(self)) + "\n"


def read(path: Path) -> list[Message]:
    """All messages in the order of their answers; a line that is being written is left out."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    return [Message(**json.loads(line)) for line in lines if line.endswith("\n")]


def _object(text: str) -> JsonMap:
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}
