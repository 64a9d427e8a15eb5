"""Invariants 5, 6 and 7 at the report: no invented citation, no invented figure, the same bytes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.fusion.compose import compose
from functions.fusion.figures import describe_test, figure, number_text
from functions.fusion.numbers import NumberSources, unsourced
from functions.fusion.render.html import render_html
from functions.fusion.render.json import render_json
from functions.fusion.render.markdown import render_markdown
from functions.fusion.render.tables import cell_text
from functions.fusion.text import clean
from schemas.analysis import AnalyticalReportPackage
from schemas.evidence import ResearchEvidencePackage
from schemas.fusion import FusionInputPackage
from schemas.outcome import MissionOutcomePackage
from tests.support.packages import FILES, TABLE, analysis, changed, full_package, package, replaced, research
from tests.support.report_page import read

ROOT = Path(__file__).resolve().parents[2]
FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def recorded(inputs: FusionInputPackage) -> list[str]:
    """Texts with every number that may stand in a report: written from the package alone, without the composer's help."""
    texts = [inputs.request.question]
    if inputs.research:
        texts += [e.quote for e in inputs.research.evidence]
        texts += [s.title for s in inputs.research.sources] + [s.date or "" for s in inputs.research.sources]
        texts += [f"p. {e.page} {' '.join(e.heading_path)}" for e in inputs.research.evidence]
    if inputs.analysis:
        texts += [figure(v.value, v.unit, name=v.name) for v in inputs.analysis.values]
        texts += [f"{v.name} {v.filters} {v.n}" for v in inputs.analysis.values]
        texts += [describe_test(f.test) for f in inputs.analysis.findings if f.test]
        texts += [f"{f.n_used} {f.n_dropped}" for f in inputs.analysis.findings]
        texts += [f"{c.missing} {t.rows} {c.minimum} {c.maximum}" for f in inputs.analysis.files for t in f.tables for c in t.columns]
        texts += [a.caption for a in inputs.analysis.artifacts]
        texts += [cell_text(cell) for line in TABLE.decode().splitlines() for cell in line.split(",")]
    return texts


def structural(outcome: MissionOutcomePackage) -> set[str]:
    """Numbers that the page states about itself: counts of its own parts, pages and lines that it cites, its cost."""
    claims = [c for s in outcome.sections for c in (*s.findings, *s.passages)]
    counts = {outcome.trust.verified, outcome.trust.unverified, outcome.trust.dropped_sentences, len(outcome.conflicts)}
    pages = {p for s in outcome.sources for p in (*s.cited_pages, s.pages or 0)} | {c.page or 0 for m in claims for c in m.citations}
    lines = {v.line for c in claims for v in c.values}
    return {number_text(n) for n in counts | pages | lines} | {"$0.00"}


def prose(markdown: str) -> str:
    """The Markdown without its code and its provenance, escapes taken away."""
    body = re.sub(r"^```+python\n.*?^```+$", "", markdown.split("\n---\n\n## Provenance")[0], flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"\\(.)", r"\1", re.sub(r"\]\([^)]*\)", "]", body))


def reports(inputs: FusionInputPackage) -> tuple[MissionOutcomePackage, str, str]:
    outcome = compose(inputs)
    return outcome, render_html(outcome, FILES), render_markdown(outcome, FILES)


def assert_every_number_is_sourced(inputs: FusionInputPackage) -> None:
    outcome, html, markdown = reports(inputs)
    sources, own = NumberSources.of(recorded(inputs)), structural(outcome)
    page = read(html)
    for text in page.text:
        assert unsourced(text, sources) == (), text
    assert set(page.structural) <= own
    assert {"".join(page.code).strip()} <= {clean(FILES["trends.py"].decode()).strip(), ""}
    assert unsourced(prose(markdown), sources | NumberSources.of(own)) == ()


# --- invariant 6 ----------------------------------------------------------------------------------------------------


def test_every_number_on_the_page_has_a_source() -> None:
    assert_every_number_is_sourced(full_package())


