"""The report as one HTML file: style and charts inside, no script, nothing fetched, all text escaped by the template engine."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from functions.fusion.figures import number_text
from functions.fusion.render.view import Chart, basis, figures_of, needs_saying, page, support_words
from functions.fusion.text import clean, one_line
from functions.fusion.wording import handed_over_words
from schemas.outcome import Citation, MissionOutcomePackage

if TYPE_CHECKING:
    from jinja2 import Template

_HERE = Path(__file__).parent
LONG_QUESTION = 110
LONG_REPORT = 3
"""Sections from which on a table of contents helps."""


def render_html(outcome: MissionOutcomePackage, files: Mapping[str, bytes]) -> str:
    """The page. The same outcome and files give the same bytes."""
    view = page(outcome, files)
    style = (_HERE / "report.css").read_text("utf-8")
    return _template().render(
        page=view,
        outcome=outcome,
        style=style,
        policy=content_policy(style),
        long_question=len(outcome.question) > LONG_QUESTION,
        contents=len(outcome.sections) >= LONG_REPORT or len(outcome.conflicts) > 0,
    )


def content_policy(style: str) -> str:
    """The page's Content-Security-Policy: this one style sheet and inline pictures, nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False
    )
    environment.finalize = _finalize
    environment.filters.update(
        line=one_line,
        picture=picture,
        support=support_words,
        needs_saying=needs_saying,
        figures=figures_of,
        basis=basis,
        number=number_text,
        where=where,
        web=web_address,
        quote=quoted,
        handed=handed_over_words,
    )
    return environment.get_template("report.html.j2")


def _finalize(value: object) -> object:
    """Every printed text loses its control characters; markup that the template itself made stays markup."""
    return clean(value) if type(value) is str else value


def picture(chart: Chart) -> str:
    """A ``data:`` address of a chart that was made safe."""
    return f"data:{chart.media_type};base64,{base64.b64encode(chart.data or b'').decode()}"


def where(citation: Citation) -> str:
    """Where a quote stands, besides its title: the headings above it."""
    return " › ".join(one_line(h) for h in citation.heading_path if h.strip())


def quoted(citation: Citation, text: str) -> tuple[str, str, str]:
    """The quote in three parts, the middle one being what the claim says word for word."""
    quote = citation.quote or ""
    at = quote.find(text)
    if at < 0 or text == quote:
        return quote, "", ""
    return quote[:at], text, quote[at + len(text) :]


def web_address(uri: str) -> bool:
    """Whether an address may be a link: plain http or https with a host, nothing else."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and clean(uri) == uri and " " not in uri
