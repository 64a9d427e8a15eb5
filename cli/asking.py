"""What was asked on the command line, as the JSON of a ``MissionRequest``; mistakes are told in terms of the options."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from cli.console import note
from infra.local.files import LocalFile, collect, empty_of_folders
from schemas.base import as_written
from schemas.mission import MAX_QUESTION_CHARS, MissionRequest, Tier
from shared.documents import Json
from shared.errors import BadInput
from shared.http import parse
from shared.language.detect import require_language
from shared.models.credentials import ModelEndpoints
from shared.models.research_choice import check_research
from shared.models.selection import select
from shared.problems import InvalidFields
from shared.settings import Settings

STDIN = "-"
_MAX_STDIN = 1_000_000
_OPTIONS = {
    "question": "the question",
    "knowledge_space": "--space",
    "session_id": "--session",
    "tier": "--tier",
    "budget.cap_usd": "--budget",
    "deadlines": "--soft, --hard, --late",
    "deadlines.soft_s": "--soft",
    "deadlines.hard_s": "--hard",
    "deadlines.late_s": "--late",
    "tracks.deep_research.provider": "--research",
    "tracks.deep_research.web": "--web",
    "hints.measure": "--measure",
    "hints.time": "--time",
    "output_guidelines": "--guidelines",
}

Question = Annotated[
    str | None, typer.Argument(metavar='"QUESTION"', help="What you want to know; `-` reads it from stdin.", show_default=False)
]
Data = Annotated[
    list[Path] | None, typer.Option("--data", metavar="FILE", help="A data file (CSV, TSV, JSON, XLSX, Parquet, SQLite). Repeatable.")
]
Docs = Annotated[
    list[Path] | None, typer.Option("--docs", metavar="DIR|FILE", help="Documents (PDF, DOCX, HTML, Markdown, text). Repeatable.")
]
Space = Annotated[str, typer.Option("--space", metavar="S", help="The knowledge space: its documents are searched too.")]
Session = Annotated[str | None, typer.Option("--session", metavar="S", help="A name that keeps missions of one line of work together.")]
BudgetUsd = Annotated[str | None, typer.Option("--budget", metavar="USD", help="The most the mission may spend.")]
TierName = Annotated[str | None, typer.Option("--tier", metavar="T", help=f"{', '.join(Tier)}.")]
Model = Annotated[
    str | None, typer.Option("--model", metavar="P:NAME", help="One model for every role: google:NAME, or openai:NAME for any endpoint.")
]
PriceOf = Annotated[
    str | None, typer.Option("--price", metavar="IN/OUT", help="What it costs: US dollars for a million tokens, input/output.")
]
Research = Annotated[
    str | None,
    typer.Option(
        "--research",
        metavar="P",
        help="Who researches: builtin, or the remote Gemini Deep Research agent: gemini, gemini-max. The question is sent to it; a job "
        "sets $5 ($10 for max) of the budget aside.",
    ),
]
Web = Annotated[
    str | None,
    typer.Option("--web", metavar="S", help="Where to search the web: none, gemini, brave. Queries are sent there; pages are fetched."),
]
Measure = Annotated[str | None, typer.Option("--measure", metavar="C", help="The column that is measured; it beats every guess.")]
By = Annotated[list[str] | None, typer.Option("--by", metavar="C", help="A column to group by. Repeatable.")]
Time = Annotated[str | None, typer.Option("--time", metavar="C", help="The column that holds the time.")]
Soft = Annotated[int | None, typer.Option("--soft", metavar="SECONDS", help="After this a slow track no longer delays a partial report.")]
Hard = Annotated[
    int | None, typer.Option("--hard", metavar="SECONDS", help="After this tracks hand off what they have, and the report is made.")
]
Late = Annotated[
    int | None, typer.Option("--late", metavar="SECONDS", help="Until then a track that was late may still upgrade the report.")
]
Guidelines = Annotated[str, typer.Option("--guidelines", metavar="TEXT", help="How the report should be written, for tiers with a model.")]


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything of one ``kimera run`` or ``kimera submit`` that makes the request."""

    question: str | None
    data: Sequence[Path] = ()
    documents: Sequence[Path] = ()
    space: str = "default"
    session: str | None = None
    budget: str | None = None
    tier: str | None = None
    model: str | None = None
    price: str | None = None
    research: str | None = None
    web: str | None = None
    measure: str | None = None
    by: Sequence[str] = ()
    time: str | None = None
    soft: int | None = None
    hard: int | None = None
    late: int | None = None
    guidelines: str = ""

    def given(self) -> list[str]:
        """What was asked for, in terms of the options."""
        usual = Asked(None)
        named = [field.name for field in fields(self) if getattr(self, field.name) != getattr(usual, field.name)]
        return [{"question": "the question", "documents": "--docs"}.get(name, f"--{name}") for name in named]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that is valid but for its inputs, which are files still."""

    request: MissionRequest
    files: tuple[LocalFile, ...]

    def body(self, inputs: Sequence[Json]) -> dict[str, Json]:
        """What is posted once the files are stored."""
        return {**self.request.model_dump(mode="json", exclude={"inputs"}), "inputs": list(inputs)}


def prepare(asked: Asked, settings: Settings) -> Prepared:
    """Check all that can be checked before a file is read. Raises ``BadInput`` in terms of the options."""
    selected = select(settings, ModelEndpoints(), tier=tier_named(asked.tier), model=asked.model, price=asked.price)
    question = read_question(asked.question)
    body: dict[str, Json] = {
        "question": question,
        "knowledge_space": asked.space,
        "session_id": asked.session,
        "output_guidelines": asked.guidelines,
        "hints": {"measure": asked.measure, "by": list(asked.by), "time": asked.time},
        "tier": str(selected.tier),
        "model": selected.model.model_dump(mode="json") if selected.model else None,
        "tracks": {"deep_research": {"provider": asked.research or settings.research, "web": asked.web or settings.web_search}},
        "budget": {"cap_usd": _amount(asked.budget) if asked.budget is not None else str(settings.budget_usd)},
        "deadlines": _deadlines(asked.soft, asked.hard, asked.late),
    }
    import json

    _require_heard(asked, selected.tier)
    _require_text(question, asked.guidelines, asked.session, asked.measure, *asked.by, asked.time)
    try:
        request = parse(MissionRequest, json.dumps(body))
    except InvalidFields as error:
        raise BadInput("; ".join(_by_option(wrong) for wrong in error.wrong), remedy="Correct it and try again.") from error
    require_language(request.question)
    check_research(request, on=datetime.now(UTC).date())
    if settings.asks_no_provider and request.tracks.deep_research.remote:
        raise BadInput(
            "KIMERA_MODEL_CASSETTE answers for the models, and holds no answers of remote research.",
            remedy="Use --research builtin and --web none, or unset it.",
        )
    return Prepared(request, _with_content(collect(asked.data, asked.documents), asked))


def _with_content(files: Sequence[LocalFile], asked: Asked) -> tuple[LocalFile, ...]:
    """The files without the empty ones of folders, each of which is told: none of them ends a mission over all the others."""
    empty = empty_of_folders(files, (*asked.data, *asked.documents))
    if empty and len(empty) == len(files):
        raise BadInput("All files there are empty.", remedy="Give files with content.")
    for file in empty:
        note(f"{file.name} is empty, and left out.")
    return tuple(file for file in files if file not in empty)


def _require_heard(asked: Asked, tier: Tier) -> None:
    """Refuse an option that nothing of this mission would look at."""
    columns = [option for option in asked.given() if option in ("--measure", "--by", "--time")]
    if columns and not asked.data:
        named = f"{', '.join(columns)} names a column" if len(columns) == 1 else f"{', '.join(columns)} name columns"
        raise BadInput(f"{named}, and there is no data.", remedy="Give the file with --data, or leave that out.")
    if asked.guidelines and tier is Tier.EXTRACTIVE:
        raise BadInput(
            "--guidelines are for a model, and the tier extractive uses none.",
            remedy="Leave them out, or name a model with --model or a tier with --tier.",
        )


def _require_text(*words: str | None) -> None:
    """Refuse what a terminal of another encoding has sent: its bytes are no characters here."""
    for word in words:
        try:
            (word or "").encode()
        except UnicodeEncodeError as error:
            raise BadInput(
                f"{ascii(word)[:80]} is not UTF-8 text.", remedy="Set the terminal to UTF-8, or pipe the question in from a UTF-8 file."
            ) from error


def read_question(given: str | None) -> str:
    """The question: as given, or from stdin where it is ``-`` or none and stdin is no terminal."""
    if given is not None and given != STDIN:
        question = given
    elif given is None and sys.stdin.isatty():
        raise BadInput("There is no question.", remedy='Write it behind the command: kimera run "How many ...?" --data FILE')
    else:
        try:
            question = sys.stdin.buffer.read(_MAX_STDIN).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadInput("The question on stdin is not UTF-8 text.", remedy="Save it as UTF-8.") from error
    if not question.strip():
        raise BadInput("The question is empty.", remedy="Ask something, for instance: How many rows are there by year?")
    if len(question) > MAX_QUESTION_CHARS:
        raise BadInput(
            f"The question has {len(question):,} characters; at most {MAX_QUESTION_CHARS:,} are taken.",
            remedy="Put long texts into a file and give it with --docs.",
        )
    return question


def tier_named(name: str | None) -> Tier | None:
    """The tier that ``--tier`` names."""
    try:
        return Tier(name) if name is not None else None
    except ValueError as error:
        raise BadInput(f"--tier: {name!r} is none.", remedy=f"Tiers: {', '.join(Tier)}.") from error


def _amount(text: str) -> str:
    try:
        as_written(text)
        amount = Decimal(text.removeprefix("$"))
    except (InvalidOperation, ValueError) as error:
        raise BadInput(f"--budget: {text[:40]!r} is no amount of US dollars.", remedy="Write it like 0.50.") from error
    return str(amount)


def _deadlines(soft: int | None, hard: int | None, late: int | None) -> dict[str, Json]:
    """All deadlines; one that was not given makes room for the others."""
    from schemas.mission import Deadlines

    usual = Deadlines()
    hard_s = hard if hard is not None else max(min(usual.hard_s, late or usual.hard_s), soft or 0)
    soft_s = soft if soft is not None else min(usual.soft_s, hard_s)
    return {"soft_s": soft_s, "hard_s": hard_s, "late_s": late if late is not None else max(usual.late_s, hard_s)}


def _by_option(wrong: str) -> str:
    field, separator, problem = wrong.partition(": ")
    return f"{_OPTIONS.get(field, field)}{separator}{problem}"
