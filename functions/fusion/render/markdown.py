"""The report as Markdown. All text from documents and data is escaped: in it no HTML, link, image or heading comes alive."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from functions.fusion.figures import number_text
from functions.fusion.render.code import Script
from functions.fusion.render.tables import Table
from functions.fusion.render.view import Chart, NamedTable, Page, SectionView, basis, figures_of, needs_saying, page, support_words
from functions.fusion.text import clean, one_line, slug_name
from functions.fusion.wording import handed_over_words
from schemas.outcome import Citation, Conflict, MergedClaim, MissionOutcomePackage, OutcomeSource

_ALWAYS = re.compile(r"[\\`*\[\]<>|~$@]")
_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_ENTITY = re.compile(r"&(?=#|\w+;)")
_AUTOLINK = re.compile(r"(?<=\w):(?=//)|\bwww(?=\.)", re.IGNORECASE)
_SPECIAL = re.compile(r"[\\`*\[\]<>|~$@&_:]")
"""What the four above look for, but for ``www.``, in one search: most texts have none of it."""
_LINE_START = re.compile(r"^(\s*)([-+=#]|\d{1,9}(?=[.)](?:\s|$)))")


def escape(text: str) -> str:
    """``text`` on one line, as plain text to every Markdown reader: also for GitHub's bare links, mathematics and mentions."""
    line = one_line(text)
    if _SPECIAL.search(line) or "www." in line.lower():
        line = _ENTITY.sub(r"\\&", _ALWAYS.sub(r"\\\g<0>", line))
        line = _UNDERSCORE.sub(r"\\_", line)
        line = _AUTOLINK.sub(lambda m: "\\:" if m.group(0) == ":" else m.group(0) + "\\", line)
    return _LINE_START.sub(lambda m: f"{m[1]}{m[2]}\\" if m[2].isdigit() else f"{m[1]}\\{m[2]}", line)


def render_markdown(outcome: MissionOutcomePackage, files: Mapping[str, bytes]) -> str:
    """The report, in the same order as the page. The same outcome and files give the same bytes."""
    return "\n".join(_blocks(page(outcome, files))).rstrip("\n") + "\n"


def _blocks(view: Page) -> Iterator[str]:
    outcome = view.outcome
    yield from (f"# {escape(outcome.question)}", "", f"*{view.kicker}*", "", "## The answer" if view.answered else "## No answer", "")
    for text in outcome.answer:
        yield from (escape(text), "")
    yield from _trust(view)
    if view.charts or view.tables:
        yield from ("## Chart and table", "")
        yield from _figures(view.charts, view.tables)
    yield from _conflicts(view)
    for section in view.sections:
        yield from _section(section)
    for title, texts in (("Limitations", outcome.limitations), ("What was assumed", outcome.assumptions)):
        if texts:
            yield from (f"## {title}", "", *(f"- {escape(t)}" for t in texts), "")
    yield from _sources(view)
    yield from _provenance(outcome)


def _trust(view: Page) -> Iterator[str]:
    outcome, trust = view.outcome, view.outcome.trust
    yield from ("## How far to trust this", "", "| Verified | Not verified | Conflicts | Left out, no source | Model tier | Cost |")
    yield "| --- | --- | --- | --- | --- | --- |"
    yield (
        f"| {number_text(trust.verified)} | {number_text(trust.unverified)} | {view.conflicts} | {number_text(trust.dropped_sentences)} "
        f"| {escape(trust.tier)} | {view.cost} |"
    )
    yield ""
    notes = [f"- **{escape(t)}**" for t in outcome.notices] + [f"- {escape(t)}" for t in view.flag_sentences]
    if outcome.changes:
        notes.append(f"- What changed: {escape(' '.join(outcome.changes))}")
    if notes:
        yield from (*notes, "")


def _figures(charts: tuple[Chart, ...], tables: tuple[NamedTable, ...]) -> Iterator[str]:
    for chart in charts:
        if chart.data is None:
            yield from (f"*{escape(chart.caption)}* (this chart cannot be shown)", "")
        else:
            yield from (f"![{escape(chart.caption)}](charts/{slug_name(chart.name)})", "", f"*{escape(chart.caption)}*", "")
    for table in tables:
        yield from (f"*{escape(table.caption)}*", "", *_table(table.table), "")
        if table.table.cut:
            yield from ("The table goes on; all of it is in the report’s folder.", "")


def _table(table: Table) -> Iterator[str]:
    yield "| " + " | ".join(escape(c) for c in table.header) + " |"
    yield "| " + " | ".join("---:" if n else "---" for n in table.numeric) + " |"
    for row in table.rows:
        yield "| " + " | ".join(escape(c) for c in row) + " |"


def _conflicts(view: Page) -> Iterator[str]:
    outcome = view.outcome
    if outcome.conflicts:
        yield from ("## Where the sources disagree", "")
        for item in outcome.conflicts:
            yield from _pair(item.first, item.second, item)
    if outcome.agreements:
        yield from ("## Where documents and data agree", "")
        for agreement in outcome.agreements:
            yield from (f"- {_side(agreement.document)}", f"- {_side(agreement.data)}", f"- {escape(agreement.reason)}", "")
    if outcome.comparisons:
        yield from ("## Side by side", "")
        for comparison in outcome.comparisons:
            yield from (f"- {_side(comparison.document)}", f"- {_side(comparison.data)}", f"- {escape(comparison.reason)}", "")


