"""The Analyzer: what each file holds.

The committed analyzer script describes it, cached by the file's content. Only where that fails does a model write a script of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from functions.ds_star.analyzer import DataInput, analyze_file, unreadable
from functions.ds_star.briefing import PROBLEM_TOKENS
from functions.ds_star.roles.coder import check_code, plain_code
from functions.ds_star.state import DataFile
from schemas.analysis import FileDescription
from schemas.base import Contract
from schemas.sandbox import MAX_INPUT_BYTES
from shared.artifacts import ArtifactStore
from shared.errors import Corrupt, InputUnreadable
from shared.inputs import reading_input
from shared.models.asking import Models
from shared.models.prompts import Prompt, PromptValue, fits
from shared.models.roles import ModelRole
from shared.sandbox import CodeSandbox

_SMALLER = "Give a part of it, or the same table as Parquet."


@dataclass(frozen=True)
class AnalyzerInput:
    """A file, and a folder for the run's own files."""

    file: DataFile
    workdir: Path


def analyze(sandbox: CodeSandbox, artifacts: ArtifactStore, given: AnalyzerInput) -> FileDescription:
    """The file's description; one that cannot be read has ``error`` set and stops no other."""
    try:
        data = sandbox_input(sandbox, artifacts, given.file, given.workdir)
    except InputUnreadable as lost:
        return unreadable(given.file.name, given.file.sha256, why_lost(given.file, lost))
    return analyze_file(sandbox, artifacts, data, given.workdir)


def sandbox_input(sandbox: CodeSandbox, artifacts: ArtifactStore, file: DataFile, workdir: Path) -> DataInput:
    """The file as the sandbox takes it: by its address, or on this machine, in a folder of its own (two may have the same name).

    ``InputUnreadable`` where what is stored is damaged or gone, or larger than a sandbox elsewhere takes.
    """
    with reading_input(file.name, file.uri):
        if sandbox.reads_artifacts:  # a copy would lie in this function's memory
            size = artifacts.stat(file.uri).size
            if size > MAX_INPUT_BYTES:
                raise InputUnreadable(f"{file.name}: it has {size:,} bytes; the sandbox takes {MAX_INPUT_BYTES:,}.", remedy=_SMALLER)
            if artifacts.digest(file.uri) != file.sha256:
                raise Corrupt(f"The artifact {file.uri} is not what was stored.", place=file.uri)
            return DataInput(file.name, None, file.sha256, file.uri)
        folder = workdir / f"input-{file.sha256[:16]}"
        folder.mkdir(parents=True, exist_ok=True)
        return DataInput(file.name, artifacts.local_copy(file.uri, folder), file.sha256, file.uri)


def why_lost(file: DataFile, lost: InputUnreadable) -> str:
    """What a description says of the file whose ``sandbox_input`` there is none of."""
    return str(lost).removeprefix(f"{file.name}: ")


class AnalyzerAnswer(Contract):
    """A script that describes one file."""

    code: str = Field(max_length=8_000, description="the complete Python script, without a Markdown fence")


ANALYZER = ModelRole("analyzer", Prompt.beside(__file__, "analyzer"), AnalyzerAnswer, max_output_tokens=4_096)


def ask_analyzer(models: Models, description: FileDescription, size: int, problem: str) -> str:
    """A script for a file that the committed one could not read. ``problem``: why the last such script failed."""
    variables: dict[str, PromptValue] = {
        "name": fits(description.file, 300),
        "size": size,
        "error": fits(description.error or "", PROBLEM_TOKENS),
        "problem": fits(problem, PROBLEM_TOKENS) or "(none)",
    }
    return plain_code(models.ask(ANALYZER, variables, check=lambda answer: check_code(answer.code)).code)
