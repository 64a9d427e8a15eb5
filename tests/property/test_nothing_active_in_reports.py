"""Invariant 8 at the report: whatever text a mission comes upon, it is shown as text, and nothing of it is active."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from functions.fusion.alignment import align
from functions.fusion.compose import compose
from functions.fusion.render.html import render_html
from functions.fusion.render.json import render_json
from functions.fusion.render.markdown import render_markdown
from schemas.analysis import EvidenceRequest
from schemas.evidence import Hypothesis
from schemas.fusion import FusionInputPackage
from schemas.handoff import Offer, TakenUp
from schemas.outcome import MissionOutcomePackage
from tests.support.packages import analysis, changed, full_package, research
from tests.support.report_page import read

FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
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
    source = changed(documents.sources[0], title=text, uri=text, date=text)
    evidence = tuple(changed(e, quote=text or "x", heading_path=(text, text)) for e in documents.evidence)
    claims = tuple(changed(c, text=text, assertion=None) for c in documents.claims)
    questions = tuple(changed(q, text=text) for q in documents.sub_questions)
    offer = Offer(key="0" * 16, kind="hypothesis", text=text[:600] or "x", analysis=text[:600], source=text[:400])
    asked = tuple(TakenUp(offer=offer, question_id=q.id) for q in questions)
    hypotheses = (
        Hypothesis(id="h1", text=text, suggested_analysis=text, claim_ids=(claims[0].id,)),
        Hypothesis(id="h2", text=f"open {text}"),
    )
    documents = changed(
        documents,
        hypotheses=hypotheses,
        taken_up=asked[:1],
        question=text,
        sub_questions=questions,
        sources=(source, documents.sources[1]),
        evidence=evidence,
        claims=claims,
        limitations=(text,),
        gaps=(changed(documents.gaps[0], text=text),),
        tier=text,
        answers=tuple(changed(a, note=text) for a in documents.answers),
    )
    values = tuple(changed(v, name=text, unit=text, filters=text, value=text) for v in data.values)
    wanted = (EvidenceRequest(id="e1", text=f"more {text}"), EvidenceRequest(id="e2", text=text))
    data = changed(
        data,
        evidence_requests=wanted,
        taken_up=asked[-1:],
        question=text,
        sub_questions=questions,
        values=values,
        limitations=(text,),
        flags=(text,),
        tier=text,
        findings=tuple(
            changed(
                f,
                statement=f"{text} {{v3}}",
                value_ids=("v3",),
                columns=(text,),
                assertion=None,
                test=changed(f.test, name=text) if f.test else None,
            )
            for f in data.findings
        ),
        artifacts=tuple(changed(a, name=text + a.name, caption=text) for a in data.artifacts),
        answers=tuple(changed(a, reading=text, note=text, suggestions=(text,)) for a in data.answers),
        runs=tuple(changed(r, script=text) for r in data.runs),
    )
    whole = full_package()
    return whole.model_copy(
        update={
            "request": changed(whole.request, question=text or "x"),
            "research": documents,
            "analysis": data,
            "alignment": align(documents, data),
        }
    )


ALLOWED = frozenset(
    "html head meta title style body a header p span h1 h2 h3 main section dl div dt dd ul ol li nav figure img figcaption table caption "
    "thead tbody tr th td details summary pre code article blockquote footer cite mark strong".split()
)
BY_WHAT_THERE_IS = frozenset("img figcaption mark details pre table a nav ol".split())
"""Elements that a page may have and another not: questions without a word stay apart, for one, and are listed as its contents."""


@FEW
@example("-->\n<!--\n]]>")
@given(HOSTILE)
def test_no_text_becomes_markup_in_the_page(text: str) -> None:
    inputs = poisoned(text)
    outcome = compose(inputs)
    files = {a.name: f"{text}\n{text},{text}\n".encode() for a in outcome.artifacts}
    calm = compose(poisoned("calm"))
    page, quiet = read(render_html(outcome, files)), read(render_html(calm, {a.name: b"calm\ncalm,calm\n" for a in calm.artifacts}))
    assert {tag for tag, _ in page.elements} <= ALLOWED
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in quiet.elements} | BY_WHAT_THERE_IS
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
