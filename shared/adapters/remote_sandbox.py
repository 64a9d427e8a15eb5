"""``CodeSandbox`` over the ``sandbox`` service (decision 0007): the job goes there, inputs by link, and result and files come back."""

from __future__ import annotations

import hashlib
import random
import secrets
import shutil
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.problem import Problem
from schemas.sandbox import MAX_RUN_S, SandboxLink
from shared.adapters.resilience import Fault, Patience, Resilience
from shared.adapters.sandbox_jobs import checked_inputs, make_empty
from shared.adapters.service_tokens import ServiceTokens
from shared.artifacts import ArtifactStore
from shared.clock import Clock
from shared.errors import BadInput, Busy, Corrupt, KimeraError, NotFound, SandboxUnavailable, StorageFull, TooLarge, Unavailable
from shared.sandbox import SandboxJob, SandboxResult
from shared.sandbox_wire import MAX_REQUEST_BYTES, AnswerReader, request_of
from shared.telemetry.context import outgoing_headers

if TYPE_CHECKING:
    import httpx

CONNECT_S = 10.0
AROUND_A_RUN_S = 25.0
"""What a request may take beside the run itself: a cold start, the inputs on their way there, the outputs on their way back."""
PATIENCE = Patience(timeout_s=MAX_RUN_S + AROUND_A_RUN_S, deadline_s=140.0, tries=10, first_wait_s=0.5, failures=30, reset_s=10.0)
"""A job is offered again while an instance starts, or one that serves another mission makes room. All ends before the function does."""
LINK_S = 900
"""How long the link to an input holds: longer than a job is offered."""
UNSCOPED = "cache/sandbox"
CHECK_S = 30.0
"""Of a check: an instance that starts shows first, on itself, that code cannot get out."""
MAX_PROBLEM = 65_536


class SandboxRefuses(Unavailable):
    """The service is there, but not for this caller or not at this address: waiting does not help."""

    retryable = False


_ERRORS: dict[str, type[KimeraError]] = {
    error.code: error for error in (BadInput, TooLarge, NotFound, Busy, SandboxUnavailable, StorageFull, Corrupt, Unavailable)
}


