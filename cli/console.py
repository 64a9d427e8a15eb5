"""How the command speaks: results on stdout, everything else on stderr; with ``--json`` exactly one JSON object on stdout."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from logging.handlers import RotatingFileHandler
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
    handler: logging.Handler
    if os.environ.get("KIMERA_DEBUG"):
        handler = logging.StreamHandler()
    else:
        logging.raiseExceptions = False  # a log that cannot be written stops nothing
        handler = _LazyFile(home / "kimera.log", maxBytes=5_000_000, backupCount=1, delay=True, encoding="utf-8")
    handler.setFormatter(_OneEntryEach("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().handlers = [handler]


class _OneEntryEach(logging.Formatter):
    """Whatever a message quotes, it stays one entry: further lines are indented, other control characters are spelled out."""

    def format(self, record: logging.LogRecord) -> str:
        lines = super().format(record).split("\n")
        return "\n    ".join("".join(c if c.isprintable() or c == "\t" else ascii(c)[1:-1] for c in line) for line in lines)


class _LazyFile(RotatingFileHandler):
    """Makes its folder when there is something to write."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            self.handleError(record)  # raised here, it would end the thread that wanted to log
        else:
            super().emit(record)
