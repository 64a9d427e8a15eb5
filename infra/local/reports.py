"""A mission's report as a folder on this machine."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local.api import MissionsApi
from schemas.mission import MissionState
from schemas.outcome import MissionOutcomePackage
from shared.artifacts import ArtifactStore
from shared.errors import BadInput, StorageFull, Unavailable

FORMATS = ("md", "html", "json")


@dataclass(frozen=True, slots=True)
class SavedReport:
    """The report's folder, and its three formats by name."""

    folder: Path
    files: Mapping[str, Path]
    outcome: MissionOutcomePackage


def save_report(
    api: MissionsApi, state: MissionState, folder: Path, artifacts: ArtifactStore | None, *, version: int | None = None
) -> SavedReport:
    """Write a report, the newest unless a version is named. ``NotFound`` where there is none.

    With the artifact store at hand the folder also holds charts, tables and scripts; the API alone gives the three formats.
    """
    outcome = MissionOutcomePackage.model_validate_json(api.report(state.mission_id, form="json", version=version))
    if artifacts is not None:
        from functions.fusion.bundle import report_folder

        content = report_folder(outcome, artifacts)
    else:
        content = {f"report.{form}": api.report(state.mission_id, form=form, version=version) for form in FORMATS}
    write_folder(folder, content)
    return SavedReport(folder, {form: folder / f"report.{form}" for form in FORMATS}, outcome)


def require_writable(folder: Path) -> None:
    """Raise ``BadInput`` where no file could be put into ``folder``, which need not be there yet. Nothing is made."""
    folder = folder.absolute()
    there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if not there.is_dir():
        why = f"{there} is no folder"
    elif not os.access(there, os.W_OK | os.X_OK, effective_ids=True):
        why = f"you may not write in {there}"
    else:
        return
    raise BadInput(f"Nothing can be written to {folder}: {why}.", remedy="Name another folder with --out.")


def write_folder(folder: Path, content: Mapping[str, bytes]) -> None:
    """Write the files below ``folder``; others that lie there stay."""
    try:
        for name, data in content.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.part")
            draft.write_bytes(data)
            draft.replace(path)
    except OSError as error:
        remedy = "Choose another folder with --out; the report itself is kept: `kimera report MISSION --out DIR`."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(f"There is no room for the report in {folder}.", remedy=remedy) from error
        kind = BadInput if isinstance(error, (PermissionError, NotADirectoryError, FileExistsError)) else Unavailable
        raise kind(f"The report cannot be written to {folder}: {error.strerror}.", remedy=remedy) from error