def test_without_a_source_a_number_would_be_found() -> None:
    """The check itself can fail: the same page against a package without values."""
    _, html, _ = reports(full_package())
    bare = package(research=research(), analysis=None)
    assert any(unsourced(text, NumberSources.of(recorded(bare))) for text in read(html).text)


INVENTED = st.sampled_from(["77,123", "98.6%", "nineteen", "1e9", "3/4 of 55", "¾", "４５６", "CHF4711", "0.44129", "2.282 °C"])
PLACES = st.sampled_from(["claim", "finding", "note", "reading", "limitation", "suggestion", "gap", "warning", "caption"])
OWN = st.sampled_from(
    ["", "A trend needs at least 8. ", "Only the first 8 groups are read. ", "Dates are month first (a first number above 12 occurs). "]
)


@FEW
@given(INVENTED, PLACES, OWN)
def test_an_invented_number_never_reaches_the_page(number: str, place: str, own: str) -> None:
    """Not beside the platform's own numbers either, which stay where they are told."""
    documents, data = research(), analysis()
    text = f"{own}The warming was {number} in the end."
    match place:
        case "claim":
            documents = changed(
                documents, claims=replaced(documents.claims, 1, text=f"{documents.claims[1].text} {text}", support="entailed")
            )
        case "finding":
            data = changed(data, findings=(changed(data.findings[0], statement=f"It rose by {{v1}}. {text}"), *data.findings[1:]))
        case "note" | "reading" | "suggestion":
            change: dict[str, Any] = {"suggestion": {"suggestions": (text,)}}.get(place, {place: text})
            data = changed(data, answers=(changed(data.answers[0], **change), *data.answers[1:]))
        case "limitation":
            data = changed(data, limitations=(text,))
        case "gap":
            documents = changed(documents, gaps=(changed(documents.gaps[0], text=text),))
        case "warning":
            data = changed(data, files=(changed(data.files[0], warnings=(text,)),))
        case _:
            data = changed(data, artifacts=(changed(data.artifacts[0], caption=text), *data.artifacts[1:]))
    inputs = package(research=documents, analysis=data)
    outcome, html, markdown = reports(inputs)
    assert outcome.trust.dropped_sentences > 0
    assert "numbers_withheld" in outcome.flags
    shown = unicodedata.normalize("NFKC", " ".join(read(html).text) + prose(markdown))
    assert unicodedata.normalize("NFKC", number) not in shown
    assert place in ("claim", "finding") or own in shown


def test_where_a_file_is_broken_is_said_once_with_its_place() -> None:
    """The run that refused the file recorded the place: a reader who has to mend the file needs it."""
    broken = "the JSON is malformed at line 4711, column 815 (Expecting value). Check the export."
    data = analysis()
    data = changed(data, files=(*data.files, changed(data.files[0], file="orders.json", tables=(), warnings=(), error=broken)))
    for said, expected in (((), f"orders.json could not be used: {broken}"), ((f"orders.json: {broken}",), f"orders.json: {broken}")):
        outcome = compose(package(research=None, analysis=changed(data, limitations=said)))
        assert [line for line in outcome.limitations if "orders.json" in line] == [expected]
    told = compose(package(research=None, analysis=changed(data, files=(changed(data.files[-1], text="generated code could read it"),))))
    assert not any("could not be used" in line for line in told.limitations)


@pytest.mark.parametrize(
    "statement", ["It rose by 1{v1}.", "It rose by {v1}0.", "It rose by {v1}{v2}.", "It rose by {v1}.{v2}", "It rose by {v9}."]
)
def test_a_slot_cannot_be_grown_into_another_number(statement: str) -> None:
    data = analysis()
    data = changed(data, findings=(changed(data.findings[0], statement=statement), *data.findings[1:]))
    outcome = compose(package(research=None, analysis=data))
    assert outcome.trust.dropped_sentences == 1
    assert not outcome.sections[0].findings


# --- invariant 5 ----------------------------------------------------------------------------------------------------


