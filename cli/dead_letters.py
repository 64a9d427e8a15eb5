"""``kimera dead-letters``: what could not be delivered, looked at, delivered again, or put aside with a reason."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli.configuration import load_settings
from cli.console import AsJson, Endpoint, log_to, new_app, note, print_json
from shared.counted import counted
from shared.documents import Json
from shared.errors import BadInput

if TYPE_CHECKING:
    from functions.missions.answers import DeadLetter, LetterHandling
    from infra.local.api import MissionsApi

app = new_app("Look at what could not be delivered; replay or discard it.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The letter's name, as `kimera dead-letters list` shows it.")]
MAX_SHOWN_CHARS = 100


class Status(StrEnum):
    """What became of a letter."""

    KEPT = "kept"
    REPLAYED = "replayed"
    DISCARDED = "discarded"
    ALL = "all"


@app.command(name="list")
def list_letters(
    status: Annotated[Status, typer.Option("--status", help="Which ones; kept: nobody did anything about them yet.")] = Status.KEPT,
    mission: Annotated[str | None, typer.Option("--mission", metavar="MISSION", help="Those of one mission.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many at most.")] = 100,
    endpoint: Endpoint = None,
    as_json: AsJson = False,
) -> int:
    """List dead letters, newest first: those that nobody did anything about yet, unless --status says otherwise."""
    with _platform(endpoint) as (api, _):
        wanted = None if status is Status.ALL else status.value
        page = api.all_dead_letters(limit=limit, status=wanted, mission_id=mission) if api else None
    letters, unreadable = (page.letters, page.unreadable) if page else ((), ())
    if as_json:
        shown: dict[str, Json] = {"dead_letters": [letter.model_dump(mode="json") for letter in letters]}
        print_json(shown | ({"unreadable": [*unreadable]} if unreadable else {}))
        return 0
    if not letters and not unreadable:
        of = f" of {mission}" if mission is not None else ""
        note(f"There are no dead letters{of}." if status is Status.ALL else f"There are no dead letters{of} that are {status}.")
    for letter in letters:
        print(f"{letter.at:%Y-%m-%d %H:%M:%S} UTC  {letter.status:<9}  {letter.name}")
        print(f"    to {letter.route}, {_tried(letter)}: {_short(letter.error)}")
    for name in unreadable:
        note(f"{_printable(name)}  cannot be read: it is damaged. `kimera dead-letters discard NAME --why TEXT` puts it aside as it is.")
    return 0


@app.command()
def show(name: Name, endpoint: Endpoint = None, as_json: AsJson = False) -> int:
    """Show everything that is known of one: its message, where it was to go, how often it was tried, why it failed."""
    letter = _require(endpoint, name)
    if as_json:
        print_json(letter)
    else:
        print("\n".join(_lines(letter)))
    return 0


@app.command()
def replay(
    name: Name,
    again: Annotated[bool, typer.Option("--again", help="Also where it was replayed before.")] = False,
    endpoint: Endpoint = None,
    as_json: AsJson = False,
) -> int:
    """Deliver one again to its handler, exactly as the first time. Handlers take a repeat of what is done already without harm."""
    with _platform(endpoint) as (api, served):
        letter = (api or _nothing(name)).replay(name, again=again)
    if as_json:
        print_json(letter)
        return 0
    begun = letter.replays[-1].mission_id
    if begun is not None:
        print(f"{name} is replayed: its request is the new mission {begun}.")
    else:
        print(f"{name} is replayed: it is in the queue, for {letter.route}.")
    if not served:
        note("No platform runs on this data folder: it is delivered when one does (`kimera serve`).")
    if (about := begun or letter.mission_id) is not None:
        note(f"What comes of it:  kimera inspect {about}")
    return 0


@app.command()
def discard(
    name: Name,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why it is not needed any more.", show_default=False)],
    endpoint: Endpoint = None,
    as_json: AsJson = False,
) -> int:
    """Put one aside with a reason. It is kept and can still be shown; `replay` takes the discarding back."""
    if not why.strip():
        raise BadInput("--why is empty.", remedy="Say in a few words why the letter is not needed any more.")
    with _platform(endpoint) as (api, _):
        letter = (api or _nothing(name)).discard(name, why=why)
    if as_json:
        print_json(letter)
        return 0
    if letter.discarded is not None and letter.discarded.why != why.strip():
        print(f"{name} was discarded before, {_told(letter.discarded)}. Nothing was changed.")
    else:
        print(f"{name} is discarded. `kimera dead-letters replay {name}` would take that back.")
    return 0


@contextmanager
def _platform(endpoint: str | None) -> Iterator[tuple[MissionsApi | None, bool]]:
    """The API, and whether a platform serves it; no API where nothing ever ran on the data folder."""
    from infra.local.access import NoMissionsYet, any_access, serving

    settings = load_settings()
    log_to(settings.home)
    served = endpoint is not None or serving(settings) is not None
    with ExitStack() as stack:
        try:
            api = stack.enter_context(any_access(settings, endpoint=endpoint, token=os.environ.get("KIMERA_TOKEN")))
        except NoMissionsYet:
            yield None, False
        else:
            yield api, served


def _require(endpoint: str | None, name: str) -> DeadLetter:
    with _platform(endpoint) as (api, _):
        return (api or _nothing(name)).dead_letter(name)


def _nothing(name: str) -> MissionsApi:
    from shared.errors import NotFound

    raise NotFound(
        f"There is no dead letter {name[:80]!r}: nothing ever ran on this data folder.", remedy="Set KIMERA_HOME, or use --endpoint."
    )


def _lines(letter: DeadLetter) -> list[str]:
    """The letter for a person."""
    rows = [
        ("name", letter.name),
        ("status", letter.status),
        ("to", letter.route),
        ("mission", letter.mission_id or "none"),
        ("given up", f"{letter.at:%Y-%m-%d %H:%M:%S} UTC, after {_tried(letter)}"),
        ("error", letter.error or "none was said"),
        ("trace", letter.trace_id or "none"),
        *(("replayed", _told(replay)) for replay in letter.replays),
        *([("discarded", _told(letter.discarded))] if letter.discarded else []),
    ]
    lines = [f"{name:<10} {_printable(text)}" for name, text in rows]
    message = json.dumps(letter.payload, indent=2, ensure_ascii=False).splitlines()
    return [*lines, "message", *(f"  {_printable(line)}" for line in message)]


def _tried(letter: DeadLetter) -> str:
    """How often it was tried; whoever gave it up may not have said."""
    return counted(letter.deliveries, "delivery", "deliveries") if letter.deliveries else "deliveries that nobody counted"


def _told(handling: LetterHandling) -> str:
    why = f": {handling.why}" if handling.why else ""
    begun = f", as mission {handling.mission_id}" if handling.mission_id else ""
    return f"by {handling.by} at {handling.at:%Y-%m-%d %H:%M:%S} UTC{begun}{why}"


def _short(text: str) -> str:
    short = text if len(text) <= MAX_SHOWN_CHARS else text[:MAX_SHOWN_CHARS] + "..."
    return _printable(short)


def _printable(text: str) -> str:
    """What a message quotes can come from anywhere: nothing in it acts on the terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
