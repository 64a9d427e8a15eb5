"""The Coder: the script for one operation, and its run. Extractive: a committed script with the spec as parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from functions.ds_star.analyzer import DataInput
from functions.ds_star.execute import OperationRun, run_operation
from functions.ds_star.operation import OperationSpec
from schemas.analysis import FileDescription
from shared.sandbox import CodeSandbox


@dataclass(frozen=True)
class CoderInput:
    """The operation, the files it may read with their descriptions, and a folder for what it leaves."""

    spec: OperationSpec
    descriptions: Sequence[FileDescription]
    inputs: Sequence[DataInput]
    outputs_to: Path


def code(sandbox: CodeSandbox, given: CoderInput) -> OperationRun:
    """The operation as it was carried out."""
    return run_operation(sandbox, given.spec, {d.file: d for d in given.descriptions}, given.inputs, given.outputs_to)


def files_of(spec: OperationSpec) -> tuple[str, ...]:
    """The files that an operation reads."""
    return (spec.source.file, *([spec.join.right.file] if spec.join else []))
