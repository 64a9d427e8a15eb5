"""What a worker process does: runs the executions that its platform gives it, with functions and adapters of its own, on the same data
folder.
"""

from __future__ import annotations

import gc
import importlib
import json
import mmap
import os
import signal
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from infra.local.executions import NAME, MissionWorkflow
from infra.local.log import log_to_file
from infra.local.pool.messages import TO_ALL, Cancel, Channel, Ended, Message, Ping, Refused, Setup, Start, Stop, Wake
from infra.local.workflows.execution import State
from infra.local.workflows.service import ServiceError
from infra.local.wsgi_transport import WsgiTransport
from shared.runtime import Runtime
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication

_SPARE_THREADS = 4
_ROOM_BYTES = 16 * 1024 * 1024
"""What a call needs at the least: a stack of 8 MiB for a thread, and memory for what it loads."""
_GARBAGE_AFTER = 50_000  # as the command has it


class Worker:
    """Executions of the mission workflow in this process."""

    def __init__(self, runtime: Runtime, functions: WSGIApplication, workflow: Path, channel: Channel) -> None:
        self._runtime = runtime
        self._channel = channel
        self._workflow = MissionWorkflow(
            WsgiTransport(functions, lambda _: None),
            runtime.ids,
            runtime.tracing,
            threads=2 * runtime.settings.max_running + _SPARE_THREADS,
            definition=workflow,
            ended=self._ended,
        )

    def run(self) -> None:
        """Do what is asked until the platform wants this process to end; return then."""
        # What is loaded stays. A full collection that walks through all of it holds every thread up.
        gc.freeze()
        while not isinstance(message := self._channel.receive(), Stop):
            match message:
                case Start():
                    self._start(message)
                case Cancel():
                    self._cancel(message)
                case Ping():
                    _require_room()
                    # Answered where the executions are driven: to hear keeps no mission going.
                    self._workflow.service.runner.once_driven(partial(_say, self._channel, message))
                case None:
                    os._exit(1)  # the platform is dead: see __main__
                case _:
                    raise TypeError(f"A worker is not told {message!r}.")
        self._workflow.close()  # calls that are under way are left to end by themselves
        self._runtime.close()

    def _start(self, message: Start) -> None:
        service = self._workflow.service
        try:
            service.create(service.parent(NAME), json.dumps(message.argument), labels=message.labels, execution_id=message.execution)
        except ServiceError as problem:
            _say(self._channel, Refused(execution=message.execution, reason=str(problem)))

    def _cancel(self, message: Cancel) -> None:
        service = self._workflow.service
        try:
            service.stop(f"{service.parent(NAME)}/executions/{message.execution}")
        except ServiceError:
            return  # it is not known, or has ended

    def _ended(self, _: str, execution: str, state: State) -> None:
        _say(self._channel, Ended(execution=execution, state=state))


def _say(channel: Channel, message: Message) -> None:
    """Tell the platform. One that takes nothing is dead, or stands still: it would never learn of this, nor understand what came behind.

    So this process ends, and the platform, should it go on, learns that and has everything here begun anew.
    """
    if not channel.send(message):
        os._exit(1)


def _require_room() -> None:
    """Raise ``OSError`` where this process may take no more memory. It ends then, and its missions go on in others: here their calls
    would fail one after the other, and be made again for minutes.
    """
    mmap.mmap(-1, _ROOM_BYTES).close()  # asks the system alone: nothing is written, and nothing is kept


def main(fd: int) -> None:
    """Serve the platform at the other end of this socket."""
    for number in TO_ALL:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, TO_ALL)
    channel = Channel(socket.socket(fileno=fd))
    setup = channel.receive()
    if not isinstance(setup, Setup):
        return  # the platform died before it had said anything
    gc.set_threshold(_GARBAGE_AFTER, *gc.get_threshold()[1:])
    settings = _Told.model_validate(setup.settings)
    log_to_file(settings.home, rotates=False)

    def wake() -> None:
        _say(channel, Wake())

    runtime = Runtime(settings, wake=wake)
    Worker(runtime, _named(setup.functions)(runtime), Path(setup.workflow), channel).run()


class _Told(Settings):
    """Settings as the platform has them, whatever the environment and the files say by now."""

    model_config = SettingsConfigDict(toml_file=None)  # named and not read, it would be warned of

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def _named(name: str) -> Callable[[Runtime], WSGIApplication]:
    module, _, attribute = name.partition(":")
    found: Callable[[Runtime], WSGIApplication] = getattr(importlib.import_module(module), attribute)
    return found
