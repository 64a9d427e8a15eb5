"""What every role asks, over material made of a given text: in file names, cells, column names, documents, and other models' answers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from functions.deep_research.roles.auditor import AuditorInput, ask_auditors, at_once
from functions.deep_research.roles.planner import PlannerInput
from functions.deep_research.roles.planner import ask_planner as ask_research_planner
from functions.deep_research.roles.reader import ReaderInput, ask_readers
from functions.deep_research.roles.synthesizer import MAX_CLAIMS, SynthesizerInput, ask_synthesizers
from functions.deep_research.state import ReadDocument
from functions.ds_star.briefing import Briefing
from functions.ds_star.code_screen import Screening
from functions.ds_star.loop_state import Candidate, GeneratedRun, Loop, PlanStep, Recorded
from functions.ds_star.roles.analyzer import ask_analyzer
from functions.ds_star.roles.coder import MAX_CODE, ask_coder
from functions.ds_star.roles.debugger import ask_debugger
from functions.ds_star.roles.finalizer import ask_finalizer
from functions.ds_star.roles.planner import ask_planner
from functions.ds_star.roles.router import ask_router
from functions.ds_star.roles.verifier import ask_verifier
from functions.fusion.roles.checker import CitedSentence, supported
from functions.fusion.roles.filler import Statement, fill
from functions.fusion.roles.pairer import ProposedPair, unrelated
from functions.fusion.roles.writer import Material, write
from schemas.analysis import ColumnDescription, FileDescription, TableDescription
from schemas.evidence import SubQuestion
from shared.errors import ModelUnavailable, NoModelAnswer
from shared.models.calls import ModelAnswer, ModelCall
from shared.models.desk import Desk
from tests.support.models import Scripted
from tests.support.research_claims import claim, listed

Text = Callable[[int], str]
"""So many characters of the text."""


def made_of(text: str) -> Text:
    """So many characters of a text, which is repeated where it is short."""
    whole = text or "x"
    return lambda characters: (whole * (characters // len(whole) + 1))[:characters]


@dataclass(frozen=True)
class Amount:
    """How much of everything there is."""

    files: int
    columns: int
    documents: int
    others: int
    """Steps, values, claims, statements, pairs."""


SMALL = Amount(files=2, columns=2, documents=2, others=2)
LARGEST = Amount(files=40, columns=200, documents=200, others=40)
"""40 files of 200 columns, 200 documents, and as much of the rest as a mission may hold."""


class Asked(Scripted):
    """Writes down what is asked and answers nothing."""

    def send(self, call: ModelCall) -> ModelAnswer:
        """Raises what a provider that is away raises."""
        self.calls.append(call)
        raise ModelUnavailable("The provider is away.")


def every_call(text: Text, amount: Amount) -> dict[str, ModelCall]:
    """What each role asks, by the id of its prompt."""
    asked = Asked()
    for ask in (_analysis, _research, _fusion):
        for question in ask(asked.desk(), text, amount):
            with suppress(NoModelAnswer):
                question()
    return {call.prompt.id: call for call in asked.calls}


def described(text: Text, amount: Amount) -> tuple[FileDescription, ...]:
    """Files whose names, tables, columns, cells and errors are the text; every ninth could be read by a script of its own only."""
    columns = tuple(
        ColumnDescription(
            name=f"{i} {text(60)}",
            dtype="string",
            role="category",
            distinct=200,
            samples=(text(80),) * 3,
            values=tuple(f"{j} {text(190)}" for j in range(min(amount.columns, 20))),
        )
        for i in range(amount.columns)
    )
    table = TableDescription(name=text(100), rows=10**6, columns=columns, warnings=(text(900),) * 9)
    return tuple(
        FileDescription(
            file=f"{n} {text(200)}",
            sha256="0" * 64,
            format="csv",
            tables=(table,),
            analyzer="analyze",
            analyzer_version="1",
            error=text(300) if n % 9 == 0 else None,
            text=text(9_000) if n % 9 == 0 else None,
        )
        for n in range(amount.files)
    )


def briefing(text: Text, amount: Amount) -> Briefing:
    """A mission's briefing."""
    parts = tuple(SubQuestion(id=f"q{i}", text=text(700)) for i in range(1, 13))
    return Briefing(text(4_000), parts, text(2_500), described(text, amount))


