# ruff: noqa: E501
"""Invariants 5, 6, 7 and 8 at the report: no invented citation, no invented figure, the same bytes, nothing active."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from functions.fusion.alignment import align
from functions.fusion.compose import compose
from functions.fusion.figures import describe_test, figure, number_text
from functions.fusion.numbers import NumberSources, unsourced
from functions.fusion.render.html import render_html
from functions.fusion.render.json import render_json
from functions.fusion.render.markdown import render_markdown
from functions.fusion.render.tables import cell_text
from functions.fusion.text import clean
from schemas.analysis import AnalyticalReportPackage, EvidenceRequest
from schemas.evidence import Hypothesis, ResearchEvidencePackage
from schemas.fusion import FusionInputPackage
from schemas.handoff import Offer, TakenUp
from schemas.outcome import MissionOutcomePackage
from tests.support.packages import FILES, TABLE, analysis, full_package, package, research

ROOT = Path(__file__).resolve().parents[2]
FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
VOID = frozenset({"meta", "img", "br", "link", "hr", "input"})


class Visible(HTMLParser):
    """What a browser would build of a page: elements with their attributes, and text; structural numbers and code set apart."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.structural: list[str] = []
        self.code: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag not in VOID:
            kind = "structural" if attributes.get("class") == "k" else tag
            self._open.append("provenance" if attributes.get("id") == "provenance" else kind)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if {"provenance", "style", "title"} & set(self._open):
            return
        if "structural" in self._open:
            self.structural.append(data)
        elif "pre" in self._open:
            self.code.append(data)
        else:
            self.text.append(data)


def read(html: str) -> Visible:
    page = Visible()
    page.feed(html)
    page.close()
    return page


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


@FEW
@given(INVENTED, PLACES)
def test_an_invented_number_never_reaches_the_page(number: str, place: str) -> None:
    documents, data = research(), analysis()
    text = f"The warming was {number} in the end."
    match place:
        case "claim":
            documents = _with(
                documents, claims=_replaced(documents.claims, 1, text=f"{documents.claims[1].text} {text}", support="entailed")
            )
        case "finding":
            data = _with(data, findings=(_with(data.findings[0], statement=f"It rose by {{v1}}. {text}"), *data.findings[1:]))
        case "note" | "reading" | "suggestion":
            change: dict[str, Any] = {"suggestion": {"suggestions": (text,)}}.get(place, {place: text})
            data = _with(data, answers=(_with(data.answers[0], **change), *data.answers[1:]))
        case "limitation":
            data = _with(data, limitations=(text,))
        case "gap":
            documents = _with(documents, gaps=(_with(documents.gaps[0], text=text),))
        case "warning":
            data = _with(data, files=(_with(data.files[0], warnings=(text,)),))
        case _:
            data = _with(data, artifacts=(_with(data.artifacts[0], caption=text), *data.artifacts[1:]))
    inputs = package(research=documents, analysis=data)
    outcome, html, markdown = reports(inputs)
    assert outcome.trust.dropped_sentences > 0
    assert "numbers_withheld" in outcome.flags
    shown = unicodedata.normalize("NFKC", " ".join(read(html).text) + prose(markdown))
    assert unicodedata.normalize("NFKC", number) not in shown


def test_where_a_file_is_broken_is_said_once_with_its_place() -> None:
    """The run that refused the file recorded the place: a reader who has to mend the file needs it."""
    broken = "the JSON is malformed at line 4711, column 815 (Expecting value). Check the export."
    data = analysis()
    data = _with(data, files=(*data.files, _with(data.files[0], file="orders.json", tables=(), warnings=(), error=broken)))
    for said, expected in (((), f"orders.json could not be used: {broken}"), ((f"orders.json: {broken}",), f"orders.json: {broken}")):
        outcome = compose(package(research=None, analysis=_with(data, limitations=said)))
        assert [line for line in outcome.limitations if "orders.json" in line] == [expected]
    told = compose(package(research=None, analysis=_with(data, files=(_with(data.files[-1], text="generated code could read it"),))))
    assert not any("could not be used" in line for line in told.limitations)


