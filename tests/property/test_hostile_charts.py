"""A chart that generated code drew is opened by a parser after it was made safe: nothing in it can act or reach out."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.fusion.render.svg import SVG, XLINK_HREF, safe_svg

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:x="http://www.w3.org/1999/xhtml">'
ADDRESSES = (
    "https://evil.example/x",
    "//evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "data:image/svg+xml;base64,AA",
    " #ok",
    "#a",
)
ELEMENTS = (
    "script",
    "foreignObject",
    "image",
    "use",
    "a",
    "animate",
    "set",
    "style",
    "rect",
    "g",
    "text",
    "iframe",
    "x:script",
    "handler",
    "link",
)
NAMES = (
    "href",
    "xlink:href",
    "onload",
    "onclick",
    "style",
    "fill",
    "filter",
    "src",
    "xml:base",
    "clip-path",
    "id",
    "attributeName",
    "begin",
)
STYLES = (
    "fill: url(https://evil.example)",
    "background: u\\72l(//evil.example)",
    "@import '//evil.example'",
    "fill: url( '#a' )",
    "-moz-binding: url(#x)",
    "x: expression(alert(1))",
    "fill: url(/* */https://evil.example)",
    "fill: image-set('https://evil.example/x.png' 1x)",
    "fill: src('https://evil.example')",
    "fill:red",
)
values = st.sampled_from(ADDRESSES + STYLES)


@st.composite
def fragments(draw: st.DrawFn, depth: int = 2) -> str:
    name = draw(st.sampled_from(ELEMENTS))
    attributes = draw(st.dictionaries(st.sampled_from(NAMES), values, max_size=3))
    inside = draw(values) if name in ("style", "script") or not depth else "".join(draw(st.lists(fragments(depth - 1), max_size=2)))
    written = "".join(f' {key}="{escaped(value)}"' for key, value in attributes.items())
    return f"<{name}{written}>{inside if '<' in inside else escaped(inside)}</{name}>"


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(fragments(), min_size=1, max_size=4))
def test_a_chart_made_of_attacks_holds_none_of_them(parts: list[str]) -> None:
    text = safe_svg(f"{HEAD}{''.join(parts)}</svg>".encode())
    assert text is not None
    for element in ET.fromstring(text).iter():
        assert element.tag.startswith(f"{{{SVG}}}")
        assert element.tag.removeprefix(f"{{{SVG}}}") not in ("script", "foreignObject", "a", "animate", "set", "iframe", "handler", "link")
        for name, value in element.attrib.items():
            assert not name.startswith("on") and name not in ("src", "{http://www.w3.org/XML/1998/namespace}base", "begin", "attributeName")
            assert name not in ("href", XLINK_HREF) or value.strip().startswith("#")
        for said in (*element.attrib.values(), element.text or "" if element.tag.endswith("}style") else ""):
            assert "evil.example" not in said and "javascript" not in said and "expression" not in said
