"""Entry point of the command ``kimera``: finds the command in the table and hands over. Help imports nothing else, so it is quick."""

from __future__ import annotations

import sys

try:
    import gc
    import os

    from cli.commands import INTERRUPTED, all_names, find, help_text
except KeyboardInterrupt:  # the very first moments: ``main`` is not there yet to see to it
    print("interrupted", file=sys.stderr)
    sys.exit(130)  # INTERRUPTED, which may be what was being imported

GARBAGE_AFTER = 50_000
"""Objects made until the collector looks for cycles. Imports make many that stay: looking after every 700 costs a tenth of the start."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code (0 done, 1 failed, 2 bad input, 3 a dependency is not available, 130 interrupted)."""
    _have_standard_streams()
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:  # while what a command needs is imported: from then on ``invoke`` sees to it
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _have_standard_streams() -> None:
    """Open those that whoever started the command had closed: a file of ours would take the number, and what is said go into that file."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free is this one
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 - they last as long as the process
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 - likewise
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115 - likewise


def _run(given: list[str]) -> int:
    if not given or given[0] in ("--help", "-h", "help"):
        print(help_text())
        return 0
    if given[0] == "--version":
        from shared.version import VERSION

        print(f"kimera {VERSION}")
        return 0
    command = find(given[0])
    if command is None:
        from difflib import get_close_matches

        close = get_close_matches(given[0], all_names(), n=1)
        hint = f"Did you mean `kimera {close[0]}`?" if close else "`kimera --help` lists the commands."
        print(f"error: There is no command {given[0][:80]!r}. ({hint})", file=sys.stderr)
        return 2
    gc.set_threshold(GARBAGE_AFTER, *gc.get_threshold()[1:])
    from cli.invocation import invoke

    return invoke(command, given[1:])


if __name__ == "__main__":
    sys.exit(main())
