"""How the command speaks: results on stdout, everything else on stderr; with ``--json`` exactly one JSON object on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from shared.documents import Json

JSON_OPTION = "--json"
AsJson = Annotated[bool, typer.Option(JSON_OPTION, help="Print exactly one JSON object on stdout.")]
Endpoint = Annotated[
    str | None,
    typer.Option(
        "--endpoint",
        metavar="URL",
        help="A running platform; else the one on the data folder. Token: KIMERA_TOKEN, else your Google identity.",
    ),
]
MissionId = Annotated[str, typer.Argument(metavar="MISSION", help="The mission's id, as `kimera list` shows it.")]
Printable: TypeAlias = "BaseModel | Mapping[str, Json]"


def new_app(summary: str) -> typer.Typer:
    """A command's application: plain help, no tracebacks of its own."""
    return typer.Typer(help=summary, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=False)


def print_json(value: Printable) -> None:
    """One JSON object on stdout."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping) else value.model_dump_json()
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A line for the person who watches."""
    print(text, file=sys.stderr, flush=True)


def log_to(home: Path) -> None:
    """Send warnings and errors of all parts to ``<home>/kimera.log``, so that no traceback meets the user (``KIMERA_DEBUG=1``: stderr)."""
    from infra.local.log import log_to_file

    log_to_file(home)