@pytest.mark.parametrize(
    "statement", ["It rose by 1{v1}.", "It rose by {v1}0.", "It rose by {v1}{v2}.", "It rose by {v1}.{v2}", "It rose by {v9}."]
)
def test_a_slot_cannot_be_grown_into_another_number(statement: str) -> None:
    data = analysis()
    data = _with(data, findings=(_with(data.findings[0], statement=statement), *data.findings[1:]))
    outcome = compose(package(research=None, analysis=data))
    assert outcome.trust.dropped_sentences == 1
    assert not outcome.sections[0].findings


def _with(model: Any, **changes: Any) -> Any:
    return model.model_copy(update=changes)


def _replaced(items: tuple[Any, ...], index: int, **changes: Any) -> tuple[Any, ...]:
    return tuple(_with(item, **changes) if i == index else item for i, item in enumerate(items))


# --- invariant 5 ----------------------------------------------------------------------------------------------------


@FEW
@given(st.sets(st.sampled_from(["e1", "e2", "e3", "e4", "e5"])), st.sampled_from(["verbatim", "entailed", "unchecked", "contradicted"]))
def test_every_citation_is_evidence_and_only_supported_claims_reach_the_answer(lost: set[str], support: str) -> None:
    documents = research()
    evidence = tuple(_with(e, flags=("quote_not_found",)) if e.id in lost else e for e in documents.evidence)
    documents = _with(documents, evidence=evidence, claims=tuple(_with(c, support=support) for c in documents.claims))
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
    claims = _replaced(documents.claims, 4, text="The observed warming is attributed mainly to volcanoes.")
    outcome = compose(package(research=_with(documents, claims=claims), analysis=None))
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


# --- invariant 8: nothing active ------------------------------------------------------------------------------------

ATTACKS = st.sampled_from(
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '"><svg/onload=alert(1)>',
        "' onmouseover='alert(1)",
        "</style><script>alert(1)</script>",
        "</pre></code><iframe src=//evil.example></iframe>",
        "javascript:alert(1)",
        "[click](javascript:alert(1))",
        "![x](https://evil.example/x.png)",
        "https://evil.example/pixel",
        "www.evil.example",
        "<https://evil.example>",
        "a@evil.example",
        "\n# heading\n\n---\n> quote",
        "\n\n```\n</code>",
        "{{ 7*7 }}{% raw %}",
        "&lt;script&gt;",
        "| a | b |\n|---|---|",
        "\u202eevil\x00\x1b[31m",
        "- [ ] task\n1. one",
        "<math><mtext></table><mglyph><style><img src=x onerror=alert(1)>",
        "<svg><foreignObject><body onload=alert(1)>",
        "<a href=data:text/html,<script>alert(1)</script>>x</a>",
        "<base href=//evil.example><meta http-equiv=refresh content='0;url=//evil.example'>",
        "<link rel=stylesheet href=//evil.example/x.css><form action=//evil.example><button>go",
        "[x]: https://evil.example\n[x]",
        "![][x]\n\n[x]: //evil.example/x.png",
        "ftp://evil.example mailto:a@evil.example xmpp:evil",
        "\u2028<script>alert(1)</script>\u2029# heading",
        "seen\U000e0069\U000e0067\U000e006e\u00ad\u3164hidden",
        "&#60;script&#62;&NewLine;&lt;",
        "-->\n<!--\n]]>",
        "$$\\href{javascript:alert(1)}{x}$$",
    ]
)
HOSTILE = st.one_of(ATTACKS, st.tuples(st.text(max_size=20), ATTACKS, st.text(max_size=20)).map("".join))


