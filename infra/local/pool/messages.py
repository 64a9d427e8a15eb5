"""What a platform and its worker processes say to each other: lines of JSON over a socket that only the two of them have.

The standard library's JSON, since a path that is no UTF-8 is a text with lone surrogates, which pydantic's neither writes nor reads.
"""

from __future__ import annotations

import json
import signal
import socket
import struct
import threading
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from infra.local.workflows.execution import State

TO_ALL: Final = (signal.SIGINT, signal.SIGTERM)
"""Signals that reach the whole group, say by Ctrl-C: a worker is deaf to them from its first moment, and ends when its platform says so."""
_SEND_S: Final = 10
"""How long the other end may take nothing while its buffer is full."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Setup(_Message):
    """To a worker, first of all: how this installation runs.

    ``functions`` names what gives the functions, as ``module:name``, and ``workflow`` is
    the file of the workflow's definition.
    """

    kind: Literal["setup"] = "setup"
    settings: dict[str, JsonValue]
    functions: str
    workflow: str


class Start(_Message):
    """To a worker: run this execution."""

    kind: Literal["start"] = "start"
    execution: str
    argument: dict[str, JsonValue]
    labels: dict[str, str]


class Cancel(_Message):
    """To a worker: stop this execution, if it still runs."""

    kind: Literal["cancel"] = "cancel"
    execution: str


class Ping(_Message):
    """To a worker: say that you hear. A worker says the same back."""

    kind: Literal["ping"] = "ping"


class Stop(_Message):
    """To a worker: leave every execution where it is, and end."""

    kind: Literal["stop"] = "stop"


class Ended(_Message):
    """From a worker: the execution has ended."""

    kind: Literal["ended"] = "ended"
    execution: str
    state: State


class Refused(_Message):
    """From a worker: the execution was not begun."""

    kind: Literal["refused"] = "refused"
    execution: str
    reason: str


class Wake(_Message):
    """From a worker: it has put something into the queue."""

    kind: Literal["wake"] = "wake"


Message = Setup | Start | Cancel | Ping | Stop | Ended | Refused | Wake
_MESSAGES: Final[TypeAdapter[Message]] = TypeAdapter(Annotated[Message, Field(discriminator="kind")])


class Channel:
    """One end. Any thread may send; one receives."""

    def __init__(self, end: socket.socket) -> None:
        """Takes the socket over."""
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", _SEND_S, 0))
        self._end = end
        self._lines = end.makefile("rb")
        self._sending = threading.Lock()

    def send(self, message: Message) -> bool:
        """Whether it was handed over; not so where the other end is gone, or has taken nothing for a while.

        Nothing more may be sent then.
        """
        try:
            with self._sending:
                self._end.sendall(json.dumps(message.model_dump(mode="json")).encode() + b"\n")
        except OSError:
            return False
        return True

    def receive(self) -> Message | None:
        """The next message, waited for; ``None`` once the other end is gone and all that it had sent in full was received."""
        try:
            line = self._lines.readline()
        except OSError:
            return None
        return _MESSAGES.validate_python(json.loads(line)) if line.endswith(b"\n") else None

    def close(self) -> None:
        """Let go of this end; not while a thread receives."""
        with self._sending:  # else what another thread sends might go to a file that takes over the number
            self._lines.close()
            self._end.close()


def pair() -> tuple[Channel, socket.socket]:
    """This process's end, and the one to hand on."""
    ours, theirs = socket.socketpair()
    return Channel(ours), theirs