def _pair(first: MergedClaim, second: MergedClaim, conflict: Conflict) -> Iterator[str]:
    yield from (f"- {_side(first)}", f"- {_side(second)}", f"- **{escape(conflict.reason)}**", "")


def _side(claim: MergedClaim) -> str:
    label = "The data" if claim.origin == "data" else escape(claim.citations[0].label)
    return f"**{label}:** {escape(claim.text)}"


def _section(view: SectionView) -> Iterator[str]:
    section = view.section
    yield from (f"## {escape(section.question)}", "", f"*{view.status}*", "")
    for handed in section.handed_over:
        yield from (f"*{escape(handed_over_words(handed))}*", "")
    if section.reading:
        yield from (escape(section.reading), "")
    if section.findings:
        yield from ("### From the data", "")
        for claim in section.findings:
            yield from _finding(claim)
    yield from _figures(view.charts, view.tables)
    for script in view.scripts:
        yield from _code(script)
    if section.passages:
        yield from ("### From the documents", "")
        for claim in section.passages:
            yield from _passage(claim)
    if section.notes:
        yield from (*(f"- {escape(n)}" for n in section.notes), "")
    if section.suggestions:
        yield from ("### What these files can answer", "", *(f"- {escape(s)}" for s in section.suggestions), "")


def _finding(claim: MergedClaim) -> Iterator[str]:
    yield from (escape(claim.text), "")
    if basis(claim):
        yield from (escape(basis(claim)), "")
    labels = "; ".join(escape(c.label) for c in claim.citations)
    yield from (f"*{support_words(claim)}*; from {labels}", "")
    if figures_of(claim):
        rows = tuple(
            (v.name, v.text, number_text(v.n) if v.n is not None else "", v.filters or "all", f"{v.script}, line {number_text(v.line)}")
            for v in figures_of(claim)
        )
        header = ("Figure", "Value", "Rows", "Which rows", "Recorded in")
        yield from (*_table(Table(header, rows, (False, True, True, False, False))), "")


def _passage(claim: MergedClaim) -> Iterator[str]:
    if needs_saying(claim):
        yield from (escape(claim.text), "")
    for citation in claim.citations:
        yield from (*(f"> {escape(x)}" for x in _paragraphs(citation.quote or "")), ">", f"> {_place(citation)}", "")
    yield from (f"*{support_words(claim)}*", "")


def _paragraphs(quote: str) -> Iterator[str]:
    for i, part in enumerate(p for p in clean(quote).split("\n") if p.strip()):
        if i:
            yield ""
        yield part


def _place(citation: Citation) -> str:
    page_text = f", page {number_text(citation.page)}" if citation.page is not None else ""
    path = " › ".join(one_line(h) for h in citation.heading_path if h.strip())
    return f"**{escape(citation.source_title or '')}**{page_text}" + (f" ({escape(path)})" if path else "")


def _code(script: Script) -> Iterator[str]:
    text = clean("\n".join(line.text for line in script.lines))
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    yield from (f"The code: {escape(script.name)}", "", f"{fence}python", text, fence, "")


def _sources(view: Page) -> Iterator[str]:
    if view.documents:
        yield from ("## Sources", "", *(f"- {_source(s)}" for s in view.documents), "")
    if view.data_files:
        yield from ("### Data files" if view.documents else "## Data files", "", *(f"- {escape(s.title)}" for s in view.data_files), "")


def _source(source: OutcomeSource) -> str:
    date = f", {escape(source.date)}" if source.date else ""
    date += f", {escape(source.url)}" if source.url else ""
    if source.cited_pages:
        pages = ", ".join(number_text(p) for p in source.cited_pages)
        total = f" of {number_text(source.pages)}" if source.pages else ""
        return f"**{escape(source.title)}**{date}: quoted from page {pages}{total}"
    return f"**{escape(source.title)}**{date}: {'quoted' if source.quotes else 'read, not quoted'}"


def _provenance(outcome: MissionOutcomePackage) -> Iterator[str]:
    known = outcome.provenance
    yield from ("---", "", "## Provenance", "", "For checking and repeating this report.", "")
    yield f"- mission: {escape(known.mission_id)}"
    yield f"- version: {known.version} ({outcome.kind})"
    yield f"- made: {known.created_at:%Y-%m-%d %H:%M:%S} UTC"
    if known.started_at is not None:
        yield f"- begun: {known.started_at:%Y-%m-%d %H:%M:%S} UTC"
    if known.kimera_version:
        yield f"- KIMERA: {escape(known.kimera_version)}"
    for track, attempt in sorted(known.attempts.items()):
        closed = f", closed: {escape(known.closed_because[track])}" if track in known.closed_because else ""
        yield f"- {escape(track)}: attempt {attempt}{closed}"
    digests = [(s.title, s.sha256) for s in outcome.sources] + [(a.name, a.sha256) for a in outcome.artifacts]
    yield from (f"- {escape(name)}: sha256 {sha256}" for name, sha256 in digests)
    for name, uri in sorted(known.uris.items()):
        yield f"- {escape(name)}: {escape(uri)}"
