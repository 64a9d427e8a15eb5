"""A file that the committed analyzer could not read, described by a generated script in the sandbox; cached by the file's content."""

from __future__ import annotations

import hashlib

from functions.ds_star.analyzer import DataInput
from functions.ds_star.briefing import FILE_TOKENS
from functions.ds_star.failures import summary_of
from functions.ds_star.generated import LIMITS
from functions.ds_star.kept import keep, kept
from functions.ds_star.once import once
from functions.ds_star.roles.analyzer import ANALYZER, ask_analyzer, sandbox_input
from functions.ds_star.state import DataFile
from schemas.analysis import FileDescription
from schemas.base import Contract
from shared.errors import InputUnreadable
from shared.models.asking import Models
from shared.models.prompts import fits
from shared.sandbox import CodeSandbox, SandboxJob, SandboxResult
from shared.tracks import SliceContext

MAX_SCRIPTS = 2
"""The first script, and one more with its error in view."""
MAX_FILES = 3
"""Unreadable files of one mission that a model is asked about: a folder of pictures is not worth a call each."""


def describe_with_model(
    sandbox: CodeSandbox, context: SliceContext, models: Models, file: DataFile, description: FileDescription
) -> FileDescription:
    """The description with its ``text``, or as it was where no script could read the file either.

    One file a slice: what comes from the cache asks no model, so a second file would be another call in a slice that is run again.
    Raises ``NoModelAnswer``.
    """
    known = kept(context.artifacts, _cache_key(file))
    if known.description is not None:
        return known.description
    try:
        data = sandbox_input(sandbox, context.artifacts, file, context.workdir)
    except InputUnreadable:  # the description says so already
        return description
    size = context.artifacts.stat(file.uri).size
    if size == 0:
        return description
    problem = ""
    for attempt in range(1, MAX_SCRIPTS + 1):
        code = ask_analyzer(models, description, size, problem)
        told = _run(sandbox, context, data, code, attempt)
        problem = told.problem
        if told.text:
            return keep(context.artifacts, known, description.model_copy(update={"text": told.text}))
    return description


class Told(Contract):
    """What a script said of the file, else why it said nothing."""

    text: str = ""
    problem: str = ""


def _run(sandbox: CodeSandbox, context: SliceContext, data: DataInput, code: str, attempt: int) -> Told:
    """What came of the script, now or in an earlier run of the slice: the next prompt shows its problem."""

    def run() -> Told:
        job = SandboxJob(script=code, inputs=(data.for_sandbox,), limits=LIMITS)
        context.doing(f"running a script that describes {data.name}")
        result = sandbox.run(job, outputs_to=context.workdir / f"described-{data.sha256[:16]}-{attempt}")
        context.doing("")
        if result.status != "ok":
            return Told(problem=summary_of(result, code))
        text = _text(result)
        return Told(text=text) if text else Told(problem='The script ended well but did not call emit({"description": text}).')

    digest = hashlib.sha256(f"{data.name}\0{data.sha256}\0{code}".encode()).hexdigest()
    return once(context, f"described-{attempt}-{digest[:16]}", Told, run)


def _text(result: SandboxResult) -> str:
    found = result.result.get("description") if isinstance(result.result, dict) else None
    return fits(found.strip(), FILE_TOKENS - 150) if isinstance(found, str) else ""


def _cache_key(file: DataFile) -> str:
    named = hashlib.sha256(file.name.encode()).hexdigest()[:12]
    return f"cache/analyze/generated-{ANALYZER.prompt.sha256[:12]}/{file.sha256}-{named}"
