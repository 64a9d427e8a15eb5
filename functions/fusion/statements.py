"""Claims and findings become statements of the report: figures formatted, numbers checked, citations in the reader's terms."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from functions.fusion.figures import bare_figure, describe_test, figure, is_p_value, unit_text
from functions.fusion.numbers import NumberSources, sentences, unsourced
from schemas.analysis import AnalyticalReportPackage, Finding, Value
from schemas.evidence import Claim, Evidence, ResearchEvidencePackage, Source, Support
from schemas.outcome import Citation, MergedClaim, StatedValue

QUOTE_NOT_FOUND = "quote_not_found"
"""The flag of evidence whose quote does not stand at its offsets in the stored source text (``functions/fusion/quotes.py``)."""

_SLOT = re.compile(r"\{([a-z]{1,4}[0-9]+(?:\.[0-9]+)?)\}")
_INTERVAL_GOES_ON = re.compile(r" to \{([a-z]{1,4}[0-9]+(?:\.[0-9]+)?)\}")
_GLUED = re.compile(r"[\d}][.,:·]?\{|\}[.,:·]?[\d{]")
_P_EQUALS = re.compile(r"\b([pP])\s*=\s*$")


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements of one track by their id, and how many sentences were dropped because a number had no source."""

    by_id: Mapping[str, MergedClaim]
    dropped: int


def research_statements(package: ResearchEvidencePackage) -> Statements:
    """Every claim that can be cited, with its quotes."""
    evidence = {e.id: e for e in package.evidence if QUOTE_NOT_FOUND not in e.flags}
    sources = {s.id: s for s in package.sources}
    question = NumberSources.of([package.question])
    kept: dict[str, MergedClaim] = {}
    dropped = 0
    for claim in package.claims:
        cited = [evidence[i] for i in claim.evidence_ids if i in evidence]
        allowed = question | NumberSources.of(e.quote for e in cited)
        all_sentences = sentences(claim.text)
        good = [s for s in all_sentences if not unsourced(s, allowed)]
        if not cited or not good:
            dropped += max(1, len(all_sentences))
            continue
        dropped += len(all_sentences) - len(good)
        text = claim.text if len(good) == len(all_sentences) else " ".join(good)
        kept[claim.id] = MergedClaim(
            id=claim.id,
            origin="document",
            text=text,
            support=_support(claim, text, cited, sources),
            citations=tuple(_quote_citation(e, sources[e.source_id]) for e in cited),
        )
    return Statements(kept, dropped)


def _support(claim: Claim, text: str, cited: list[Evidence], sources: Mapping[str, Source]) -> Support:
    """The claim's support, or ``unchecked`` where code can see that it does not hold."""
    if claim.support in ("unchecked", "contradicted"):
        return claim.support
    if all(sources[e.source_id].kind == "provider_report" for e in cited):
        return "unchecked"
    if claim.nature == "hypothesis":
        return "unchecked"
    if claim.support == "verbatim" and not is_verbatim(text, [e.quote for e in cited]):
        return "unchecked"
    return claim.support


def is_verbatim(text: str, quotes: list[str]) -> bool:
    """Whether every sentence of ``text`` stands in a quote; spaces, hyphens at line ends and punctuation aside."""
    bare = [_letters(q) for q in quotes]
    return any(_letters(text) in q for q in bare) or all(any(_letters(s) in q for q in bare) for s in sentences(text))