def _analysis(desk: Desk, text: Text, amount: Amount) -> list[Callable[[], object]]:
    given = briefing(text, amount)
    steps = tuple(PlanStep(text=f"{i} {text(890)}", question_ids=("q1",)) for i in range(amount.others))
    value = Recorded(name=text(200), value=text(300), unit=text(40), n=10**9, filters=text(300))
    run = GeneratedRun(
        script_name="1.py",
        script="artifact:x",
        script_sha256="0" * 64,
        code_sha256="0" * 64,
        lines_before=0,
        status="ok",
        values=(value,) * 5 * amount.others,
        warnings=(text(300),) * amount.others,
    )
    best = Candidate(round=1, run_id="r1", run=run, steps=steps, question_of={}, missing=text(900))
    loop = Loop(steps=steps, abandoned=tuple(s.text for s in steps), run=run, best=best, problem=text(5_000))
    code = text(MAX_CODE)
    return [
        lambda: ask_analyzer(desk, given.descriptions[0], 10**9, text(5_000)),
        lambda: ask_planner(desk, given, loop),
        lambda: ask_coder(desk, given, loop, code, Screening()),
        lambda: ask_debugger(desk, given, loop, code, Screening()),
        lambda: ask_verifier(desk, given, loop, run, code),
        lambda: ask_router(desk, given, loop),
        lambda: ask_finalizer(desk, given, best),
    ]


def _research(desk: Desk, text: Text, amount: Amount) -> list[Callable[[], object]]:
    parts = tuple(SubQuestion(id=f"q{i}", text=text(700)) for i in range(1, 13))
    documents = tuple(_document(f"{i} {text(250)}") for i in range(amount.documents))
    titles = {"document:1": text(1_000)}
    claims = tuple(claim(text(400) or "x", text(1_900) or "x") for _ in range(amount.others))
    passages = tuple(listed(text(1_900), own=f"chunk:{i}") for i in range(3))
    known = tuple(c.text for c in claims)
    to_judge = claims[: at_once(claims)]
    return [
        lambda: ask_research_planner(desk, PlannerInput(text(4_000), parts, documents, in_space=10_000)),
        lambda: ask_readers(desk, [ReaderInput("q1", text(4_000), text(300), passages, titles, known)], "en"),
        lambda: ask_auditors(desk, [AuditorInput(to_judge, claims[:16], titles)]),
        lambda: ask_synthesizers(
            desk, [SynthesizerInput("q1", text(4_000), text(300), tuple(enumerate(claims[:MAX_CLAIMS])), titles)], "en"
        ),
    ]


def _document(name: str) -> ReadDocument:
    sha = "a" * 64
    return ReadDocument(
        document_id="document:1",
        origin="mission",
        name=name,
        uri="artifact:x",
        title=name,
        sha256=sha,
        media_type="text/plain",
        text_uri="artifact:x",
        text_sha256=sha,
        extractor="x",
        extractor_version="1",
        pages=200,
        language="en",
    )


def _fusion(desk: Desk, text: Text, amount: Amount) -> list[Callable[[], object]]:
    many = range(1, amount.others + 1)
    statements = [Statement(f"c{i}", text(3_600), None) for i in many]
    material = [Material(f"c{i}", text(3_600)) for i in many]
    slots = {f"{{v{i}}}": text(300) for i in many}
    findings = [Material(f"f{i}", text(3_600), slots) for i in many]
    return [
        lambda: fill(desk, statements, [text(200) for _ in range(5 * amount.others)]),
        lambda: unrelated(desk, [ProposedPair(f"c{i}", f"f{i}", text(3_600), text(3_600)) for i in many]),
        lambda: write(
            desk,
            question=text(4_000),
            guidelines=text(2_000),
            claims=material,
            findings=findings,
            conflicts=[text(900) for _ in many],
        ),
        lambda: supported(desk, [CitedSentence(text(900), tuple(text(3_600) for _ in many)) for _ in range(min(5, amount.others))]),
    ]
