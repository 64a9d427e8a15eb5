"""``kimera delete``: remove a mission that has ended, with everything it wrote; and the uploaded files that no mission uses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from cli.configuration import load_settings
from cli.console import AsJson, Endpoint, log_to, new_app, note, print_json
from shared.counted import counted
from shared.documents import Json
from shared.errors import BadInput

if TYPE_CHECKING:
    from functions.missions.answers import Deleted
    from shared.missions.unused_inputs import Removed

app = new_app("Delete a mission that has ended, with everything it wrote.")


@app.command()
def delete(
    mission: Annotated[str | None, typer.Argument(metavar="[MISSION]", help="The mission's id, as `kimera list` shows it.")] = None,
    unused_inputs: Annotated[
        bool,
        typer.Option(
            "--unused-inputs",
            help="Also remove the uploaded files of this data folder that no mission uses any more.",
        ),
    ] = False,
    endpoint: Endpoint = None,
    as_json: AsJson = False,
) -> int:
    """Delete a mission that has ended, with everything it wrote. Its audit chain stays.

    The files that were uploaded for it stay as well, since other missions may use them; the command says how much room they take.
    With --unused-inputs (alone or with a MISSION), those that no mission uses are removed; meanwhile no platform may be running.
    """
    from infra.local.access import alone_on, any_access
    from infra.local.api import MissionsApi
    from infra.local.functions import public_app
    from shared.missions.unused_inputs import remove_unused_inputs

    settings = load_settings()
    log_to(settings.home)
    token = os.environ.get("KIMERA_TOKEN")
    if mission is None and not unused_inputs:
        raise BadInput("There is nothing to delete.", remedy="Name a mission (see `kimera list`), or give --unused-inputs.")
    if endpoint is not None and unused_inputs:
        raise BadInput("--unused-inputs works on this machine's data folder, not on an --endpoint.", remedy="Leave one of them out.")
    deleted: Deleted | None = None
    removed: Removed | None = None
    if unused_inputs:
        with alone_on(settings, command="kimera delete --unused-inputs") as runtime:
            if mission is not None:
                deleted = MissionsApi.in_process(public_app(runtime), token).delete(mission)
            removed = remove_unused_inputs(runtime.documents, runtime.artifacts)
    elif mission is not None:
        with any_access(settings, endpoint=endpoint, token=token) as api:
            deleted = api.delete(mission)
    if as_json:
        about_inputs: dict[str, Json] = {"unused_inputs": removed.files, "unused_inputs_bytes": removed.size} if removed else {}
        if removed and removed.damaged:
            about_inputs |= {"inputs_kept_for_damaged": removed.kept, "damaged": [*removed.damaged]}
        print_json({**(deleted.model_dump(mode="json") if deleted else {}), **about_inputs})
    else:
        _tell(deleted, removed)
    return 0


def _tell(deleted: Deleted | None, removed: Removed | None) -> None:
    if deleted is not None:
        note(f"Deleted, with {counted(deleted.artifacts, 'stored file')}. The audit chain stays as the proof of what was done.")
        for unknown in deleted.unknown:
            note(f"Its documents are damaged. Not known: {unknown}.")
    if removed is not None:
        note(f"Removed {counted(removed.files, 'uploaded file')} that no mission uses ({_size(removed.size)}).")
        if removed.damaged:
            note(
                f"Kept {removed.kept} more, which these missions may use, whose documents are damaged: {', '.join(removed.damaged)}. "
                "Restore these missions, or delete them."
            )
    elif deleted is not None and deleted.inputs_kept:
        stay, them = ("stays", "it") if deleted.inputs_kept == 1 else ("stay", "them")
        note(
            f"Its {counted(deleted.inputs_kept, 'uploaded file')} ({_size(deleted.inputs_kept_bytes)}) {stay}, since other missions may "
            f"use {them}; `kimera delete --unused-inputs` removes what none uses."
        )


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else counted(size, "byte")
