"""Charts lose whatever could act or reach out."""

from __future__ import annotations

import pytest

from functions.fusion.render.svg import safe_svg
from tests.support.packages import CHART

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'


def test_a_plain_chart_keeps_its_shapes() -> None:
    text = safe_svg(CHART)
    assert text is not None
    assert "polyline" in text
    assert 'href="#dot"' in text
    assert "DOCTYPE" not in text


@pytest.mark.parametrize(
    "inner",
    [
        "<script>alert(1)</script>",
        '<rect onclick="alert(1)"/>',
        '<a href="https://evil.example"><rect/></a>',
        '<image href="https://evil.example/x.png"/>',
        '<image xlink:href="data:image/svg+xml;base64,AAAA"/>',
        '<use xlink:href="https://evil.example/x.svg#a"/>',
        "<foreignObject><iframe src='https://evil.example'/></foreignObject>",
        "<style>@import url(https://evil.example/x.css);</style>",
        "<style>rect { fill: url('https://evil.example/#x') }</style>",
        '<rect style="fill: url(//evil.example)"/>',
        '<rect style="background: u\\72l(//evil.example)"/>',
        '<rect fill="url(https://evil.example#x)"/>',
        '<animate attributeName="href" to="javascript:alert(1)"/>',
        '<set attributeName="onclick" to="alert(1)"/>',
        '<x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>',
    ],
)
def test_what_could_act_is_gone(inner: str) -> None:
    text = safe_svg(f"{HEAD}<g>{inner}</g><rect width='1'/></svg>".encode())
    assert text is not None
    assert "evil" not in text
    assert "alert" not in text
    assert "script" not in text
    assert "rect" in text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not xml",
        b"<html><body/></html>",
        b"\xff\xfe<\x00s\x00v\x00g\x00",
        b'<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg"><text>&a;</text></svg>',
        b'<?x <!-- ?><!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg"><text>&a;</text></svg><!-- -->',
        b"<svg>" + b" " * 4_000_001 + b"</svg>",
    ],
)
def test_what_is_no_safe_chart_is_refused(data: bytes) -> None:
    assert safe_svg(data) is None
