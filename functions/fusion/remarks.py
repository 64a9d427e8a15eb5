"""What a track says besides its statements: readings, notes, limitations, assumptions, warnings.

A warning is worth more than its figure, so a remark is never dropped: a number in it that no recorded fact holds is withheld, and
counted as a dropped sentence would be. What the platform says of itself (``own_words.py``) is neither.
"""

from __future__ import annotations

from collections.abc import Iterable

from functions.fusion.numbers import NumberSources, numerals
from functions.fusion.own_words import own_clauses, own_spans
from functions.fusion.statements import QUOTE_NOT_FOUND
from schemas.analysis import AnalyticalReportPackage
from schemas.evidence import ResearchEvidencePackage
from schemas.fusion import FusionInputPackage

WITHHELD = "[number withheld]"


class Remarks:
    """Remarks of one package, checked against the facts that it records; ``withheld`` counts the numbers left out."""

    def __init__(self, package: FusionInputPackage) -> None:
        self._facts = _facts(package)
        self._clauses = own_clauses(f.encoding for f in package.analysis.files) if package.analysis else own_clauses(())
        self.withheld = 0

    def checked(self, text: str) -> str:
        """``text`` with every number that has no source withheld."""
        import unicodedata

        bad = [n for n in numerals(text) if not self._facts.holds(n)]
        if not bad:
            return text
        plain = unicodedata.normalize("NFKC", text)
        own = own_spans(plain, self._clauses)
        bad = [n for n in bad if not any(start <= n.span[0] and n.span[1] <= end for start, end in own)]
        if not bad:
            return text
        self.withheld += len(bad)
        for numeral in reversed(bad):
            start, end = numeral.span
            plain = plain[:start] + WITHHELD + plain[end:]
        return plain

    def all(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Each remark once, in order, checked."""
        return tuple(self.checked(t) for t in dict.fromkeys(t.strip() for t in texts) if t)


def _facts(package: FusionInputPackage) -> NumberSources:
    """Every number that the packages hold in typed fields, and those of names, quotes and the question."""
    texts = [package.request.question, *(i.name for i in package.request.inputs)]
    if package.research:
        texts += _research_facts(package.research)
    if package.analysis:
        texts += _analysis_facts(package.analysis)
    return NumberSources.of(texts)


def _research_facts(research: ResearchEvidencePackage) -> list[str]:
    texts = [e.quote for e in research.evidence if QUOTE_NOT_FOUND not in e.flags]
    texts += [str(e.page) for e in research.evidence if e.page is not None]
    for source in research.sources:
        texts += [source.title, str(source.pages or 0), source.date or ""]
    texts += [str(len(x)) for x in (research.sources, research.claims, research.evidence, research.sub_questions)]
    return texts


def _analysis_facts(analysis: AnalyticalReportPackage) -> list[str]:
    from functions.fusion.figures import figure

    texts = [
        text
        for v in analysis.values
        for text in (figure(v.value, v.unit, name=v.name, digits=v.digits), v.name, v.filters or "", str(v.n or 0))
    ]
    texts += [str(n) for f in analysis.findings for n in (f.n_used, f.n_dropped) if n is not None]
    for file in analysis.files:
        texts += [file.file, str(len(file.tables)), file.error or ""]  # where a file is broken, as the run that refused it recorded it
        for table in file.tables:
            texts += [table.name, str(table.rows), f"{table.rows:,}", str(table.sampled_rows or 0), str(len(table.columns))]
            for c in table.columns:
                texts += [c.name, str(c.missing), str(c.distinct), str(c.minimum), str(c.maximum), *c.samples, *c.values]
    texts += [str(len(x)) for x in (analysis.files, analysis.findings, analysis.values, analysis.runs, analysis.rounds)]
    return texts