@FEW
@given(st.sets(st.sampled_from(["e1", "e2", "e3", "e4", "e5"])), st.sampled_from(["verbatim", "entailed", "unchecked", "contradicted"]))
def test_every_citation_is_evidence_and_only_supported_claims_reach_the_answer(lost: set[str], support: str) -> None:
    documents = research()
    evidence = tuple(changed(e, flags=("quote_not_found",)) if e.id in lost else e for e in documents.evidence)
    documents = changed(documents, evidence=evidence, claims=tuple(changed(c, support=support) for c in documents.claims))
    inputs = package(research=documents, analysis=analysis())
    outcome, html, _ = reports(inputs)
    quotes = {e.quote for e in evidence if e.id not in lost}
    claims = [c for s in outcome.sections for c in (*s.findings, *s.passages)] + [c for k in outcome.conflicts for c in (k.first, k.second)]
    assert {c.quote for m in claims for c in m.citations if c.origin == "document"} <= quotes
    assert all(c.support in ("verbatim", "entailed") for c in outcome.executive_summary)
    answer = " ".join(outcome.answer)
    for claim in documents.claims:
        if support in ("unchecked", "contradicted") or set(claim.evidence_ids) <= lost:
            assert claim.text not in answer
    for gone in lost:
        assert next(e.quote for e in evidence if e.id == gone) not in " ".join(read(html).text)


def test_a_claim_that_is_not_in_its_quote_is_not_called_verbatim() -> None:
    documents = research()
    claims = replaced(documents.claims, 4, text="The observed warming is attributed mainly to volcanoes.")
    outcome = compose(package(research=changed(documents, claims=claims), analysis=None))
    (passage,) = outcome.sections[2].passages
    assert passage.support == "unchecked"
    assert "volcanoes" not in " ".join(outcome.answer)


# --- invariant 7 ----------------------------------------------------------------------------------------------------

_CHILD = """
import hashlib, sys
from functions.fusion.compose import compose
from functions.fusion.render.html import render_html
from functions.fusion.render.json import render_json
from functions.fusion.render.markdown import render_markdown
from tests.support.packages import FILES, full_package
outcome = compose(full_package())
shuffled = dict(reversed(FILES.items()))
text = render_html(outcome, shuffled) + render_markdown(outcome, shuffled) + render_json(outcome)
print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_the_same_package_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    def run(seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        return subprocess.run([sys.executable, "-c", _CHILD], env=environment, check=True, capture_output=True, text=True).stdout

    assert run("1") == run("4711")


def test_the_order_of_mappings_does_not_matter() -> None:
    outcome = compose(full_package())
    known = outcome.provenance
    turned = known.model_copy(update={"uris": dict(reversed(known.uris.items())), "attempts": dict(reversed(known.attempts.items()))})
    other = outcome.model_copy(update={"provenance": turned, "cost_per_track": dict(reversed(outcome.cost_per_track.items()))})
    for render in (lambda o: render_html(o, FILES), lambda o: render_markdown(o, FILES), render_json):
        assert render(outcome) == render(other)


def test_only_the_provenance_differs_between_two_equal_missions() -> None:
    one = full_package()
    two = one.model_copy(update={"mission_id": "01JPA7Z0KD5M3Q8W9X2V4C6B7Z", "created_at": one.created_at.replace(year=2027)})
    pages = [reports(p) for p in (one, two)]
    assert pages[0][1].split('<footer id="provenance"')[0] == pages[1][1].split('<footer id="provenance"')[0]
    assert pages[0][2].split("## Provenance")[0] == pages[1][2].split("## Provenance")[0]
    assert pages[0][1] != pages[1][1]


# --- missing tracks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("documents", "data"), [(None, analysis()), (research(), None), (None, None)])
def test_a_report_stands_on_what_there_is(documents: ResearchEvidencePackage | None, data: AnalyticalReportPackage | None) -> None:
    inputs = package(research=documents, analysis=data)
    assert_every_number_is_sourced(inputs)
    outcome, html, markdown = reports(inputs)
    assert outcome.notices
    assert all(notice in prose(markdown) for notice in outcome.notices)
    assert html.startswith("<!DOCTYPE html>")
    assert outcome.answer[0].startswith("Not answered") == (documents is None and data is None)
