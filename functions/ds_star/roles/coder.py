"""The Coder: the script that calculates.

With a model: one script that carries out the whole plan. Extractive: a committed script for one operation, and its run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from functions.ds_star.analyzer import DataInput
from functions.ds_star.briefing import CODE_TOKENS, Briefing, state_of
from functions.ds_star.code_screen import Screening
from functions.ds_star.execute import OperationRun, run_operation
from functions.ds_star.loop_state import Loop
from functions.ds_star.operation import OperationSpec
from schemas.analysis import FileDescription
from schemas.base import Contract
from shared.models.asking import Models
from shared.models.prompts import Prompt, fits
from shared.models.roles import ModelRole
from shared.sandbox import CodeSandbox

MAX_CODE = 20_000
_FENCE = re.compile(r"\A\s*```\w*[ \t]*\n(?P<inside>.*?)\n?[ \t]*```\s*\Z", re.DOTALL)


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


class CoderAnswer(Contract):
    """A whole script."""

    code: str = Field(max_length=MAX_CODE, description="the complete Python script, without a Markdown fence")


CODER = ModelRole("coder", Prompt.beside(__file__, "coder"), CoderAnswer, max_output_tokens=8_192)


def ask_coder(models: Models, briefing: Briefing, loop: Loop, base_code: str, screening: Screening) -> str:
    """The code that carries out the plan, made from the code so far."""
    variables = {
        **briefing.variables(),
        **state_of(loop),
        "code": fits(base_code, CODE_TOKENS) or "(none yet)",
    }
    return plain_code(models.ask(CODER, variables, check=lambda answer: check_code(answer.code, screening)).code)


def check_code(code: str, screening: Screening | None = None) -> None:
    """Raises ``ValueError`` for what need not be run to see that it does nothing: no statement, no Python, or what ``screening`` says."""
    try:
        tree = ast.parse(plain_code(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as wrong:
        raise ValueError(f"the code is not Python: {str(wrong)[:200]}") from wrong
    if all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in tree.body):
        raise ValueError("the code is empty")
    if screening is not None:
        screening.check(plain_code(code))


def plain_code(code: str) -> str:
    """The code without the fence that models like to put around it, ending in one line break."""
    fenced = _FENCE.match(code)
    return (fenced["inside"] if fenced else code).strip("\n") + "\n"
