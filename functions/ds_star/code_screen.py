"""What generated code is sent back for before it is run: what the sandbox denies anyway, or what would make its figures worthless.

This saves a run and a repair, and tells the model why. It is no security boundary: Python can say the same thing in a hundred ways that
no such list knows. The boundary is the sandbox, so code that a model insists on is run there, and the report says that it was.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

SUSPICIOUS_CODE = "code_suspicious"
"""The flag of an analysis whose code was run although it tries what the sandbox denies."""
MAX_REASONS = 5
_NETWORK = frozenset(
    {"socket", "ssl", "urllib.request", "http", "ftplib", "smtplib", "poplib", "imaplib", "telnetlib", "xmlrpc", "asyncio"}
)
_NETWORK |= {"requests", "httpx", "aiohttp", "urllib3", "paramiko", "websockets", "boto3", "google.cloud"}
_PROCESSES = frozenset({"subprocess", "multiprocessing", "pty", "signal", "concurrent.futures.process", "pip", "ensurepip", "venv"})
_NATIVE = frozenset({"ctypes", "cffi", "_ctypes"})
_OF_OS = frozenset({"system", "popen", "fork", "forkpty", "kill", "killpg", "posix_spawn", "posix_spawnp", "setuid", "ptrace"})
_GIVEN = frozenset({"record", "emit", "inputs", "parameters"})
_INTERNALS = frozenset(
    {"__globals__", "__subclasses__", "__builtins__", "__code__", "__closure__", "__bases__", "__mro__", "__getattribute__"}
)
_TEXT_AS_CODE = frozenset({"eval", "exec", "compile", "__import__"})
_ASKS_A_PERSON = frozenset({"input", "breakpoint"})
_OUT_OF_BOUNDS = ("/proc", "/sys", "/dev", "/etc", "/root", "/home", "/var", "/run")


def reasons_against(code: str) -> tuple[str, ...]:
    """Why the code should be written anew, each with its line, at most ``MAX_REASONS``; nothing for what is no Python."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    found = sorted({(getattr(node, "lineno", 0), reason) for node in ast.walk(tree) for reason in _against(node)})
    return tuple(f"line {line}: {reason}" for line, reason in found)[:MAX_REASONS]


def _against(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            for alias in names:
                yield from _import(alias.name)
        case ast.ImportFrom(module=str(module), names=names, level=0):
            yield from dict.fromkeys(
                reason for name in (module, *(f"{module}.{alias.name}" for alias in names)) for reason in _import(name)
            )
        case ast.Call(func=ast.Name(id=name)) if name in _TEXT_AS_CODE:
            yield f"{name}() runs text as code; write the code itself"
        case ast.Call(func=ast.Name(id=name)) if name in _ASKS_A_PERSON:
            yield f"{name}() waits for a person, and there is none"
        case ast.Attribute(value=ast.Name(id="os"), attr=name) if name in _OF_OS or name.startswith(("exec", "spawn")):
            yield f"os.{name} starts or ends processes; the sandbox allows none"
        case ast.Attribute(attr=name) if name in _INTERNALS:
            yield f"{name} reaches into Python itself; an analysis does not need it"
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) if name in _GIVEN:
            yield _is_given(name)
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if name in _GIVEN:
            yield _is_given(name)
        case ast.Call(func=ast.Name(id="open"), args=[ast.Constant(value=str(path)), *_]) if path.startswith(_OUT_OF_BOUNDS):
            yield f"{path[:60]!r} is not among the inputs; open files by inputs[...]"
        case _:
            pass


def _import(module: str) -> Iterator[str]:
    for modules, why in (
        (_NETWORK, "there is no network"),
        (_PROCESSES, "no process can be started and nothing installed"),
        (_NATIVE, "native code is not for an analysis"),
    ):
        if any(module == name or module.startswith(f"{name}.") for name in modules):
            yield f"{module} is of no use here: {why}"


def _is_given(name: str) -> str:
    return f"{name} is given; do not define it anew, or no figure is recorded"


class Screening:
    """Sends code back once. ``left``: what is still against the code that was taken."""

    def __init__(self) -> None:
        self.left: tuple[str, ...] = ()
        self._sent_back = False

    def check(self, code: str) -> None:
        """Raise ``ValueError`` with the reasons the first time that there are any."""
        self.left = reasons_against(code)
        if self.left and not self._sent_back:
            self._sent_back = True
            raise ValueError(f"the code cannot work as it is: {'; '.join(self.left)}")