def _letters(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _quote_citation(evidence: Evidence, source: Source) -> Citation:
    page = f", p. {evidence.page}" if evidence.page is not None else ""
    flags = dict.fromkeys((*evidence.flags, *source.flags))
    if source.kind == "provider_report":
        flags["provider_report"] = None
    return Citation(
        origin="document",
        label=f"{source.title}{page}",
        quote=evidence.quote,
        source_title=source.title,
        page=evidence.page,
        heading_path=evidence.heading_path,
        flags=tuple(flags),
    )


def analysis_statements(package: AnalyticalReportPackage) -> Statements:
    """Every finding with its recorded values set in."""
    values = {v.id: v for v in package.values}
    scripts = script_names(package)
    files = {f.sha256: f.file for f in package.files}
    question = NumberSources.of([package.question])
    kept: dict[str, MergedClaim] = {}
    dropped = package.dropped
    for finding in package.findings:
        own = [values[i] for i in finding.value_ids]
        text = fill_slots(finding.statement, own)
        allowed = question | value_sources(own) | NumberSources.of((*finding.columns, *files.values()))
        if finding.test is not None:
            allowed |= NumberSources.of([describe_test(finding.test)])
        if finding.n_used is not None:
            allowed |= NumberSources.of([str(finding.n_used), str(finding.n_dropped or 0)])
        if text is None or unsourced(without_slots(finding.statement), allowed):
            dropped += 1
            continue
        inputs = [files[s] for s in finding.inputs if s in files]
        kept[finding.id] = MergedClaim(
            id=finding.id,
            origin="data",
            text=text,
            support="entailed" if finding.verified and own else "unchecked",
            citations=(Citation(origin="data", label=_data_label(inputs, finding), script=scripts[finding.run]),),
            values=tuple(_stated(v, scripts[v.run]) for v in own),
            test=finding.test,
            n_used=finding.n_used,
            n_dropped=finding.n_dropped,
        )
    return Statements(kept, dropped)


def value_sources(values: list[Value]) -> NumberSources:
    """The numbers that recorded values bring: the figure as it is shown, its n, and the words that were recorded with it."""
    texts = (
        [figure(v.value, v.unit, name=v.name, digits=v.digits) for v in values]
        + [v.name for v in values]
        + [v.filters or "" for v in values]
    )
    return NumberSources.of(texts + [str(v.n) for v in values if v.n is not None])


def fill_slots(statement: str, values: list[Value]) -> str | None:
    """The statement with each ``{v3}`` replaced by its figure; ``None`` where a slot has no value or touches another number."""
    by_id = {v.id: v for v in values}
    statement = re.sub(r"\},\{", "}, {", statement)
    if _GLUED.search(statement) or any(slot not in by_id for slot in _SLOT.findall(statement)):
        return None
    parts: list[str] = []
    end = 0
    for match in _SLOT.finditer(statement):
        before, value = statement[end : match.start()], by_id[match.group(1)]
        text = _figure_before(value, statement[match.end() :], by_id)
        if is_p_value(value.name, value.value) and text[0] in "<>":
            before = _P_EQUALS.sub(r"\1 ", before)
        parts += [before, text]
        end = match.end()
    return "".join((*parts, statement[end:]))


def without_slots(statement: str) -> str:
    """The statement's own words: what a model wrote besides its slots."""
    return _SLOT.sub(" ", statement)


def _figure_before(value: Value, following: str, by_id: Mapping[str, Value]) -> str:
    """The figure, without its unit where the sentence goes on with that very unit, or with the other end of its interval."""
    unit = unit_text(value.unit)
    rest = following.lstrip()
    if (upper := _INTERVAL_GOES_ON.match(following)) and by_id[upper.group(1)].unit == value.unit:
        return bare_figure(value.value, name=value.name, digits=value.digits)
    if unit and any(rest.casefold().startswith(u.casefold()) for u in {unit, value.unit or unit, _singular(unit)}):
        return bare_figure(value.value, name=value.name, digits=value.digits)
    return figure(value.value, value.unit, name=value.name, digits=value.digits)


def _singular(unit: str) -> str:
    return unit[:-1] if len(unit) > 3 and unit.endswith("s") else unit


def script_names(package: AnalyticalReportPackage) -> dict[str, str]:
    """The script's file name for each run: that of its artifact, or what the run calls it."""
    names = {r.id: (r.script if "\n" not in r.script else "analysis.py") for r in package.runs}
    by_sha = {a.sha256: a.name for a in package.artifacts if a.kind == "script"}
    for run in package.runs:
        if run.script_sha256 in by_sha:
            names[run.id] = by_sha[run.script_sha256]
    return names | {a.run: a.name for a in package.artifacts if a.kind == "script" and a.run is not None}


def _data_label(inputs: list[str], finding: Finding) -> str:
    columns = f" ({', '.join(finding.columns)})" if finding.columns else ""
    return f"{', '.join(inputs) or 'the data'}{columns}"


def _stated(value: Value, script: str) -> StatedValue:
    return StatedValue(
        name=value.name,
        text=figure(value.value, value.unit, name=value.name, digits=value.digits),
        value=value.value,
        unit=value.unit,
        n=value.n,
        filters=value.filters,
        script=script,
        line=value.line,
    )
