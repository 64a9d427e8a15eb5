"""What a page shows, in reading order, before it becomes Markdown or HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from functions.fusion.figures import describe_test, money_text, number_text
from functions.fusion.render.code import Script, read_script
from functions.fusion.render.svg import chart_bytes
from functions.fusion.render.tables import Table, read_table
from functions.fusion.sources import DATA_FILE
from functions.fusion.text import one_line
from functions.fusion.wording import STATUS_WORDS, SUPPORT_WORDS, TOLD_BY_NOTICES, flag_sentence
from schemas.outcome import MergedClaim, MissionOutcomePackage, OutcomeArtifact, OutcomeSource, Section, StatedValue

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture with its caption; ``data`` is ``None`` where it cannot be shown."""

    name: str
    caption: str
    data: bytes | None
    media_type: str


@dataclass(frozen=True, slots=True)
class NamedTable:
    """A table with its caption."""

    name: str
    caption: str
    table: Table


@dataclass(frozen=True, slots=True)
class SectionView:
    """One sub-question with its pictures, and the scripts that are shown here first."""

    number: int
    section: Section
    status: str
    charts: tuple[Chart, ...]
    tables: tuple[NamedTable, ...]
    scripts: tuple[Script, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Everything a report page shows."""

    outcome: MissionOutcomePackage
    kicker: str
    charts: tuple[Chart, ...]
    tables: tuple[NamedTable, ...]
    sections: tuple[SectionView, ...]
    flag_sentences: tuple[str, ...]
    conflicts: str
    cost: str
    documents: tuple[OutcomeSource, ...]
    data_files: tuple[OutcomeSource, ...]
    answered: bool


_KICKERS = {"partial": "Partial report", "final": "Report", "upgrade": "Report, upgrade"}


def page(outcome: MissionOutcomePackage, files: Mapping[str, bytes]) -> Page:
    """The page of an outcome. ``files`` holds the bytes of its artifacts by name; what is missing is said on the page."""
    charts = [(a, _chart(a, files)) for a in outcome.artifacts if a.kind == "chart"]
    tables = [(a, t) for a in outcome.artifacts if a.kind == "table" and (t := _table(a, files)) is not None]
    lead_charts, later_charts = _lead(charts, outcome)
    lead_tables, later_tables = _lead(tables, outcome)
    figures = key_figures(outcome.executive_summary)
    if figures is not None and not lead_tables:
        lead_tables = [figures]
    shown: set[str] = set()
    sections: list[SectionView] = []
    for number, section in enumerate(outcome.sections, start=1):
        scripts = [s for s in _scripts(section, files, outcome) if s.name not in shown]
        shown.update(s.name for s in scripts)
        sections.append(
            SectionView(
                number=number,
                section=section,
                status=STATUS_WORDS[section.status],
                charts=tuple(c for a, c in later_charts if a.question == section.question),
                tables=tuple(t for a, t in later_tables if a.question == section.question),
                scripts=tuple(scripts),
            )
        )
    return Page(
        outcome=outcome,
        kicker=_KICKERS[outcome.kind],
        charts=tuple(lead_charts),
        tables=tuple(lead_tables),
        sections=tuple(sections),
        flag_sentences=tuple(dict.fromkeys(flag_sentence(f) for f in outcome.flags if f not in TOLD_BY_NOTICES)),
        conflicts=_conflicts(outcome),
        cost=money_text(outcome.trust.cost_micro_usd),
        documents=tuple(s for s in outcome.sources if DATA_FILE not in s.flags),
        data_files=tuple(s for s in outcome.sources if DATA_FILE in s.flags),
        answered=bool(outcome.executive_summary),
    )


def _conflicts(outcome: MissionOutcomePackage) -> str:
    """How many conflicts there are; where nothing could be compared, none could be found."""
    if outcome.conflicts:
        return number_text(len(outcome.conflicts))
    return "nothing to compare" if outcome.trust.compared == 0 else "none found"


def _lead(items: list[tuple[OutcomeArtifact, T]], outcome: MissionOutcomePackage) -> tuple[list[T], list[tuple[OutcomeArtifact, T]]]:
    """The first item and all without a sub-question stand at the top, the others with their sub-question."""
    questions = {s.question for s in outcome.sections}
    lead = [x for i, (a, x) in enumerate(items) if i == 0 or a.question not in questions]
    return lead, [(a, x) for i, (a, x) in enumerate(items) if i > 0 and a.question in questions]


def _chart(artifact: OutcomeArtifact, files: Mapping[str, bytes]) -> Chart:
    caption = one_line(artifact.caption) or one_line(artifact.name)
    safe = chart_bytes(artifact, files[artifact.name]) if artifact.name in files else None
    return Chart(artifact.name, caption, safe[0] if safe else None, safe[1] if safe else artifact.media_type)


def _table(artifact: OutcomeArtifact, files: Mapping[str, bytes]) -> NamedTable | None:
    table = read_table(artifact, files[artifact.name]) if artifact.name in files else None
    return NamedTable(artifact.name, one_line(artifact.caption) or one_line(artifact.name), table) if table else None


def key_figures(claims: tuple[MergedClaim, ...]) -> NamedTable | None:
    """The figures behind the answer as a table; ``None`` without any."""
    values = {(v.name, v.text, v.filters): v for c in claims for v in figures_of(c)}.values()
    rows = tuple((v.name, v.text, number_text(v.n) if v.n is not None else "", v.filters or "") for v in values)
    if not rows:
        return None
    table = Table(("Figure", "Value", "Rows", "Which rows"), rows, (False, True, True, False))
    return NamedTable("key figures", "The figures behind the answer", table)


def _scripts(section: Section, files: Mapping[str, bytes], outcome: MissionOutcomePackage) -> list[Script]:
    """The scripts of a section's findings, with the lines marked that recorded a figure."""
    names = dict.fromkeys(c.script for f in section.findings for c in f.citations if c.script)
    claims = [f for s in outcome.sections for f in s.findings]
    scripts: list[Script] = []
    for name in names:
        hits = {v.line for f in claims for v in f.values if v.script == name}
        script = read_script(name, files[name], hits) if name in files else None
        if script is not None:
            scripts.append(script)
    return scripts


def support_words(claim: MergedClaim) -> str:
    """How well a statement stands, in words."""
    if claim.origin == "data":
        return "computed and recorded" if claim.support == "entailed" else "not verified"
    return SUPPORT_WORDS[claim.support]


def figures_of(claim: MergedClaim) -> tuple[StatedValue, ...]:
    """The recorded values that are figures; a recorded name or word needs no row of its own."""
    return tuple(v for v in claim.values if not isinstance(v.value, str))


def needs_saying(claim: MergedClaim) -> bool:
    """Whether a passage says something that its quotes do not say word for word."""
    return not any(claim.text in (c.quote or "") for c in claim.citations) and claim.support != "verbatim"


def basis(claim: MergedClaim) -> str:
    """What a finding rests on: its test, else how many rows were used and left out."""
    if claim.test is not None:
        return describe_test(claim.test)
    parts = [f"n = {number_text(claim.n_used)}"] if claim.n_used is not None else []
    if claim.n_dropped:
        parts.append(f"{number_text(claim.n_dropped)} left out")
    return ", ".join(parts)
