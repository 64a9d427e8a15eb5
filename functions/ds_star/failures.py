"""What was wrong with a run of generated code, in the few lines that a repair needs."""

from __future__ import annotations

import re

from shared.sandbox import SandboxResult

MAX_SHOWN = 2_000
NOTHING_RECORDED = (
    "The script ended well but recorded no value. Printed text does not count: "
    "report each figure with record(name, value, unit, n, filters)."
)
_FRAME = re.compile(r'^\s*File "script\.py", line (?P<line>\d+)', re.MULTILINE)
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_ENDS = {
    "timeout": "The script took longer than the minute that it has. Do less, or do it in a faster way.",
    "memory": "The script needed more memory than it has (2 GB). Read only the columns it needs, or work in parts.",
    "output_limit": "The script wrote more than it may. Write less to outputs/ and print nothing.",
    "killed": "The script was ended by a signal: it started too many processes, or a library crashed.",
}


def summary_of(result: SandboxResult, code: str) -> str:
    """Why the run has to be repaired, with the lines of the code that the error went through; empty where it need not be.

    Addresses in memory are left out: they differ from run to run and tell nothing.
    """
    if result.status == "ok":
        return "" if result.values else NOTHING_RECORDED
    if result.status in _ENDS:
        return _ENDS[result.status]
    return _cut(_ADDRESS.sub("0x...", _traceback(result, code.splitlines())))


def _traceback(result: SandboxResult, lines: list[str]) -> str:
    told = result.traceback.strip()
    if not told:
        return f"The script failed with exit code {result.exit_code}. {result.stderr.strip()[-500:]}".strip()
    numbers = list(dict.fromkeys(int(match["line"]) for match in _FRAME.finditer(told)))
    through = [f"  line {n}: {lines[n - 1].strip()[:200]}" for n in numbers if 0 < n <= len(lines)]
    return "\n".join(["The script failed:", _message(told), *(["It went through"] if through else []), *through[-6:]])


def _message(told: str) -> str:
    """The exception itself: the last block that is not indented."""
    lines = told.splitlines()
    start = len(lines) - 1
    while start > 0 and (lines[start].startswith((" ", "\t")) or not lines[start].strip() or not _names_error(lines[start])):
        start -= 1
    return "\n".join(lines[start:])[:1_200]


def _names_error(line: str) -> bool:
    return re.match(r"^[A-Za-z_][\w.]*(?::|$)", line) is not None


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