def poisoned(text: str) -> FusionInputPackage:
    """A package with ``text`` in every field that holds text."""
    documents, data = research(), analysis()
    source = _with(documents.sources[0], title=text, uri=text, date=text)
    evidence = tuple(_with(e, quote=text or "x", heading_path=(text, text)) for e in documents.evidence)
    claims = tuple(_with(c, text=text, assertion=None) for c in documents.claims)
    questions = tuple(_with(q, text=text) for q in documents.sub_questions)
    offer = Offer(key="0" * 16, kind="hypothesis", text=text[:600] or "x", analysis=text[:600], source=text[:400])
    asked = tuple(TakenUp(offer=offer, question_id=q.id) for q in questions)
    hypotheses = (
        Hypothesis(id="h1", text=text, suggested_analysis=text, claim_ids=(claims[0].id,)),
        Hypothesis(id="h2", text=f"open {text}"),
    )
    documents = _with(
        documents, hypotheses=hypotheses, taken_up=asked[:1], question=text, sub_questions=questions, sources=(source, documents.sources[1]), evidence=evidence, claims=claims,
        limitations=(text,), gaps=(_with(documents.gaps[0], text=text),), tier=text,
        answers=tuple(_with(a, note=text) for a in documents.answers),
    )  # fmt: skip
    values = tuple(_with(v, name=text, unit=text, filters=text, value=text) for v in data.values)
    wanted = (EvidenceRequest(id="e1", text=f"more {text}"), EvidenceRequest(id="e2", text=text))
    data = _with(
        data, evidence_requests=wanted, taken_up=asked[-1:], question=text, sub_questions=questions, values=values, limitations=(text,), flags=(text,), tier=text,
        findings=tuple(_with(f, statement=f"{text} {{v3}}", value_ids=("v3",), columns=(text,), assertion=None, test=_with(f.test, name=text) if f.test else None) for f in data.findings),
        artifacts=tuple(_with(a, name=text + a.name, caption=text) for a in data.artifacts),
        answers=tuple(_with(a, reading=text, note=text, suggestions=(text,)) for a in data.answers),
        runs=tuple(_with(r, script=text) for r in data.runs),
    )  # fmt: skip
    whole = full_package()
    return whole.model_copy(
        update={
            "request": _with(whole.request, question=text or "x"),
            "research": documents,
            "analysis": data,
            "alignment": align(documents, data),
        }
    )


ALLOWED = frozenset(
    "html head meta title style body a header p span h1 h2 h3 main section dl div dt dd ul ol li nav figure img figcaption table caption "
    "thead tbody tr th td details summary pre code article blockquote footer cite mark strong".split()
)


@FEW
@given(HOSTILE)
def test_no_text_becomes_markup_in_the_page(text: str) -> None:
    inputs = poisoned(text)
    outcome = compose(inputs)
    files = {a.name: f"{text}\n{text},{text}\n".encode() for a in outcome.artifacts}
    calm = compose(poisoned("calm"))
    page, quiet = read(render_html(outcome, files)), read(render_html(calm, {a.name: b"calm\ncalm,calm\n" for a in calm.artifacts}))
    assert {tag for tag, _ in page.elements} <= ALLOWED
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in quiet.elements} | {
        "img",
        "figcaption",
        "mark",
        "details",
        "pre",
        "table",
        "a",
    }
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
        assert (attributes.get("src") or "data:image/").startswith("data:image/")
        assert re.match(r"#[a-z0-9-]+$|https?://", attributes.get("href") or "#x")
        assert (attributes.get("href") or "#").startswith("#") or "noopener" in (attributes.get("rel") or ""), "a link keeps its opener"
    assert not any(set("\u202e\x00\u00ad\u3164\U000e0069") & set(t) for t in page.text)


def links_and_html(tokens: list[Token]) -> list[Token]:
    inner = [child for token in tokens for child in (token.children or [])]
    return [t for t in (*tokens, *inner) if t.type in ("html_block", "html_inline", "link_open", "image", "code_block", "hr")]


@FEW
@given(HOSTILE)
def test_no_text_becomes_markup_in_the_markdown(text: str) -> None:
    inputs = poisoned(text)
    markdown = render_markdown(compose(inputs), {})
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    found = [t for t in links_and_html(tokens) if t.type != "hr"]
    assert [t.type for t in found] == []
    assert sum(t.type == "hr" for t in tokens) == 1
    assert not re.search(r"(?<!\\)(?:https?://|\bwww\.)", markdown)
    headings = [tokens[i + 1].content for i, t in enumerate(tokens) if t.type == "heading_open"]
    assert "heading" not in headings


@FEW
@given(HOSTILE)
def test_the_json_holds_the_text_as_it_is(text: str) -> None:
    outcome = compose(poisoned(text))
    assert MissionOutcomePackage.model_validate_json(render_json(outcome)) == outcome


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
