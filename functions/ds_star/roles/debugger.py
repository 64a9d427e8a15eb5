"""The Debugger: repairs a script that failed, with the error and the file descriptions in view. There is no extractive one.

The error is summarised by code (``functions/ds_star/failures.py``), so that no call is spent on it.
"""

from __future__ import annotations

from pydantic import Field

from functions.ds_star.briefing import CODE_TOKENS, FILES_TOKENS, Briefing, state_of
from functions.ds_star.code_screen import Screening
from functions.ds_star.loop_state import Loop
from functions.ds_star.roles.coder import MAX_CODE, check_code, plain_code
from schemas.base import Contract
from shared.models.asking import Models
from shared.models.prompts import Prompt, fits
from shared.models.roles import ModelRole


class DebuggerAnswer(Contract):
    """The repaired script, whole."""

    code: str = Field(max_length=MAX_CODE, description="the complete repaired Python script, without a Markdown fence")


DEBUGGER = ModelRole("debugger", Prompt.beside(__file__, "debugger"), DebuggerAnswer, max_output_tokens=8_192)


def ask_debugger(models: Models, briefing: Briefing, loop: Loop, code: str, screening: Screening) -> str:
    """The code, repaired; ``loop.problem`` is what was wrong."""
    variables = {**briefing.variables(files_tokens=FILES_TOKENS), **state_of(loop), "code": fits(code, CODE_TOKENS)}
    return plain_code(models.ask(DEBUGGER, variables, check=lambda answer: check_code(answer.code, screening)).code)
