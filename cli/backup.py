"""``kimera backup``: a copy of the data folder that can be used in its place."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.configuration import load_settings
from cli.console import AsJson, log_to, new_app, note, print_json
from cli.results import shown
from shared.counted import counted
from shared.errors import BadInput

if TYPE_CHECKING:
    from infra.local.backup import Copied

app = new_app("Copy the data folder, also while it is in use.")
_TOLD_EVERY_S = 5.0


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the copy goes; it must not be there yet.")],
    as_json: AsJson = False,
) -> int:
    """Copy the data folder to DIR, also while a platform works on it: missions, knowledge spaces, files and telemetry, as of one moment.

    To use a copy, name it: `KIMERA_HOME=DIR kimera serve`. Missions that were under way go on there, so that of two copies only one should
    be served. A copy has its name when it is whole; what was cut off is called DIR.partial-... and may be removed.
    """
    from infra.local.access import require_missions
    from infra.local.backup import back_up

    settings = load_settings()
    log_to(settings.home)
    if settings.profile != "embedded":
        raise BadInput(
            "`kimera backup` copies a data folder of this machine.",
            remedy="On Google Cloud, Firestore's own backups and the buckets' versions do it: see docs/deploying.md.",
        )
    home = require_missions(settings)
    target = folder.expanduser().absolute()
    copied = back_up(home, target, _Progress().tell)
    if as_json:
        print_json({"backup": str(target), "databases": {**copied.databases}, "files": copied.files, "bytes": _bytes(copied)})
        return 0
    print(shown(target))
    note(f"{_told(copied)}. Check it:  KIMERA_HOME={shlex.quote(shown(target))} kimera audit verify")
    return 0


class _Progress:
    """Says every few seconds how far it is."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _TOLD_EVERY_S

    def tell(self, copied: Copied) -> None:
        if time.monotonic() >= self._next:
            note(f"{_told(copied)} so far")
            self._next = time.monotonic() + _TOLD_EVERY_S


def _bytes(copied: Copied) -> int:
    return copied.size + sum(copied.databases.values())


def _told(copied: Copied) -> str:
    return f"{counted(len(copied.databases), 'database')} and {counted(copied.files, 'file')}, {_bytes(copied) / 1e6:,.1f} MB"
