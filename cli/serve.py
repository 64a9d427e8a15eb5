"""``kimera serve``: the platform on this machine."""

from __future__ import annotations

import os
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.configuration import load_settings, require_for_cloud
from cli.console import log_to, new_app, note

if TYPE_CHECKING:
    from shared.settings import Settings


class ServedProfile(StrEnum):
    """What the platform is made of."""

    EMBEDDED = "embedded"
    EMULATED = "emulated"


app = new_app("Run the platform on this machine: HTTP API and inbox folder.")


@app.command()
def serve(
    port: Annotated[int | None, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.  [default: 8700]")] = None,
    host: Annotated[str, typer.Option("--host", help="Where to listen; anything but this machine itself needs owners.")] = "127.0.0.1",
    inbox: Annotated[
        Path | None, typer.Option("--inbox", metavar="DIR", help="A folder in which <name>/mission.yaml with its files starts a mission.")
    ] = None,
    profile: Annotated[
        ServedProfile,
        typer.Option(
            "--profile",
            help="embedded: one process. emulated: each function a process of its own, on emulators of Google Cloud and Neo4j.",
        ),
    ] = ServedProfile.EMBEDDED,
    outbox: Annotated[
        Path | None, typer.Option("--outbox", metavar="DIR", help="Where the inbox's reports go.  [default: outbox beside the inbox]")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="N", min=1, max=256, help="Processes that run missions; 1 is this one.  [default: 1]"),
    ] = None,
) -> int:
    """Run the platform on this machine until Ctrl-C or SIGTERM. Missions that are open then go on with the next start."""
    # Until the server listens to it, Ctrl-C ends this process, as SIGTERM does: an exception could be taken for a defect, or be lost.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    settings = load_settings()
    log_to(settings.home)
    if profile is ServedProfile.EMULATED:
        return _emulated(settings, settings.port if port is None else port, host, inbox, outbox, workers)
    from infra.local.server import Address
    from infra.local.server import serve as serve_platform

    if workers is not None:
        settings = settings.model_copy(update={"workers": workers})
    if inbox is not None:
        settings = _with_inbox(settings, inbox, outbox)
    elif outbox is not None:
        settings = _with_outbox(settings, outbox)

    def started(url: str) -> None:
        _say(f"KIMERA is at {url} (data: {settings.home}; log: {settings.home / 'kimera.log'}). Ctrl-C stops it.")
        if settings.inbox is not None:
            _say(f"Missions put into {inbox or settings.inbox}/<name>/mission.yaml start by themselves.")

    serve_platform(settings, Address(host, settings.port if port is None else port), started=started)
    _say("Stopped. Open missions go on with the next start.")
    return 0


def _say(text: str) -> None:
    """A line for the person who watches. A terminal or a pipe that is gone ends no platform, and makes no failure of its stop."""
    try:
        note(text)
    except OSError:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stderr.fileno())  # what was not taken is tried again at the exit


def _with_inbox(settings: Settings, inbox: Path, outbox: Path | None) -> Settings:
    """The settings with the inbox; its missions belong to whoever starts the platform."""
    from infra.local.api import bearer
    from shared.identity import LocalIdentity

    owner = LocalIdentity(settings.owners).owner(bearer(os.environ.get("KIMERA_TOKEN")))
    places = {"inbox": str(inbox.absolute()), "outbox": str((outbox or inbox.absolute().parent / "outbox").absolute())}
    return settings.model_copy(update={**places, "inbox_owner": owner})


def _with_outbox(settings: Settings, outbox: Path) -> Settings:
    """The settings, whose inbox gets another outbox."""
    from shared.errors import BadInput

    if settings.inbox is None:
        raise BadInput("--outbox is where the reports of an inbox go, and there is no inbox.", remedy="Give its folder, too: --inbox DIR.")
    return settings.model_copy(update={"outbox": str(outbox.absolute())})


def _emulated(settings: Settings, port: int, host: str, inbox: Path | None, outbox: Path | None, workers: int | None) -> int:
    from infra.local.emulated.cloud import INBOX, OUTBOX
    from infra.local.emulated.hosting import serve_emulated
    from shared.errors import BadInput

    if host != "127.0.0.1":
        raise BadInput("The emulated cloud checks no identity, so it answers on 127.0.0.1 only.", remedy="Leave --host out.")
    if workers is not None:
        raise BadInput("In the emulated cloud every function is a process of its own.", remedy="Leave --workers out.")
    if inbox is not None:
        raise BadInput(
            f"In the emulated cloud the inbox is the bucket {INBOX}.",
            remedy="Upload to it with any client of Cloud Storage, without --inbox.",
        )
    if outbox is not None:
        raise BadInput(
            f"In the emulated cloud reports are laid out in the bucket {OUTBOX}.",
            remedy="Read them there with any client of Cloud Storage, without --outbox.",
        )
    require_for_cloud()

    def started(url: str, storage: str) -> None:
        _say(f"KIMERA is at {url} (data and logs: {settings.home}/emulated). Ctrl-C stops it.")
        _say(f"Cloud Storage is at {storage}: NAME/mission.yaml in the bucket {INBOX} starts a mission, reports lie in {OUTBOX}.")

    serve_emulated(settings, port, starting=lambda name: _say(f"starting {name}"), started=started)
    _say("Stopped. Open missions go on with the next start.")
    return 0
