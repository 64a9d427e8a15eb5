"""A chart as it may stand in a page: an SVG of known elements and attributes, without scripts, styles from afar or outside references.

The page shows it as an image, where a browser runs nothing anyway; this is the second lock on the same door.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from schemas.outcome import OutcomeArtifact

MAX_CHART_BYTES = 4_000_000
"""Above that a chart stays in its file: a page has to open on a phone."""

SVG = "http://www.w3.org/2000/svg"
XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
_ELEMENTS = frozenset(
    "svg g defs path rect circle ellipse line polyline polygon text tspan title desc use symbol clipPath mask marker pattern "
    "linearGradient radialGradient stop style image".split()
)
_ATTRIBUTES = frozenset(
    "id class style transform d x y x1 x2 y1 y2 cx cy r rx ry fx fy width height viewBox preserveAspectRatio points fill stroke opacity "
    "fill-opacity fill-rule stroke-width stroke-opacity stroke-linecap stroke-linejoin stroke-miterlimit stroke-dasharray "
    "stroke-dashoffset clip-path clip-rule clipPathUnits mask maskUnits marker-start marker-mid marker-end markerWidth markerHeight refX "
    "refY orient offset stop-color stop-opacity gradientUnits gradientTransform spreadMethod patternUnits patternTransform font-family "
    "font-size font-weight font-style text-anchor dominant-baseline dx dy rotate letter-spacing version vector-effect shape-rendering "
    "color visibility display".split()
)
_PNG_DATA = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=\s]+")
_FORBIDDEN_STYLE = re.compile(
    r"@|\\|//|/\*|expression|javascript|behaviou?r|-moz-binding|(?:image-set|src|image|cross-fade|element|attr)\s*\(|url\s*\(\s*(?![\"']?#)",
    re.IGNORECASE,
)
"""What loads or runs in a style, and what such things are hidden with: escapes and comments."""
_DOCTYPE = re.compile(r"<!DOCTYPE[^>\[]*>", re.IGNORECASE)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


def safe_svg(data: bytes) -> str | None:
    """The chart with all that could act or reach out taken away; ``None`` where it is no SVG that can be trusted to be one."""
    if len(data) > MAX_CHART_BYTES:
        return None
    try:
        source = _DOCTYPE.sub("", _DECLARATION.sub("", data.decode("utf-8-sig")), count=1)
        if "<!DOCTYPE" in source or "<!ENTITY" in source:
            return None  # an internal DTD: no chart needs one
        root = ET.fromstring(source)  # noqa: S314 - without a DTD there are no entities to expand
    except (UnicodeDecodeError, ET.ParseError, RecursionError):
        return None
    if root.tag != f"{{{SVG}}}svg":
        return None
    _prune(root)
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    return ET.tostring(root, encoding="unicode")


def _prune(element: ET.Element) -> None:
    for name, value in list(element.attrib.items()):
        if not _attribute_is_safe(element.tag, name, value):
            del element.attrib[name]
    if element.tag == f"{{{SVG}}}style" and _FORBIDDEN_STYLE.search(element.text or ""):
        element.text = ""
    for child in list(element):
        tag = child.tag
        if not tag.startswith(f"{{{SVG}}}") or tag.removeprefix(f"{{{SVG}}}") not in _ELEMENTS:
            element.remove(child)
        else:
            _prune(child)


def _attribute_is_safe(tag: str, name: str, value: str) -> bool:
    if name in (XLINK_HREF, "href"):
        if tag == f"{{{SVG}}}image":
            return _PNG_DATA.fullmatch(value.strip()) is not None
        return value.strip().startswith("#")
    return name in _ATTRIBUTES and not _FORBIDDEN_STYLE.search(value)


def chart_bytes(artifact: OutcomeArtifact, data: bytes) -> tuple[bytes, str] | None:
    """The picture as bytes with its media type, made safe; ``None`` for what is neither an SVG nor a PNG."""
    if artifact.media_type == "image/svg+xml" or artifact.name.lower().endswith(".svg"):
        text = safe_svg(data)
        return (text.encode(), "image/svg+xml") if text is not None else None
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) <= MAX_CHART_BYTES:
        return data, "image/png"
    return None