class RemoteSandbox:
    """Runs jobs in the service at the root address ``url``. A job is offered again where the service has no room or its answer is lost:

    a run has no effect but its answer.
    """

    reads_artifacts = True

    def __init__(
        self, url: str, artifacts: ArtifactStore, *, clock: Clock, randomness: random.Random, patience: Patience = PATIENCE
    ) -> None:
        self._url = url.rstrip("/")
        self._artifacts = artifacts
        self._clock = clock
        self._tokens = ServiceTokens(self._url)
        self._way = Resilience(self._named, judge=_judge, clock=clock, uniform=randomness.random, patience=patience)

    def check(self) -> None:
        """Return if the service has shown that it isolates code."""
        self._way.call(self._ask_health)

    def expect(self) -> None:
        """Nothing: which instance a job comes to is decided when it comes."""

    def run(self, job: SandboxJob, *, outputs_to: Path) -> SandboxResult:
        """See ``CodeSandbox.run``."""
        paths = checked_inputs(job, with_artifacts=False)
        make_empty(outputs_to)
        prefix = job.scope or UNSCOPED
        scope = job.scope or f"run-{secrets.token_hex(16)}"  # an instance of its own
        links = [self._link(item.name, item.uri or self._stage(prefix, paths[item.name])) for item in job.inputs]
        body = request_of(job, links, scope).model_dump_json().encode()
        if len(body) > MAX_REQUEST_BYTES:
            raise TooLarge(f"The sandbox job has {len(body):,} bytes; at most {MAX_REQUEST_BYTES:,} are sent.", remedy="Shorten it.")

        def once(timeout_s: float) -> SandboxResult:
            reader = AnswerReader(outputs_to, job.limits)
            try:
                return self._send(body, reader, timeout_s=min(timeout_s, job.limits.seconds + AROUND_A_RUN_S))
            except BaseException:  # also an interruption leaves no half of the outputs
                _clear(outputs_to)
                raise

        return self._way.call(once)

    def _stage(self, prefix: str, path: Path) -> str:
        """The file as an artifact, under its content's digest."""
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return self._artifacts.put_file(f"{prefix}/sandbox-inputs/{digest}", path).uri

    def _link(self, name: str, uri: str) -> SandboxLink:
        known = self._artifacts.stat(uri)
        return SandboxLink(name=name, url=self._artifacts.link(known.uri, seconds=LINK_S), sha256=known.sha256, size=known.size)

    def _send(self, body: bytes, reader: AnswerReader, *, timeout_s: float) -> SandboxResult:
        import httpx

        ends_at = self._clock.monotonic() + timeout_s
        headers = {**outgoing_headers(), **self._tokens.headers(), "Content-Type": "application/json"}
        timeout = httpx.Timeout(timeout_s, connect=CONNECT_S)
        try:
            with (
                httpx.Client(timeout=timeout, trust_env=False) as client,
                client.stream("POST", f"{self._url}/run", content=body, headers=headers) as response,
            ):
                if response.status_code != HTTPStatus.OK:
                    raise self._refused(response)
                for chunk in response.iter_bytes():
                    reader.feed(chunk)
                    if self._clock.monotonic() > ends_at:
                        raise Unavailable(f"{self._named} did not finish its answer in {timeout_s:g} s.", remedy="Try again.")
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        try:
            return reader.end()
        except Corrupt as error:  # cut off on its way: the run is worth another try
            raise Unavailable(error.message, remedy=error.remedy) from error

    def _ask_health(self, timeout_s: float) -> None:
        import httpx

        headers = {**outgoing_headers(), **self._tokens.headers()}
        try:
            with (
                httpx.Client(timeout=httpx.Timeout(min(timeout_s, CHECK_S), connect=CONNECT_S), trust_env=False) as client,
                client.stream("GET", f"{self._url}/health", headers=headers) as response,
            ):
                if response.status_code != HTTPStatus.OK:
                    raise self._refused(response)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    @property
    def _named(self) -> str:
        return f"The sandbox service at {self._url}"

    def _unreachable(self, error: httpx.HTTPError) -> Unavailable:
        return Unavailable(
            f"{self._named} cannot be reached ({type(error).__name__}).", remedy="Check that it runs, and KIMERA_SANDBOX_URL."
        )

    def _refused(self, response: httpx.Response) -> KimeraError:
        """What the service, or what stands before it, says instead of an answer."""
        raw = b""
        for chunk in response.iter_bytes():
            raw += chunk
            if len(raw) > MAX_PROBLEM:
                break
        try:
            problem = Problem.model_validate_json(raw)
        except ValueError:
            return self._refused_before(response.status_code)
        kind = _ERRORS.get(problem.code, Unavailable if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else BadInput)
        return kind(f"{self._named}: {problem.detail}", remedy=problem.remedy)

    def _refused_before(self, status: int) -> KimeraError:
        """An answer that is not the service's own."""
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return SandboxRefuses(f"{self._named} does not let us in ({status}).", remedy="Grant this account roles/run.invoker on it.")
        if status == HTTPStatus.NOT_FOUND:
            return SandboxRefuses(f"There is no sandbox service at {self._url}.", remedy="Correct KIMERA_SANDBOX_URL.")
        return Unavailable(f"{self._named} answers {status}.", remedy="Try again; if it lasts, look at its logs.")


def _judge(error: BaseException) -> Fault:
    """A service that has no room is at work; what it says of the job stands."""
    if isinstance(error, Busy | StorageFull):
        return Fault.PASSING
    passes = isinstance(error, Unavailable) and not isinstance(error, SandboxUnavailable | SandboxRefuses)
    return Fault.OUTAGE if passes else Fault.NONE


def _clear(folder: Path) -> None:
    """Empty a folder that is ours."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
