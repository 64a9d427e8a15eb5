"""The Analyzer: what each file holds. Extractive: the committed analyzer script, cached by the file's content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from functions.ds_star.analyzer import DataInput, analyze_file
from functions.ds_star.state import DataFile
from schemas.analysis import FileDescription
from shared.artifacts import ArtifactStore
from shared.sandbox import CodeSandbox


@dataclass(frozen=True)
class AnalyzerInput:
    """A file, and a folder for the run's own files."""

    file: DataFile
    workdir: Path


def analyze(sandbox: CodeSandbox, artifacts: ArtifactStore, given: AnalyzerInput) -> FileDescription:
    """The file's description; one that cannot be read has ``error`` set and stops no other."""
    return analyze_file(sandbox, artifacts, local_input(artifacts, given.file, given.workdir), given.workdir)


def local_input(artifacts: ArtifactStore, file: DataFile, workdir: Path) -> DataInput:
    """The file on this machine, in a folder of its own: two files may have the same name in the store."""
    folder = workdir / f"input-{file.sha256[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    return DataInput(file.name, artifacts.local_copy(file.uri, folder), file.sha256)
