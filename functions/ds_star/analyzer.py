"""The Analyzer: describes a data file once, in the sandbox, and remembers the description by the file's content."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from functions.ds_star.kept import keep, kept
from functions.ds_star.libraries import READING, digest, libraries, source_of
from schemas.analysis import FileDescription
from shared.artifacts import ArtifactStore
from shared.counted import counted
from shared.documents import Json
from shared.errors import InputUnreadable, NotFound
from shared.sandbox import CodeSandbox, SandboxInput, SandboxJob, SandboxLimits, SandboxResult

ANALYZER = "analyze"
VERSION = 1
"""Raised when the shape of the description changes; a change of the scripts alone changes their digest, which is in the key too."""


@dataclass(frozen=True, slots=True)
class DataInput:
    """A data file of a mission: ``name`` as the user knows it, one path component; ``path`` and ``uri`` as ``SandboxInput`` has them."""

    name: str
    path: Path | None
    sha256: str
    uri: str | None = None

    @property
    def for_sandbox(self) -> SandboxInput:
        """The file as a script reads it."""
        return SandboxInput(self.name, self.path, self.uri)

    @classmethod
    def of(cls, path: Path, *, name: str | None = None) -> DataInput:
        """The input with its digest. ``InputUnreadable`` where there is no such file."""
        if not path.is_file():
            raise InputUnreadable(f"{name or path.name}: there is no such file.", remedy="Check the path.")
        with path.open("rb") as stream:
            return cls(name or path.name, path, hashlib.file_digest(stream, "sha256").hexdigest())


def analyze_file(
    sandbox: CodeSandbox, artifacts: ArtifactStore, data: DataInput, workdir: Path, limits: SandboxLimits | None = None
) -> FileDescription:
    """What the file holds. A file that cannot be read has ``error`` set (``require_readable`` raises for it); it stops no other file.

    ``workdir`` is a writable folder for the run's own files. Errors: those of the sandbox and of the store.
    """
    known = kept(artifacts, _cache_key(data))
    if known.description is not None:
        return known.description.model_copy(update={"file": data.name})
    folder = workdir / f"analyze-{data.sha256[:16]}-{hashlib.sha256(data.name.encode()).hexdigest()[:8]}"
    job = SandboxJob(
        script=source_of(ANALYZER),
        inputs=(data.for_sandbox,),
        limits=limits or SandboxLimits(seconds=120),
        libraries=libraries(*READING),
    )
    shutil.rmtree(folder, ignore_errors=True)  # a slice that was killed may have left it
    try:
        result = sandbox.run(job, outputs_to=folder)
    except NotFound as gone:
        raise InputUnreadable(f"{data.name}: there is no such file.", remedy="Check the path.") from gone
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    description, lasting = _description(data, result)
    if lasting:
        keep(artifacts, known, description)  # where another slice described the same file at the same time, it is the same
    return description


def require_readable(description: FileDescription) -> FileDescription:
    """The description of a file that could be read; else ``InputUnreadable`` with what is wrong and what to do."""
    if description.error is not None:
        raise InputUnreadable(f"{description.file}: {description.error}")
    return description


def _cache_key(data: DataInput) -> str:
    """Holds the name's digest too, since tables of one sheet are called after their file."""
    version = f"{VERSION}-{digest(ANALYZER, *READING)[:12]}"
    named = hashlib.sha256(data.name.encode()).hexdigest()[:12]
    return f"cache/analyze/{version}/{data.sha256}-{named}"


def _description(data: DataInput, result: SandboxResult) -> tuple[FileDescription, bool]:
    """(the description, whether it would be the same another time)."""
    if result.status != "ok":
        return _failed(data, _why(result)), result.status in ("memory", "error")
    files = (
        cast(dict[str, Json], result.result["files"])
        if isinstance(result.result, dict) and isinstance(result.result.get("files"), dict)
        else {}
    )
    found = files.get(data.name)
    if not isinstance(found, dict):
        return _failed(data, "the analyzer gave no description of it. Export the table as CSV and try again."), False
    if "error" in found:
        return _failed(data, f"{found['error']}. {found.get('remedy', '')}".strip()), True
    try:
        about = {"file": data.name, "sha256": data.sha256, "analyzer": ANALYZER, "analyzer_version": str(VERSION), **found}
        return FileDescription.model_validate(about), True
    except ValidationError as wrong:
        return _failed(
            data, f"its description is not well formed ({counted(wrong.error_count(), 'error')}). Export the table as CSV and try again."
        ), False


def _why(result: SandboxResult) -> str:
    if result.status == "timeout":
        return "reading it took too long. Give a part of it, or the same table as Parquet."
    if result.status == "memory":
        return "it is too large for the memory of one run. Give a part of it, or the same table as Parquet."
    last = result.traceback.strip().splitlines()[-1:] or [result.status]
    return f"it could not be read ({last[0][:200]}). Export the table as CSV and try again."


def unreadable(name: str, sha256: str, why: str) -> FileDescription:
    """The description of a file that nothing can be read of, and why."""
    return FileDescription(
        file=name, sha256=sha256, format="unknown", tables=(), analyzer=ANALYZER, analyzer_version=str(VERSION), error=why
    )


def _failed(data: DataInput, why: str) -> FileDescription:
    return unreadable(data.name, data.sha256, why)
