"""Errors of the runner, in one tree.

WorkflowsError                  anything this package raises on purpose
├── DefinitionError             the definition cannot be deployed: file, step, line, what is wrong
├── ArgumentError               an execution cannot start with this argument
├── TransportError              a request that got no response; the transport says which kind
└── WorkflowError               an error inside a running workflow: what ``except`` sees
    └── FatalError              a resource limit: no ``except`` sees it, the execution fails

Tags and their meaning: https://cloud.google.com/workflows/docs/reference/syntax/error-types. The second tag of some errors
(LookupError, OSError, ...) is what executions of the service show.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final, Literal

from infra.local.workflows.values import Value, type_name


class WorkflowsError(Exception):
    """Root of the tree."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a definition. ``line`` and ``column`` count from 1."""

    message: str
    line: int
    column: int
    routine: str = ""
    step: str = ""
    severity: Literal["error", "warning"] = "error"
    code: str = "invalid"

    def text(self, file: str) -> str:
        """``file:line:column: error in step "x": message``"""
        where = f' in step "{self.step}"' if self.step else ""
        return f"{file}:{self.line}:{self.column}: {self.severity}{where}: {self.message}"


class DefinitionError(WorkflowsError):
    """A definition that the service would refuse to deploy. ``problems`` has at least one entry."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        super().__init__("\n".join(problem.text(file) for problem in problems))
        self.file = file
        self.problems = problems


class ArgumentError(WorkflowsError):
    """What an execution is given cannot be: its argument is too large or is not JSON, or a variable of its environment is refused."""


class TransportError(WorkflowsError):
    """A request that got no response.

    ``tag`` is ConnectionFailedError (no connection was made), ConnectionError (it broke) or TimeoutError.
    """

    def __init__(self, tag: Literal["ConnectionFailedError", "ConnectionError", "TimeoutError"], message: str) -> None:
        super().__init__(message)
        self.tag = tag


@dataclass(slots=True)
class Place:
    """Where an error passed: the step, the routine, and the keyword of its action in the text."""

    step: str
    routine: str
    line: int
    column: int = 1
    length: int = 0


@dataclass(slots=True)
class Trace:
    """Places an error passed, innermost first."""

    places: list[Place] = field(default_factory=list)


class WorkflowError(WorkflowsError):
    """An error inside a running workflow. ``payload`` is what ``except: as`` binds: a map, or whatever ``raise`` was given."""

    fatal = False

    def __init__(self, payload: Value) -> None:
        super().__init__()
        self.payload = payload
        self.trace = Trace()

    @property
    def message(self) -> str:
        if isinstance(self.payload, dict):
            message = self.payload.get("message")
            return message if isinstance(message, str) else "map error"
        return self.payload if isinstance(self.payload, str) else type_name(self.payload)

    @property
    def tags(self) -> list[str]:
        tags = self.payload.get("tags") if isinstance(self.payload, dict) else None
        return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []

    def context(self) -> str:
        """The text that the service shows beside the payload: the message, then each step that was being executed."""
        lines = [f"RuntimeError: {json.dumps(self.payload, ensure_ascii=False)}" if isinstance(self.payload, str) else self.message]
        lines += [f'in step "{place.step}", routine "{place.routine}", line: {place.line}' for place in self.trace.places]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.context()


class FatalError(WorkflowError):
    """A limit of the service. The error-types page: these fail the execution at once and cannot be handled with try/except."""

    fatal = True


_PARENT_TAGS: Final[dict[str, tuple[str, ...]]] = {
    "KeyError": ("LookupError",),
    "IndexError": ("LookupError",),
    "ZeroDivisionError": ("ArithmeticError",),
    "TimeoutError": ("OSError",),
    "ConnectionError": ("OSError",),
    "ConnectionFailedError": ("OSError",),
    "RecursionError": ("RuntimeError",),
    "UnhandledBranchError": ("RuntimeError",),
}


def _payload(tag: str, message: str, more: tuple[str, ...] = ()) -> dict[str, Value]:
    tags: list[Value] = [tag, *_PARENT_TAGS.get(tag, ()), *more]
    return {"message": message, "tags": tags}


def failure(tag: str, message: str) -> WorkflowError:
    """An error of the interpreter, with the message as the service words it: ``KeyError: key not found: x``."""
    return WorkflowError(_payload(tag, f"{tag}: {message}"))


def type_failure(message: str) -> WorkflowError:
    """A value of a type that the operation or function does not take."""
    return failure("TypeError", message)


def value_failure(message: str) -> WorkflowError:
    """A value of the right type that is wrong in itself."""
    return failure("ValueError", message)


def key_failure(message: str) -> WorkflowError:
    """A map key, a variable or an environment variable that is not there."""
    return failure("KeyError", message)


def overflow() -> WorkflowError:
    """An integer beyond 64 bits. The tag list has no entry for it, so it carries the nearest documented tag and the usual name."""
    return WorkflowError(
        _payload("ValueError", "ValueError: integer overflow: the result does not fit in 64 bits", ("OverflowError", "ArithmeticError"))
    )


def transport_failure(error: TransportError) -> WorkflowError:
    """A request without a response, with the tag that the transport found."""
    return WorkflowError(_payload(error.tag, str(error)))


def http_failure(code: int, headers: dict[str, Value], body: Value) -> WorkflowError:
    """A response of 400 or more: message, code, headers, body and the tag HttpError."""
    payload = _payload("HttpError", f"HTTP server responded with error code {code}")
    return WorkflowError({**payload, "code": code, "headers": headers, "body": body})


def limit_reached(message: str, more: tuple[str, ...] = ()) -> FatalError:
    """A resource limit of the execution."""
    return FatalError(_payload("ResourceLimitError", f"ResourceLimitError: {message}", more))


def memory_exceeded(limit: int) -> FatalError:
    """The variables of the execution are larger than ``limit`` bytes together."""
    return limit_reached(f"the variables of the execution need more than {limit} bytes", ("MemoryLimitExceededError",))


def too_deep() -> FatalError:
    """Lists or maps inside each other beyond what can be worked with: some hundreds, of which no page says anything."""
    return limit_reached("a value is nested too deeply")


def result_too_large(size: int, limit: int) -> FatalError:
    """A response of more than ``limit`` bytes."""
    return limit_reached(f"the response has {size} bytes; the limit is {limit}", ("ResultSizeLimitExceededError",))


def branch_failure(errors: list[tuple[str, WorkflowError]], limit: int) -> WorkflowError:
    """One UnhandledBranchError with the error of every failed branch or iteration, at most ``limit`` of them."""
    branches: list[Value] = [
        {"id": name, "error": {"context": error.context(), "payload": error.payload}} for name, error in errors[:limit]
    ]
    text = "UnhandledBranchError: One or more branches or iterations encountered an unhandled runtime error"
    return WorkflowError({**_payload("UnhandledBranchError", text), "branches": branches, "truncated": len(errors) > limit})
