"""Runs one command and turns whatever goes wrong into one clear line and an exit code. ``KIMERA_DEBUG=1`` shows the traceback."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import typer

from cli.commands import INTERRUPTED, Command
from cli.console import JSON_OPTION, print_json
from cli.proxies import pass_over_proxies_here
from shared.errors import KimeraError


def invoke(command: Command, arguments: Sequence[str]) -> int:
    """The command's exit code."""
    wants_json = JSON_OPTION in arguments
    try:
        pass_over_proxies_here(os.environ)
        app = importlib.import_module(command.module).app
        answer = app(args=list(arguments), prog_name=f"kimera {command.name}", standalone_mode=False)
        sys.stdout.flush()
        if answer == INTERRUPTED:  # typer makes it of Ctrl-C, without a word
            print("interrupted", file=sys.stderr)
        return answer if isinstance(answer, int) else 0
    except KimeraError as error:
        return _failed(error.code, error.message, error.remedy_here, error.exit_code, wants_json)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)  # of an error in what was written: the very command, `kimera bench audit`
        asked = context.command_path if context is not None else f"kimera {command.name}"
        remedy = f"`{asked} --help` shows the options."
        return _failed("bad_input", error.format_message(), remedy, error.exit_code, wants_json)
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (IsADirectoryError, NotADirectoryError, FileExistsError) as error:  # a path was given that cannot be what it is to be
        where = f"{error.filename}: " if error.filename else ""
        return _failed("bad_input", f"{where}{error.strerror or error}.", "Give another path.", 2, wants_json)
    except OSError as error:
        from shared.certificates import CERTIFICATES_REMEDY, wrong_certificates

        if not error.filename and (wrong := wrong_certificates()) is not None:  # whoever makes a client of TLS says no more
            return _failed("bad_input", wrong, CERTIFICATES_REMEDY, 2, wants_json)
        if not error.filename and not _folder_is_there():
            return _failed(
                "bad_input", "The folder in which the command was started is gone.", "Change to one that is there.", 2, wants_json
            )
        where = f" {error.filename}:" if error.filename else ""
        return _failed("unavailable", f"The system refused:{where} {error.strerror or error}.", "", 3, wants_json)
    except Exception as error:  # noqa: BLE001 - the outermost place: a defect is said in one line, its traceback shown on demand
        remedy = "This is a defect of KIMERA; KIMERA_DEBUG=1 shows where. The mission, if one had begun, is kept."
        return _failed("internal", f"{type(error).__name__}: {error}", remedy, 1, wants_json)


def _folder_is_there() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _failed(code: str, message: str, remedy: str, exit_code: int, wants_json: bool) -> int:
    if os.environ.get("KIMERA_DEBUG"):
        traceback.print_exc()
    home = os.environ.get("HOME", "")
    shown = message.replace(home + os.sep, "~" + os.sep) if home and Path(home) != Path("/") else message
    print(f"error: {shown}{f' ({remedy})' if remedy else ''}", file=sys.stderr)
    if wants_json:
        print_json({"error": {"code": code, "message": message, "remedy": remedy}})
    return exit_code
