"""A sandbox run over HTTP: a job as the request, its result and output files as one answer.

The answer is a line of JSON, the result, and after it each output file as it comes out of the inner sandbox too: a line of JSON
(``name``, ``size``), then its bytes. So whoever asks gets the files without a store in between, and reads them with the same distrust.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from schemas.sandbox import (
    SandboxBounds,
    SandboxLibrary,
    SandboxLink,
    SandboxOutput,
    SandboxRunRequest,
    SandboxRunResult,
    SandboxValue,
)
from shared.adapters.sandbox_outputs import OutputWriter
from shared.errors import BadInput, Corrupt
from shared.sandbox import OutputFile, RecordedValue, SandboxInput, SandboxJob, SandboxLimits, SandboxResult
from shared.validation import said

MEDIA_TYPE = "application/vnd.kimera.sandbox-run"
MAX_REQUEST_BYTES = 8 << 20
MAX_RESULT_LINE = 256 << 20
"""Far above what a run may record, emit and print, each character of it escaped; a bound against a service gone wrong."""
CHUNK = 1 << 20
MIB = 1 << 20


def request_of(job: SandboxJob, links: Sequence[SandboxLink], scope: str) -> SandboxRunRequest:
    """The job as it is sent; ``BadInput`` where it is beyond what the service takes."""
    limits = job.limits
    try:
        return SandboxRunRequest(
            scope=scope,
            script=job.script,
            parameters=dict(job.parameters),
            limits=SandboxBounds(
                seconds=limits.seconds,
                memory_mb=limits.memory_mb,
                processes=limits.processes,
                file_mb=limits.file_mb,
                output_bytes=limits.output_bytes,
            ),
            libraries=tuple(SandboxLibrary(name=name, source=source) for name, source in job.libraries),
            inputs=tuple(links),
        )
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {said(e)}" for e in error.errors(include_url=False, include_input=False)[:5])
        raise BadInput(f"The sandbox service does not take this job: {wrong}.", remedy="Keep within the service's bounds.") from error


def job_of(request: SandboxRunRequest, files: Mapping[str, Path]) -> SandboxJob:
    """The job as it is run; ``files`` are its inputs, by name."""
    limits = request.limits
    return SandboxJob(
        script=request.script,
        inputs=tuple(SandboxInput(name, path) for name, path in files.items()),
        parameters=request.parameters,
        limits=SandboxLimits(limits.seconds, limits.memory_mb, limits.processes, limits.file_mb, limits.output_bytes),
        libraries=tuple((library.name, library.source) for library in request.libraries),
        scope=request.scope,
    )


def answer_of(result: SandboxResult) -> Iterator[bytes]:
    """The answer in pieces: the files are read as they are sent."""
    yield _contract(result).model_dump_json().encode() + b"\n"
    for file in result.outputs:
        yield json.dumps({"name": file.name, "size": file.size}).encode() + b"\n"
        with file.path.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                yield chunk


class AnswerReader:
    """Fed with an answer's chunks as they arrive; writes its files into ``outputs_to``. Nothing in it is believed unchecked."""

    def __init__(self, outputs_to: Path, limits: SandboxLimits) -> None:
        self._line: bytearray | None = bytearray()
        self._result: SandboxRunResult | None = None
        self._writer = OutputWriter(outputs_to, limits.file_mb * MIB)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes. Raises ``Corrupt``, ``StorageFull``."""
        if self._line is None:
            self._writer.feed(chunk)
            return
        head, newline, rest = chunk.partition(b"\n")
        self._line += head
        if len(self._line) > MAX_RESULT_LINE:
            raise _unusable("its result is too long")
        if newline:
            line, self._line = bytes(self._line), None
            try:
                self._result = SandboxRunResult.model_validate_json(line)
            except (ValidationError, RecursionError) as error:
                raise _unusable("its result is not one") from error
            self._writer.feed(rest)

    def end(self) -> SandboxResult:
        """The result, once all has arrived; ``Corrupt`` where something is missing or is not what the result says."""
        self._writer.end()
        if self._result is None:
            raise _unusable("it was cut off before the result")
        if self._writer.malformed:
            raise _unusable(f"outputs: {self._writer.malformed}")
        if [_output(file) for file in self._writer.files] != list(self._result.outputs):
            raise _unusable("the output files are not the ones that its result names")
        return _result(self._result, tuple(self._writer.files))


def _unusable(why: str) -> Corrupt:
    return Corrupt(f"The answer of the sandbox service cannot be used: {why}.", remedy="Try again; if it lasts, deploy the service anew.")


def _contract(result: SandboxResult) -> SandboxRunResult:
    return SandboxRunResult(
        status=result.status,
        exit_code=result.exit_code,
        stdout=result.stdout,
        stderr=result.stderr,
        traceback=result.traceback,
        values=tuple(SandboxValue(name=v.name, value=v.value, unit=v.unit, n=v.n, filters=v.filters, line=v.line) for v in result.values),
        result=result.result,
        outputs=tuple(_output(file) for file in result.outputs),
        wall_s=result.wall_s,
        cpu_s=result.cpu_s,
        peak_mb=result.peak_mb,
        warnings=result.warnings,
    )


def _output(file: OutputFile) -> SandboxOutput:
    return SandboxOutput(name=file.name, sha256=file.sha256, size=file.size, media_type=file.media_type)


def _result(found: SandboxRunResult, outputs: tuple[OutputFile, ...]) -> SandboxResult:
    return SandboxResult(
        status=found.status,
        exit_code=found.exit_code,
        stdout=found.stdout,
        stderr=found.stderr,
        traceback=found.traceback,
        values=tuple(RecordedValue(v.name, v.value, v.unit, v.n, v.filters, v.line) for v in found.values),
        result=found.result,
        outputs=outputs,
        wall_s=found.wall_s,
        cpu_s=found.cpu_s,
        peak_mb=found.peak_mb,
        warnings=found.warnings,
    )
